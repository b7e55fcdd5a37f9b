import { env } from 'cloudflare:workers';
import { base64url } from 'jose';
import { expect, it } from 'vitest';
import { configOf } from '../../src/config.ts';
import { openTicket, signTicket, TICKET_TTL_MS, ticketKeys } from '../../src/files/ticket.ts';
import { newId } from '../../src/ids.ts';
import type { FileInfo } from '../../src/protocol/files.ts';
import { codeOf, value } from '../support/objects.ts';

const keys = ticketKeys(configOf(env));
const now = Date.UTC(2026, 10, 21);
const claim = { user_id: newId('usr'), chat_id: newId('chat') };
const file: FileInfo = {
  id: newId('file'),
  name: '好.txt',
  size: 3,
  type: 'text/plain',
  sha256: '0'.repeat(64),
  inline: false,
  created_at: new Date(now).toISOString(),
};
const signed = () => signTicket(keys, { ...claim, file }, now).ticket;

it('says what it was signed with, to its user, for its conversation', () => {
  expect(value(openTicket(keys, signed(), claim, now))).toEqual(file);
  expect(codeOf(openTicket(keys, signed(), { ...claim, user_id: newId('usr') }, now))).toBe('invalid');
  expect(codeOf(openTicket(keys, signed(), { ...claim, chat_id: newId('chat') }, now))).toBe('invalid');
});

it('ends', () => {
  expect(codeOf(openTicket(keys, signed(), claim, now + TICKET_TTL_MS - 1))).toBe('ok');
  expect(codeOf(openTicket(keys, signed(), claim, now + TICKET_TTL_MS))).toBe('invalid');
});

it('is believed by every key that there is, and by no other', () => {
  const [first, second] = keys;
  if (first === undefined || second === undefined) throw new Error('the tests have two keys');
  const byOld = signTicket([second], { ...claim, file }, now).ticket;
  expect(value(openTicket(keys, byOld, claim, now))).toEqual(file);
  expect(codeOf(openTicket([first], byOld, claim, now))).toBe('invalid');
  const forged = signTicket([{ kid: first.kid, secret: new Uint8Array(32) }], { ...claim, file }, now).ticket;
  expect(codeOf(openTicket(keys, forged, claim, now))).toBe('invalid');
  expect(codeOf(openTicket([], signed(), claim, now))).toBe('invalid');
});

it('is not believed when a single character is another', () => {
  const ticket = signed();
  for (let at = 0; at < ticket.length; at++) {
    const other = ticket[at] === 'A' ? 'B' : 'A';
    const altered = ticket.slice(0, at) + other + ticket.slice(at + 1);
    expect([at, codeOf(openTicket(keys, altered, claim, now))]).toEqual([at, 'invalid']);
  }
});

it('is not believed without a signature, by another algorithm, or in another form', () => {
  const [, payload = '', signature = ''] = signed().split('.');
  const header = (value: object) => base64url.encode(JSON.stringify(value));
  const kid = keys[0]?.kid;
  for (const ticket of [
    `${header({ alg: 'none', typ: 'ft+jwt', kid })}.${payload}.`,
    `${header({ alg: 'EdDSA', typ: 'ft+jwt', kid })}.${payload}.${signature}`,
    `${header({ alg: 'HS256', typ: 'at+jwt', kid })}.${payload}.${signature}`,
    `${signed()}=`,
    `${signed()}.`,
    ` ${signed()}`,
    '',
    '..',
    'x',
  ]) {
    expect([ticket, codeOf(openTicket(keys, ticket, claim, now))]).toEqual([ticket, 'invalid']);
  }
});
