/// <reference path="./node-crypto.d.ts" />
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { base64url } from 'jose';
import { z } from 'zod';
import { timestamp } from '../clock.ts';
import type { Config } from '../config.ts';
import { ChatId, UserId } from '../protocol/common.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { FileInfo, type FileTicket } from '../protocol/files.ts';

/*
 * A ticket is leave for one user to send one file into one conversation, with all that a message shows of the file: a
 * compact JWS (HS256) of ours, for ourselves. The room that gets it needs neither D1 nor a promise to believe it.
 */

/** Milliseconds for which a ticket is good: long enough for a message that waits on a device without a network. */
export const TICKET_TTL_MS = 7 * 24 * 60 * 60 * 1000;

/** The first key signs, all verify. */
export type TicketKeys = readonly { kid: string; secret: Uint8Array }[];

const HEADER = { alg: 'HS256', typ: 'ft+jwt' } as const;
const Header = z.strictObject({ alg: z.literal(HEADER.alg), typ: z.literal(HEADER.typ), kid: z.string() });
const Claims = z.object({ sub: UserId, chat: ChatId, file: FileInfo, exp: z.int() });

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
let cached: { config: Config; keys: TicketKeys } | undefined;

/** Keys of their own, derived from the signing keys: they change with them, and there is no further secret to keep. */
export function ticketKeys(config: Config): TicketKeys {
  if (cached?.config !== config) {
    const keys = config.signingKeys.map(({ kid, d }) => ({
      kid,
      secret: new Uint8Array(hkdfSync('sha256', base64url.decode(d), new Uint8Array(), 'tideline file ticket', 32)),
    }));
    cached = { config, keys };
  }
  return cached.keys;
}

const json = (value: unknown): string => base64url.encode(encoder.encode(JSON.stringify(value)));
const mac = (secret: Uint8Array, text: string): Uint8Array<ArrayBuffer> =>
  createHmac('sha256', secret).update(text).digest();

/** @param now milliseconds since 1970 */
export function signTicket(
  keys: TicketKeys,
  { user_id, chat_id, file }: { user_id: string; chat_id: string; file: FileInfo },
  now: number,
): FileTicket {
  const [key] = keys;
  if (key === undefined) throw new Error('there is no key for tickets');
  const exp = Math.floor((now + TICKET_TTL_MS) / 1000);
  const signed = `${json({ ...HEADER, kid: key.kid })}.${json({ sub: user_id, chat: chat_id, file, exp })}`;
  return {
    ticket: `${signed}.${base64url.encode(mac(key.secret, signed))}`,
    expires_at: timestamp(exp * 1000),
    file,
  };
}

function parsed<T>(schema: z.ZodType<T>, part: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(decoder.decode(base64url.decode(part)))).data;
  } catch {
    return undefined;
  }
}

const INVALID = refuse('invalid', 'the ticket of a file is not valid: ask for one for this conversation');

/**
 * The file of a genuine ticket that is this user's, for this conversation, and has not ended.
 * @param now milliseconds since 1970
 */
export function openTicket(
  keys: TicketKeys,
  ticket: string,
  { user_id, chat_id }: { user_id: string; chat_id: string },
  now: number,
): Result<FileInfo> {
  const [header = '', payload = '', signature = '', ...more] = ticket.split('.');
  const kid = parsed(Header, header)?.kid;
  const key = keys.find((one) => one.kid === kid);
  if (key === undefined || more.length > 0) return INVALID;
  const expected = mac(key.secret, `${header}.${payload}`);
  // Compared as text of one length, so that a signature has one form only.
  const [given, wanted] = [encoder.encode(signature), encoder.encode(base64url.encode(expected))];
  if (given.byteLength !== wanted.byteLength || !timingSafeEqual(given, wanted)) return INVALID;
  const claims = parsed(Claims, payload);
  if (claims === undefined || claims.sub !== user_id || claims.chat !== chat_id) return INVALID;
  if (claims.exp * 1000 <= now) return refuse('invalid', 'the ticket of a file has ended: ask for a new one');
  return ok(claims.file);
}
