import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/conversation/commands.ts';
import { BOUNDS, PERMISSIONS } from '../../src/conversation/permissions.ts';
import { newId } from '../../src/ids.ts';
import type { MessageChange } from '../../src/protocol/changes.ts';
import { Action, ChatType, Overridable, type Overrides, Role } from '../../src/protocol/chats.ts';
import type { Result } from '../../src/protocol/errors.ts';
import { EventPage } from '../../src/protocol/events.ts';
import { ServerFrame } from '../../src/protocol/frames.ts';
import { createChat, newUser, newUsers, roomOf, value } from '../support/objects.ts';

/*
 * Every action by every role in every type of conversation and every state, with the table as it is, tightened and loosened:
 * each through the calls of the room. What is expected is worked out here from the table and a few sentences about states, on its
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

const code = (result: Result<unknown>): string => (result.ok ? 'ok' : result.refusal.code);

/** One attempt: who, what, and what it is done to. */
interface Case {
  who: Who;
  action: Action;
  user: string;
  target: string;
  /** seq of a message: of the user's own for an edit, else of the founder's. */
  message: number;
}

async function attempt(chat: string, { action, user, target, message }: Case, state: State): Promise<string> {
  const room = roomOf(chat);
  const manage = async (command: Command) => code(await room.manage(user, command));
  const patch = async (fields: Parameters<typeof room.update>[1]) => code(await room.update(user, fields));
  const change = async (what: MessageChange) => {
    const [text = ''] = await room.submit(user, [
      { t: 'change', chat_id: chat, client_id: newId('req'), seq: message, change: what },
    ]);
    const frame = ServerFrame.parse(JSON.parse(text));
    return frame.t === 'error' ? frame.code : 'ok';
  };
  switch (action) {
    case 'send':
      return code(await room.send(user, { client_id: newId('req'), kind: 'text', content: 'x' }));
    case 'edit':
      return change({ type: 'edit', content: 'y' });
    case 'react':
      return change({ type: 'react', emoji: '👍' });
    case 'pin':
      return change({ type: 'pin' });
    case 'recall_any':
      return change({ type: 'recall' });
    case 'export':
      return code(await room.ask(user, { type: 'export', after: 0, limit: 1 }));
    case 'update':
      return patch({ topic: user });
    case 'configure':
      return patch({ join_policy: 'closed' });
    case 'archive':
      return patch({ archived: state !== 'archived' });
    case 'announce':
      return manage({ do: 'announce', text: user });
    case 'add':
      return code(await room.addMembers(user, [newUser()]));
    case 'invite': {
      const draft = { id: newId('inv'), digest: newId('inv'), role: 'member' as const, expires_at: null, max_uses: 1 };
      return manage({ do: 'create_invitation', draft });
    }
    case 'requests':
      return manage({ do: 'list_requests', page: { limit: 1 } });
    case 'nickname':
      return manage({ do: 'set_member', user_id: user, patch: { nickname: 'me' } });
    case 'rename':
      return manage({ do: 'set_member', user_id: target, patch: { nickname: 'you' } });
    case 'mute': {
      const muted_until = new Date(Date.now() + 60_000).toISOString();
      return manage({ do: 'set_member', user_id: target, patch: { muted_until } });
    }
    case 'role':
      return manage({ do: 'set_member', user_id: target, patch: { role: 'moderator' } });
    case 'remove':
      return code(await room.removeMember(user, target));
    case 'ban':
      return manage({ do: 'ban', user_id: target, reason: null });
    case 'transfer':
      return manage({ do: 'transfer', user_id: target });
    case 'leave':
      return code(await room.removeMember(user, user));
    case 'delete':
      return code(await room.destroy(user));
    case 'mention_all':
      throw new Error('comes with a message');
  }
}

// The same people in every room: there are fewer inboxes to tell.
const FOUNDER = newUser();
const CAST = newUsers(2 * WHO.length * (ACTIONS.length + 1));
const OVER_SOMEBODY: Action[] = ['rename', 'mute', 'role', 'remove', 'ban', 'transfer'];

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
        target: OVER_SOMEBODY.includes(action) ? next() : FOUNDER,
        message: 0,
      }),
    ),
  );
  const inside = cases.flatMap(({ who, user, target }) => (who === 'outsider' ? [target] : [user, target]));
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
        const answer = await attempt(chat, { who, action, user: actor, target, message }, 'normal');
        tried += 1;
        expect([action, who, answer]).toEqual([action, who, expected('Single', who, action, 'normal', {})]);
      }
    }
  });

  it('was tried thousands of times', () => {
    expect(tried).toBeGreaterThan(3000);
  });
});
