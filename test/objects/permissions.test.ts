import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Command } from '../../src/conversation/commands.ts';
import { BOUNDS, PERMISSIONS } from '../../src/conversation/permissions.ts';
import { newId } from '../../src/ids.ts';
import { Action, ChatType, Overridable, type Overrides, Role } from '../../src/protocol/chats.ts';
import { Problem } from '../../src/protocol/errors.ts';
import { EventPage } from '../../src/protocol/events.ts';
import { request } from '../support/api.ts';
import { accessToken, createChat, newUser, newUsers, roomOf, value } from '../support/objects.ts';

/*
 * Every action by every role in every type of conversation and every state, with the table as it is, tightened and loosened:
 * each through the door. What is expected is worked out here from the table and a few sentences about states, on its
 * own: not by the code that decides.
 */

const WHO = [...Role.options, 'outsider', 'banned'] as const;
type Who = (typeof WHO)[number];
const STATES = ['normal', 'muted', 'silenced', 'archived', 'slow'] as const;
type State = (typeof STATES)[number];
/** `mention_all` comes with a message. */
const ACTIONS = Action.options.filter((action) => action !== 'mention_all' && action !== 'delete');

const OVERRIDES: Record<string, Overrides> = {
  'as the table says': {},
  tightened: Object.fromEntries(Overridable.options.map((action, i) => [action, i % 2 === 0 ? 'admin' : 'owner'])),
  loosened: Object.fromEntries(Overridable.options.map((action) => [action, BOUNDS[action].least])),
};

const RANKS: Record<Role, number> = { owner: 4, admin: 3, moderator: 2, member: 1 };

function expected(type: ChatType, who: Who, action: Action, state: State, overrides: Overrides): string {
  if (who === 'outsider' || who === 'banned') return type === 'PublicChannel' ? 'forbidden' : 'not_found';
  const own = Object.entries(overrides).find(([name]) => name === action)?.[1];
  const least = own ?? PERMISSIONS[type][action];
  if (least === 'nobody' || RANKS[who] < RANKS[least]) return 'forbidden';
  const inArchive = ['export', 'leave', 'remove', 'ban', 'archive', 'transfer', 'delete'];
  if (state === 'archived' && !inArchive.includes(action)) return 'archived';
  const speaks = ['send', 'edit', 'react', 'pin'].includes(action);
  if (state === 'muted' && speaks) return 'muted';
  if (state === 'silenced' && speaks && RANKS[who] < RANKS.moderator) return 'muted';
  if (state === 'slow' && action === 'send' && RANKS[who] < RANKS.moderator) return 'rate_limited';
  return 'ok';
}

/** One attempt: who, what, and what it is done to. */
interface Case {
  who: Who;
  action: Action;
  user: string;
  target: string;
  /** seq of a message: of the user's own for an edit, else of the founder's. */
  message: number;
}

/** What the action is at the door: method, path below the conversation's, body. */
function callOf({ action, user, target, message }: Case, state: State): [string, string, object?] {
  const settings = (fields: object): [string, string, object] => ['PUT', '', fields];
  const member = (id: string, fields: object): [string, string, object] => ['PUT', `/members/${id}`, fields];
  switch (action) {
    case 'send':
      return ['POST', '/messages', { content: 'x' }];
    case 'edit':
      return ['PATCH', `/messages/${message}`, { content: 'y' }];
    case 'react':
      return ['PUT', `/messages/${message}/reactions/${encodeURIComponent('👍')}`];
    case 'pin':
      return ['PUT', `/pins/${message}`];
    case 'recall_any':
      return ['DELETE', `/messages/${message}`];
    case 'export':
      return ['GET', '/export'];
    case 'retain':
      return ['PUT', '/retention', { message_timer: 60 }];
    case 'update':
      return settings({ topic: user });
    case 'configure':
      return settings({ join_policy: 'closed' });
    case 'archive':
      return settings({ archived: state !== 'archived' });
    case 'announce':
      return ['PUT', '/announcement', { text: user }];
    case 'add':
      return ['POST', '/members', { user_ids: [target] }];
    case 'invite':
      return ['POST', '/invitations', {}];
    case 'requests':
      return ['GET', '/requests?limit=1'];
    case 'nickname':
      return member(user, { nickname: 'me' });
    case 'rename':
      return member(target, { nickname: 'you' });
    case 'mute':
      return member(target, { muted_until: new Date(Date.now() + 60_000).toISOString() });
    case 'role':
      return member(target, { role: 'moderator' });
    case 'remove':
      return ['DELETE', `/members/${target}`];
    case 'ban':
      return ['PUT', `/bans/${target}`, {}];
    case 'transfer':
      return ['POST', '/transfer', { user_id: target }];
    case 'leave':
      return ['DELETE', `/members/${user}`];
    case 'delete':
      return ['DELETE', ''];
    case 'mention_all':
      throw new Error('comes with a message');
  }
}

const tokens = new Map<string, string>();
async function tokenOf(user_id: string): Promise<string> {
  const token = tokens.get(user_id) ?? (await accessToken({ user_id, session_id: newId('ses') }));
  tokens.set(user_id, token);
  return token;
}

/** 'ok', or the code of the refusal. */
async function attempt(chat: string, one: Case, state: State): Promise<string> {
  const [method, path, body] = callOf(one, state);
  const token = await tokenOf(one.user);
  const response = await request(`/api/chats/${chat}${path}`, { method, token, ...(body ? { body } : {}) });
  if (!response.ok) return Problem.parse(await response.json()).code;
  await response.arrayBuffer();
  return 'ok';
}

// The same people in every room: there are fewer inboxes to tell.
const FOUNDER = newUser();
const CAST = newUsers(2 * WHO.length * (ACTIONS.length + 1));
/** Whom each of them adds. */
const NEWCOMERS: Record<Who, string> = {
  owner: newUser(),
  admin: newUser(),
  moderator: newUser(),
  member: newUser(),
  outsider: newUser(),
  banned: newUser(),
};
const OVER_SOMEBODY: Action[] = ['rename', 'mute', 'role', 'remove', 'ban', 'transfer'];

// The door takes in nobody who has no account.
beforeAll(async () => {
  await env.DB.prepare(
    `INSERT INTO users (id, email, fullname, created_at, updated_at)
     SELECT value, value || '@example.com', 'x', 0, 0 FROM json_each(?)`,
  )
    .bind(JSON.stringify([FOUNDER, ...CAST, ...Object.values(NEWCOMERS)]))
    .run();
});

/** A conversation with an actor and a target for every case, in this state. */
async function stage(type: ChatType, state: State, overrides: Overrides): Promise<{ chat: string; cases: Case[] }> {
  const chat = await createChat([FOUNDER], { type });
  const room = roomOf(chat);
  const manage = async (command: Command) => value(await room.manage(FOUNDER, command));
  const say = async (user: string) =>
    value(await room.send(user, { client_id: newId('req'), kind: 'text', content: 'before' })).seq;
  const people = CAST[Symbol.iterator]();
  const next = () => people.next().value ?? newUser();
  // Deleting comes last: nothing can be tried after it.
  const cases = [...ACTIONS, 'delete' as const].flatMap((action) =>
    [...WHO].reverse().map(
      (who): Case => ({
        who,
        action,
        user: next(),
        target: OVER_SOMEBODY.includes(action) ? next() : NEWCOMERS[who],
        message: 0,
      }),
    ),
  );
  const inside = cases.flatMap(({ who, action, user, target }) => [
    ...(who === 'outsider' ? [] : [user]),
    ...(OVER_SOMEBODY.includes(action) ? [target] : []),
  ]);
  value(await room.addMembers(FOUNDER, inside));
  for (const one of cases) {
    const { who, action, user } = one;
    const member = who !== 'outsider' && who !== 'banned';
    if (member && who !== 'member') await manage({ do: 'set_member', user_id: user, patch: { role: who } });
    if (who === 'banned') await manage({ do: 'ban', user_id: user, reason: null });
    if (['edit', 'react', 'pin', 'recall_any'].includes(action)) {
      one.message = await say(action === 'edit' && member ? user : FOUNDER);
    } else if (action === 'send' && member) await say(user);
  }
  const muted_until = new Date(Date.now() + 3_600_000).toISOString();
  for (const { who, user } of cases) {
    if (state === 'muted' && who !== 'outsider' && who !== 'banned') {
      await manage({ do: 'set_member', user_id: user, patch: { muted_until } });
    }
  }
  value(
    await room.update(FOUNDER, {
      overrides,
      silenced: state === 'silenced',
      slow_mode: state === 'slow' ? 3600 : 0,
      archived: state === 'archived',
    }),
  );
  return { chat, cases };
}

const TYPES = ChatType.options.filter((type) => type !== 'Single');
/** The table as it is in every type; what overrides do does not depend on the type. */
const TABLES: Record<(typeof TYPES)[number], string[]> = {
  Group: ['as the table says', 'loosened'],
  PrivateChannel: ['as the table says'],
  PublicChannel: ['as the table says', 'tightened'],
};
const combinations = TYPES.flatMap((type) =>
  STATES.flatMap((state) => TABLES[type].map((table) => [type, state, table] as const)),
);
let tried = 0;

describe('who may do what', () => {
  it.each(combinations)('in a %s that is %s, the table %s', { timeout: 60_000 }, async (type, state, table) => {
    const overrides = OVERRIDES[table] ?? {};
    const { chat, cases } = await stage(type, state, overrides);
    const room = roomOf(chat);
    const page = async (after: number) =>
      EventPage.parse(JSON.parse(value(await room.events(FOUNDER, { after, limit: 500 }))));
    const { head_seq } = await page(0);
    const wrong: string[] = [];
    const done = new Set([FOUNDER]);
    let deleted = false;
    for (const one of cases) {
      const answer = await attempt(chat, one, state);
      tried += 1;
      const should = expected(type, one.who, one.action, state, overrides);
      if (answer !== should) wrong.push(`${one.who} ${one.action}: ${answer}, should be ${should}`);
      if (answer === 'ok') done.add(one.user);
      if (one.action === 'archive' && answer === 'ok')
        value(await room.update(FOUNDER, { archived: state === 'archived' }));
      if (one.action !== 'delete') continue;
      deleted = answer === 'ok';
      // The owner is the last who tries: until then a refusal has left the log as it was, but for what was done.
      if (deleted) break;
      const { items } = await page(head_seq);
      expect(items.map((event) => event.actor_id).filter((user) => !done.has(user))).toEqual([]);
    }
    expect(wrong).toEqual([]);
    expect(deleted).toBe(true);
  });

  it('in a Single: what two people may do, and nobody else', { timeout: 60_000 }, async () => {
    for (const action of [...ACTIONS, 'delete' as const]) {
      const [user, target] = [newUser(), newUser()];
      const chat = await createChat([user, target], { type: 'Single', name: null });
      const { seq } = value(await roomOf(chat).send(user, { client_id: 'm', kind: 'text', content: 'x' }));
      const theirs = value(await roomOf(chat).send(target, { client_id: 'm', kind: 'text', content: 'x' })).seq;
      const message = action === 'edit' ? seq : theirs;
      for (const who of ['outsider', 'owner'] as const) {
        const actor = who === 'owner' ? user : newUser();
        const other = action === 'add' ? NEWCOMERS[who] : target;
        const answer = await attempt(chat, { who, action, user: actor, target: other, message }, 'normal');
        tried += 1;
        expect([action, who, answer]).toEqual([action, who, expected('Single', who, action, 'normal', {})]);
      }
    }
  });

  it('was tried thousands of times', () => {
    expect(tried).toBeGreaterThan(3000);
  });
});
