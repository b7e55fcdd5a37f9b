import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { signPair } from '../../src/auth/tokens.ts';
import { configOf } from '../../src/config.ts';
import type { NewConversation } from '../../src/conversation/api.ts';
import { newId } from '../../src/ids.ts';
import { IDENTITY_HEADER, type Identity } from '../../src/inbox/api.ts';
import { TestSocket } from './socket.ts';

/** Stubs and sockets of the two objects, past the door: for tests of what the objects themselves promise. */

export const roomOf = (chatId: string) => env.ROOMS.get(env.ROOMS.idFromName(chatId));
export const inboxOf = (userId: string) => env.INBOXES.get(env.INBOXES.idFromName(userId));

export const newUser = (): string => newId('usr');
export const newUsers = (count: number): string[] => Array.from({ length: count }, newUser);

export const HOUR = 60 * 60 * 1000;

/** A verified identity, as the door hands it on: of a new session, good for an hour. */
export function identity(userId: string, fields: Partial<Identity> = {}): Identity {
  const now = Date.now();
  return { user_id: userId, session_id: newId('ses'), issued_at: now, expires_at: now + HOUR, ...fields };
}

/** A genuine access token of a session. `issuedAt` in seconds since 1970. */
export async function accessToken(
  { user_id, session_id }: Pick<Identity, 'user_id' | 'session_id'>,
  issuedAt = Math.floor(Date.now() / 1000),
): Promise<string> {
  const session = { user_id, id: session_id, generation: 1, issued_at: issuedAt };
  return (await signPair(configOf(env), session)).token;
}

/** What a conversation begins with: `owner` and others, a group with the whole history unless `fields` say otherwise. */
export function newConversation(
  members: string[],
  fields: Partial<Omit<NewConversation, 'members'>> = {},
): NewConversation {
  return {
    chat_id: newId('chat'),
    type: 'Group',
    name: 'a group',
    workspace_id: null,
    created_by: members[0] ?? '',
    history: 'all',
    ...fields,
    members,
  };
}

/** Creates a conversation in its room and returns its id. */
export async function createChat(
  members: string[],
  fields: Partial<Omit<NewConversation, 'members'>> = {},
): Promise<string> {
  const input = newConversation(members, fields);
  const created = await roomOf(input.chat_id).create(input);
  if (!created.ok) throw new Error(`create: ${created.refusal.message}`);
  return input.chat_id;
}

const upgrade = (url: string, who: Identity) =>
  new Request(url, { headers: { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(who) } });

/** A socket of the room, opened past the door. */
export async function roomSocket(chatId: string, who: Identity, after?: number): Promise<TestSocket> {
  const query = after === undefined ? '' : `?after=${after}`;
  return new TestSocket(await roomOf(chatId).fetch(upgrade(`http://room/${query}`, who)));
}

/** A socket of the user's inbox, opened past the door. */
export async function inboxSocket(who: Identity, cursor?: string): Promise<TestSocket> {
  const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
  return new TestSocket(await inboxOf(who.user_id).fetch(upgrade(`http://inbox/${query}`, who)));
}

/** Runs `work` over the storage of a room object that nobody else uses. */
export const overStorage = <T>(work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> =>
  runInDurableObject(env.ROOMS.get(env.ROOMS.newUniqueId()), (_room, state) => work(state.storage));

/** A clock that stands until it is moved. */
export class TestClock {
  now = Date.UTC(2026, 10, 21, 8);
  readonly read = (): number => this.now;
  pass(ms: number): void {
    this.now += ms;
  }
}

/** The value of a result that must not be a refusal. */
export function value<T>(
  result: { ok: true; value: T } | { ok: false; refusal: { code: string; message: string } },
): T {
  if (result.ok) return result.value;
  throw new Error(`refused: ${result.refusal.code}: ${result.refusal.message}`);
}

/** The code of a refusal; 'ok' when it was none. */
export const codeOf = (result: { ok: boolean; refusal?: { code: string } }): string => result.refusal?.code ?? 'ok';

/** Looks again every few milliseconds until `holds`; fails with `what` after two seconds. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, within = 2000): Promise<void> {
  const deadline = Date.now() + within;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await scheduler.wait(5);
  }
}
