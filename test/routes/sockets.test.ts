import { env } from 'cloudflare:workers';
import { importJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { configOf } from '../../src/config.ts';
import { newId } from '../../src/ids.ts';
import { IDENTITY_HEADER } from '../../src/inbox/api.ts';
import type { Chat } from '../../src/protocol/chats.ts';
import { type Account, api, request, signUp } from '../support/api.ts';
import { openSocket } from '../support/socket.ts';

let owner: Account;
let stranger: Account;
let chat: string;
let room: string;

beforeAll(async () => {
  [owner, stranger] = [await signUp(), await signUp()];
  const { body } = await api<Chat>('/api/chats', { token: owner.token, body: { type: 'Group', name: 'Group' } });
  chat = body.id;
  room = `/api/chats/${chat}/ws`;
});

const send = (content: string) =>
  api<{ seq: number }>(`/api/chats/${chat}/messages`, { token: owner.token, body: { content } });

describe.each([
  ['the inbox socket', 'inbox'],
  ['the room socket', 'events'],
] as const)('%s', (_name, first) => {
  const path = (): string => (first === 'inbox' ? '/api/ws' : room);

  it('opens with the token as a subprotocol, and selects ours', async () => {
    const socket = await openSocket(path(), owner.token);
    expect(socket.response.status).toBe(101);
    expect(socket.response.headers.get('sec-websocket-protocol')).toBe('tideline.v1');
    await socket.next(first);
    socket.close();
  });

  it('opens with the token in the Authorization header, and selects no protocol that was not offered', async () => {
    const response = await request(path(), { headers: { upgrade: 'websocket' }, token: owner.token });
    expect(response.status).toBe(101);
    expect(response.headers.get('sec-websocket-protocol')).toBeNull();
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it('answers a plain request with what to do', async () => {
    const answer = await api(path(), { token: owner.token });
    expect(answer.status).toBe(426);
    expect(answer.headers.get('upgrade')).toBe('websocket');
  });

  it.each([
    ['no token', 'unauthenticated'],
    ['a token that is none', 'unauthenticated'],
    ['a refresh token', 'unauthenticated'],
    ['a token that has ended', 'token_expired'],
  ])('accepts and closes on %s', async (what, reason) => {
    const tokens = new Map([
      ['a token that is none', 'nonsense'],
      ['a refresh token', owner.refresh_token],
      ['a token that has ended', await oldToken(owner)],
    ]);
    const socket = await openSocket(path(), tokens.get(what));
    expect(socket.response.headers.get('sec-websocket-protocol')).toBe('tideline.v1');
    expect(await socket.closed).toEqual({ code: 4401, reason });
  });

  it('refuses a token in the address, and a query that it does not know', async () => {
    for (const query of [`token=${owner.token}`, 'unknown=1']) {
      const socket = await openSocket(`${path()}?${query}`, owner.token);
      expect(await socket.closed).toEqual({ code: 4400, reason: 'malformed' });
    }
  });

  it('believes no identity that a client claims', async () => {
    const identity = { user_id: owner.id, session_id: newId('ses'), issued_at: 0, expires_at: 2 ** 45 };
    const claim = { [IDENTITY_HEADER]: JSON.stringify(identity) };
    const nobody = await openSocket(path(), undefined, claim);
    expect(await nobody.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
    const socket = await openSocket(room, stranger.token, claim);
    expect(await socket.closed).toEqual({ code: 4404, reason: 'not_found' });
  });
});

describe('the room socket', () => {
  it('starts with what came after the seq', async () => {
    await send('one');
    const { body } = await send('two');
    const socket = await openSocket(`${room}?after=${body.seq - 1}`, owner.token);
    const { events } = await socket.next('events');
    expect(events.map((event) => event.seq)).toEqual([body.seq]);
    socket.close();
  });

  it('is not found by strangers, nor where there is nothing', async () => {
    const notFound = { code: 4404, reason: 'not_found' };
    expect(await (await openSocket(room, stranger.token)).closed).toEqual(notFound);
    expect(await (await openSocket(`/api/chats/${newId('chat')}/ws`, owner.token)).closed).toEqual(notFound);
    expect(await (await openSocket('/api/chats/nonsense/ws', owner.token)).closed).toEqual(notFound);
  });

  it('refuses a position that is none', async () => {
    const socket = await openSocket(`${room}?after=-1`, owner.token);
    expect(await socket.closed).toEqual({ code: 4400, reason: 'malformed' });
  });

  it('sends and acknowledges', async () => {
    const socket = await openSocket(room, owner.token);
    socket.send({ t: 'send', client_id: 'c-1', chat_id: chat, kind: 'text', content: 'over the socket' });
    const ack = await socket.next('ack');
    expect(ack).toMatchObject({ client_id: 'c-1', chat_id: chat });
    socket.close();
  });
});

/** A token of the account whose time is over: made as the system makes it, with its own key. */
async function oldToken(account: Account): Promise<string> {
  const { publicUrl, signingKeys } = configOf(env);
  const seconds = Math.floor(Date.now() / 1000) - 1000;
  return new SignJWT({ sub: account.id, sid: newId('ses') })
    .setProtectedHeader({ alg: 'EdDSA', kid: signingKeys[0].kid, typ: 'at+jwt' })
    .setIssuer(publicUrl)
    .setAudience('tideline')
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 900)
    .sign(await importJWK(signingKeys[0], 'EdDSA'));
}
