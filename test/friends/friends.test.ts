import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createChat } from '../../src/chats/directory.ts';
import { database } from '../../src/db/client.ts';
import { takeDue } from '../../src/db/tasks.ts';
import { acceptFriend, blockUser, requestFriend } from '../../src/friends/friends.ts';
import { newId } from '../../src/ids.ts';
import type { Chat } from '../../src/protocol/chats.ts';
import type { Problem } from '../../src/protocol/errors.ts';
import type { Contact, FriendGroup, Privacy, UpdatePrivacy } from '../../src/protocol/friends.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { applyChanges, emptyList, itemsOf, type ListState } from '../../src/protocol/reduce.ts';
import type { SyncResponse } from '../../src/protocol/sync.ts';
import { type Account, api, type Call, signUp } from '../support/api.ts';
import { interposed } from '../support/interpose.ts';
import { inboxOf, roomOf } from '../support/objects.ts';
import { openSocket } from '../support/socket.ts';

const people = (count: number): Promise<Account[]> => Promise.all(Array.from({ length: count }, () => signUp()));
const two = async (): Promise<[Account, Account]> => [await signUp(), await signUp()];

async function act<T = Problem>(who: Account, path: string, call: Omit<Call, 'token'> = {}) {
  return api<T>(path, { ...call, token: who.token });
}
const ask = (who: Account, whom: Account, text = 'hello') =>
  act<Contact & Problem>(who, '/api/friend-requests', { body: { user_id: whom.id, text, source: 'search' } });
const accept = (who: Account, whom: Account) =>
  act<Contact & Problem>(who, `/api/friend-requests/${whom.id}/accept`, { method: 'POST' });
const decline = (who: Account, whom: Account) => act(who, `/api/friend-requests/${whom.id}`, { method: 'DELETE' });
const befriend = async (one: Account, other: Account) => {
  await ask(one, other);
  expect((await accept(other, one)).body.state).toBe('friend');
};
const unfriend = (who: Account, whom: Account) => act(who, `/api/friends/${whom.id}`, { method: 'DELETE' });
const block = (who: Account, whom: Account) => act<Contact>(who, `/api/blocks/${whom.id}`, { method: 'PUT' });
const unblock = (who: Account, whom: Account) => act(who, `/api/blocks/${whom.id}`, { method: 'DELETE' });
const setPrivacy = (who: Account, body: UpdatePrivacy) =>
  act<Privacy>(who, '/api/users/me/privacy', { method: 'PUT', body });
const single = (who: Account, whom: Account) =>
  act<Chat & Problem>(who, '/api/chats', { body: { type: 'Single', members: [whom.id] } });
const write = (who: Account, chat: string, content = 'hello', client_id = newId('req')) =>
  act<Problem & { seq: number; duplicate?: boolean }>(who, `/api/chats/${chat}/messages`, {
    body: { content, client_id },
  });

/** What a device of this user holds after a sync from `state`. */
async function sync(who: Account, state: ListState = emptyList): Promise<ListState> {
  const query = state.cursor === null ? '' : `?cursor=${state.cursor}`;
  const { body } = await act<SyncResponse>(who, `/api/sync${query}`);
  return applyChanges(state, body).state;
}
const contactAt = async (who: Account, whom: Account) => itemsOf(await sync(who), 'contact').get(whom.id);
const stateAt = async (who: Account, whom: Account) => (await contactAt(who, whom))?.state ?? 'none';

/** Does what requests have left behind, as the queue would. */
const settle = async () => {
  const db = database(env);
  await expect
    .poll(
      async () => {
        for (const { id } of await takeDue(db, Date.now() + 60 * 60_000, 100)) await env.TASKS.send({ task_id: id });
        return env.DB.prepare('SELECT count(*) AS n FROM tasks').first('n');
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBe(0);
};

/** The environment in which this happens whole, once, just before a change of two people is written. */
function beforeWrite(happens: () => Promise<unknown>): Env {
  let happened = false;
  const DB = new Proxy(env.DB, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (property !== 'batch') return typeof value === 'function' ? value.bind(target) : value;
      return async (statements: D1PreparedStatement[]) => {
        // What is read in one batch has three statements.
        if (statements.length === 2 && !happened) {
          happened = true;
          await happens();
        }
        return env.DB.batch(statements);
      };
    },
  });
  return { ...env, DB };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a friend request', () => {
  it('reaches the other with text and source, on every device; accepted, both are friends', async () => {
    const [ann, bob] = await two();
    const device = await openSocket('/api/ws', bob.token);
    await device.next('inbox');
    const held = await sync(bob);
    expect((await ask(ann, bob, 'from the boat')).body).toMatchObject({
      state: 'sent',
      request: { text: 'from the boat' },
    });
    const { changes } = await device.next('inbox');
    expect(changes).toMatchObject([
      {
        type: 'contact',
        id: ann.id,
        value: { state: 'received', request: { text: 'from the boat', source: 'search' } },
      },
    ]);
    expect(await stateAt(ann, bob)).toBe('sent');
    expect((await accept(bob, ann)).status).toBe(200);
    expect((await accept(bob, ann)).body.state).toBe('friend');
    const now = await sync(bob, held);
    expect(itemsOf(now, 'contact').get(ann.id)).toMatchObject({ state: 'friend', request: null, blocked: false });
    expect(await stateAt(ann, bob)).toBe('friend');
    expect((await act<{ items: Contact[] }>(ann, '/api/friends')).body.items).toMatchObject([{ user_id: bob.id }]);
    device.close();
  });

  it('is rejected or taken back, and is gone on both sides; it may be made again', async () => {
    const [ann, bob] = await two();
    for (const end of [() => decline(bob, ann), () => decline(ann, bob)]) {
      await ask(ann, bob);
      expect(await stateAt(bob, ann)).toBe('received');
      expect((await end()).status).toBe(204);
      expect([await stateAt(ann, bob), await stateAt(bob, ann)]).toEqual(['none', 'none']);
    }
    expect((await accept(bob, ann)).status).toBe(404);
  });

  it('follows the policy of who is asked', async () => {
    const [ann, bob] = await two();
    await setPrivacy(bob, { friend_requests: 'nobody' });
    expect((await ask(ann, bob)).body.code).toBe('forbidden');
    await setPrivacy(bob, { friend_requests: 'anyone' });
    expect((await ask(ann, bob)).body.state).toBe('friend');
    expect(await stateAt(bob, ann)).toBe('friend');
  });

  it('of both at once makes them friends once, in whatever order', async () => {
    const pairs = await Promise.all(Array.from({ length: 5 }, two));
    for (const [ann, bob] of pairs) {
      const answers = await Promise.all([ask(ann, bob), ask(bob, ann), ask(ann, bob), ask(bob, ann)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    }
    await settle();
    for (const [ann, bob] of pairs) {
      const [mine, theirs] = [await contactAt(ann, bob), await contactAt(bob, ann)];
      expect([mine?.state, theirs?.state]).toEqual(['friend', 'friend']);
      expect(mine?.since).toBe(theirs?.since);
    }
  });

  it('that comes second decides anew: a race in the order that hurts', async () => {
    const [ann, bob] = await two();
    const racing = beforeWrite(async () => expect((await ask(bob, ann)).body.state).toBe('sent'));
    const mine = await requestFriend(racing, ann.id, bob.id, { text: '', source: null }, Date.now());
    expect(mine.state).toBe('friend');
    expect([await stateAt(ann, bob), await stateAt(bob, ann)]).toEqual(['friend', 'friend']);
  });

  it('and its end at the same time leave both sides of one mind', async () => {
    const [ann, bob] = await two();
    await ask(ann, bob);
    await Promise.all([accept(bob, ann), decline(ann, bob), ask(ann, bob), unfriend(bob, ann)]);
    await settle();
    const states = [await stateAt(ann, bob), await stateAt(bob, ann)];
    expect([
      ['friend', 'friend'],
      ['none', 'none'],
      ['sent', 'received'],
    ]).toContainEqual(states);
  });
});

describe('friends', () => {
  it('have a private name and groups, which nobody else sees', async () => {
    const [ann, bob] = await two();
    await befriend(ann, bob);
    const before = itemsOf(await sync(bob), 'contact').get(ann.id);
    const group = (await act<FriendGroup>(ann, '/api/friend-groups', { body: { name: 'Crew' } })).body;
    await act(ann, `/api/friends/${bob.id}`, { method: 'PUT', body: { remark: 'Captain', group_ids: [group.id] } });
    const held = await sync(ann);
    expect(itemsOf(held, 'contact').get(bob.id)).toMatchObject({ remark: 'Captain', group_ids: [group.id] });
    expect(itemsOf(held, 'friend_group').get(group.id)).toEqual(group);
    expect(itemsOf(await sync(bob), 'contact').get(ann.id)).toEqual(before);
    await act(ann, `/api/friend-groups/${group.id}`, { method: 'PUT', body: { name: 'Hands' } });
    const renamed = await sync(ann, held);
    expect(itemsOf(renamed, 'friend_group').get(group.id)?.name).toBe('Hands');
    await act(ann, `/api/friend-groups/${group.id}`, { method: 'DELETE' });
    expect([...itemsOf(await sync(ann, renamed), 'friend_group')]).toEqual([]);
    expect((await unfriend(bob, ann)).status).toBe(204);
    expect([await contactAt(ann, bob), await contactAt(bob, ann)]).toEqual([undefined, undefined]);
  });

  it('are listed by pages', async () => {
    const [ann, ...others] = await people(4);
    if (ann === undefined) throw new Error('there is one');
    await setPrivacy(ann, { friend_requests: 'anyone' });
    for (const other of others) await ask(other, ann);
    type Page = { items: Contact[]; next_cursor: string | null };
    const first = (await act<Page>(ann, '/api/friends?limit=2')).body;
    const second = (await act<Page>(ann, `/api/friends?limit=2&cursor=${first.next_cursor}`)).body;
    expect([...first.items, ...second.items].map((item) => item.user_id)).toEqual(others.map(({ id }) => id).sort());
    expect(second.next_cursor).toBeNull();
  });
});

describe('there are limits', () => {
  /** Gives a user this many contacts, past the door. */
  const fill = async (who: Account, count: number, columns: { state: string; blocked?: boolean }) => {
    const ids = JSON.stringify(Array.from({ length: count }, () => newId('usr')));
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO users (id, email, fullname, created_at, updated_at)
         SELECT value, value || '@example.com', 'x', 0, 0 FROM json_each(?)`,
      ).bind(ids),
      env.DB.prepare(
        `INSERT INTO contacts (user_id, peer_id, state, since, group_ids, blocked_at, version)
         SELECT ?, value, ?, 0, '[]', ?, 1 FROM json_each(?)`,
      ).bind(who.id, columns.state, columns.blocked ? 1 : null, ids),
    ]);
  };
  const code = (answer: { status: number; body: { code?: string } | null }) => answer.body?.code ?? answer.status;

  it('to friends: neither asking nor accepting goes beyond', async () => {
    const [ann, bob] = await two();
    await ask(bob, ann);
    await fill(ann, LIMITS.friends, { state: 'friend' });
    expect([code(await accept(ann, bob)), code(await ask(ann, await signUp()))]).toEqual(['conflict', 'conflict']);
    expect(await stateAt(ann, bob)).toBe('received');
    // Accepted again when it was the last that fits, it is answered again.
    const last = await signUp();
    await befriend(last, bob);
    await fill(bob, LIMITS.friends - 1, { state: 'friend' });
    expect((await accept(bob, last)).body.state).toBe('friend');
  });

  it('to friends of who has asked', async () => {
    const [ann, bob] = await two();
    await ask(bob, ann);
    await fill(bob, LIMITS.friends, { state: 'friend' });
    expect(code(await accept(ann, bob))).toBe('conflict');
    expect([await stateAt(ann, bob), await stateAt(bob, ann)]).toEqual(['received', 'sent']);
  });

  it('that two at once do not pass: the last place goes to one', async () => {
    const [ann, bob, cyd] = (await people(3)) as [Account, Account, Account];
    await ask(bob, ann);
    await ask(cyd, ann);
    await fill(ann, LIMITS.friends - 1, { state: 'friend' });
    const racing = beforeWrite(async () => expect((await accept(ann, cyd)).body.state).toBe('friend'));
    await expect(acceptFriend(racing, ann.id, bob.id, Date.now())).rejects.toMatchObject({ code: 'conflict' });
    expect([await stateAt(ann, bob), await stateAt(bob, ann)]).toEqual(['received', 'sent']);

    const [dan, eve, fay] = (await people(3)) as [Account, Account, Account];
    await fill(dan, LIMITS.friendRequests - 1, { state: 'sent' });
    const asking = beforeWrite(async () => expect((await ask(dan, eve)).status).toBe(200));
    const asked = requestFriend(asking, dan.id, fay.id, { text: '', source: null }, Date.now());
    await expect(asked).rejects.toMatchObject({ code: 'conflict' });
    expect([await stateAt(dan, eve), await stateAt(dan, fay)]).toEqual(['sent', 'none']);

    await fill(fay, LIMITS.blocks - 1, { state: 'none', blocked: true });
    const blocking = beforeWrite(async () => expect((await block(fay, eve)).status).toBe(200));
    await expect(blockUser(blocking, fay.id, dan.id, Date.now())).rejects.toMatchObject({ code: 'conflict' });
  });

  it('that do not refuse what another device of the same user has just done with the last place', async () => {
    const [ann, bob] = await two();
    await ask(bob, ann);
    await fill(ann, LIMITS.friends - 1, { state: 'friend' });
    const racing = beforeWrite(async () => expect((await accept(ann, bob)).body.state).toBe('friend'));
    expect((await acceptFriend(racing, ann.id, bob.id, Date.now())).state).toBe('friend');
  });

  it('to requests on either side', async () => {
    const [ann, bob] = await two();
    await fill(ann, LIMITS.friendRequests, { state: 'sent' });
    await fill(bob, LIMITS.friendRequests, { state: 'received' });
    expect(code(await ask(ann, await signUp()))).toBe('conflict');
    expect(code(await ask(await signUp(), bob))).toBe('conflict');
    expect((await ask(bob, ann)).status).toBe(200);
  });

  it('to blocks and to groups of friends', async () => {
    const [ann, bob] = await two();
    await fill(ann, LIMITS.blocks, { state: 'none', blocked: true });
    expect(code(await act(ann, `/api/blocks/${bob.id}`, { method: 'PUT' }))).toBe('conflict');
    const make = () => act<FriendGroup & Problem>(ann, '/api/friend-groups', { body: { name: 'G' } });
    const made: string[] = [];
    for (let i = 0; i < LIMITS.friendGroups; i++) made.push((await make()).body.id);
    expect(code(await make())).toBe('conflict');
    await act(ann, `/api/friend-groups/${made[0]}`, { method: 'DELETE' });
    expect((await make()).status).toBe(201);
  });
});

describe('a block', () => {
  it('ends what the other can write in the Single; history stays, and their resends are answered', async () => {
    const [ann, bob] = await two();
    const chat = (await single(bob, ann)).body.id;
    const sent = await write(bob, chat, 'before', 'b1');
    expect(sent.status).toBe(201);
    expect((await block(ann, bob)).body).toMatchObject({ blocked: true, state: 'none' });
    expect(await write(bob, chat)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect((await write(bob, chat, 'before', 'b1')).body).toMatchObject({ duplicate: true, seq: sent.body.seq });
    const socket = await openSocket(`/api/chats/${chat}/ws`, bob.token);
    socket.send({ t: 'send', chat_id: chat, client_id: 'b2', content: 'x', kind: 'text' });
    expect(await socket.next('error')).toMatchObject({ code: 'forbidden', client_id: 'b2' });
    socket.close();
    for (const who of [ann, bob]) {
      expect((await act<{ items: unknown[] }>(who, `/api/chats/${chat}/messages`)).body.items).toHaveLength(1);
    }
    // The one who blocks may still write, and the Single is found as before.
    expect((await write(ann, chat)).status).toBe(201);
    expect(await single(bob, ann)).toMatchObject({ status: 200, body: { id: chat } });
    expect((await unblock(ann, bob)).status).toBe(204);
    expect((await write(bob, chat)).status).toBe(201);
  });

  it('outlives the eviction of the room', async () => {
    const [ann, bob] = await two();
    const chat = (await single(bob, ann)).body.id;
    await block(ann, bob);
    await evictDurableObject(roomOf(chat));
    expect((await write(bob, chat)).status).toBe(403);
    await unblock(ann, bob);
    await evictDurableObject(roomOf(chat));
    expect((await write(bob, chat)).status).toBe(201);
  });

  it('that is told late does not undo what came after it', async () => {
    const [ann, bob] = await two();
    const chat = (await single(bob, ann)).body.id;
    await block(ann, bob);
    await unblock(ann, bob);
    await roomOf(chat).setBlocked(ann.id, { blocked: true, version: 1 });
    expect((await write(bob, chat)).status).toBe(201);
  });

  it('keeps the other from beginning a Single, and stands in one that the blocker begins', async () => {
    const [ann, bob] = await two();
    await block(ann, bob);
    const refusal = await single(bob, ann);
    expect(refusal.body.code).toBe('forbidden');
    const closed = await signUp();
    await setPrivacy(closed, { messages: 'friends' });
    expect((await single(bob, closed)).body.detail).toBe(refusal.body.detail);
    const chat = await single(ann, bob);
    expect(chat.status).toBe(201);
    expect((await write(bob, chat.body.id)).status).toBe(403);
  });

  it('made while the Single begins is in it', async () => {
    const [ann, bob] = await two();
    const racing = interposed('ROOMS', 'create', () => block(ann, bob));
    const { chat } = await createChat(racing, bob.id, { type: 'Single', members: [ann.id] }, Date.now());
    expect((await write(bob, chat.id)).status).toBe(403);
  });

  it('made just before the Single is registered is in it', async () => {
    const [ann, bob] = await two();
    let batches = 0;
    const DB = new Proxy(env.DB, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (property !== 'batch') return typeof value === 'function' ? value.bind(target) : value;
        return async (statements: D1PreparedStatement[]) => {
          batches += 1;
          // The first reads how the two stand, the second registers the Single.
          if (batches === 2) await block(ann, bob);
          return env.DB.batch(statements);
        };
      },
    });
    const { chat } = await createChat({ ...env, DB }, bob.id, { type: 'Single', members: [ann.id] }, Date.now());
    expect(batches).toBe(2);
    expect((await write(bob, chat.id)).status).toBe(403);
  });

  it('keeps the other from adding the blocker to a conversation, and from asking', async () => {
    const [ann, bob] = await two();
    await block(ann, bob);
    expect((await act(bob, '/api/chats', { body: { type: 'Group', members: [ann.id] } })).body.code).toBe('invalid');
    const group = await act<Chat>(bob, '/api/chats', { body: { type: 'Group', members: [] } });
    const added = await act(bob, `/api/chats/${group.body.id}/members`, { body: { user_ids: [ann.id] } });
    expect(added.body.code).toBe('invalid');
    expect((await ask(bob, ann)).body.code).toBe('forbidden');
  });

  it('shows on the devices of who blocks, and nothing of it on those of the blocked', async () => {
    const [ann, bob] = await two();
    await befriend(ann, bob);
    const before = await sync(bob);
    const device = await openSocket('/api/ws', bob.token);
    await device.next('inbox');
    await block(ann, bob);
    expect(itemsOf(await sync(ann), 'contact').get(bob.id)).toMatchObject({ blocked: true, state: 'friend' });
    const { items } = (await act<{ items: Contact[] }>(ann, '/api/blocks')).body;
    expect(items.map(({ user_id }) => user_id)).toEqual([bob.id]);
    expect((await sync(bob, before)).cursor).toBe(before.cursor);
    expect(device.pending.filter(({ t }) => t === 'inbox')).toEqual([]);
    device.close();
  });
});

describe('who may begin a Single', () => {
  it('everyone, friends, or those who share a workspace; one that exists goes on', async () => {
    const [ann, bob] = await two();
    const friend = await signUp();
    await befriend(ann, friend);
    await setPrivacy(ann, { messages: 'friends' });
    expect((await single(bob, ann)).status).toBe(403);
    expect((await single(friend, ann)).status).toBe(201);
    await setPrivacy(ann, { messages: 'workspace' });
    expect((await single(bob, ann)).status).toBe(403);
    const workspace = await act<{ id: string }>(ann, '/api/workspaces', { body: { name: 'W' } });
    await act(ann, `/api/workspaces/${workspace.body.id}/members`, { body: { user_ids: [bob.id] } });
    const chat = await single(bob, ann);
    expect(chat.status).toBe(201);
    await setPrivacy(ann, { messages: 'friends' });
    expect((await write(bob, chat.body.id)).status).toBe(201);
    expect((await single(bob, ann)).status).toBe(200);
  });
});

describe('when a part is out of reach', () => {
  /** The environment with objects of a kind that cannot be reached. */
  const without = (namespace: 'INBOXES' | 'ROOMS'): Env => ({
    ...env,
    [namespace]: new Proxy(env[namespace], {
      get: (target, property) => {
        if (property === 'get') throw new Error(`none of ${namespace} can be reached`);
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  });

  it('the inboxes learn later', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [ann, bob] = await two();
    const made = await requestFriend(without('INBOXES'), ann.id, bob.id, { text: 'hi', source: null }, Date.now());
    expect(made.state).toBe('sent');
    await settle();
    expect([await stateAt(ann, bob), await stateAt(bob, ann)]).toEqual(['sent', 'received']);
  });

  it('the room learns of a block later', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [ann, bob] = await two();
    const chat = (await single(bob, ann)).body.id;
    expect((await blockUser(without('ROOMS'), ann.id, bob.id, Date.now())).blocked).toBe(true);
    await settle();
    expect((await write(bob, chat)).status).toBe(403);
    expect(await contactAt(ann, bob)).toMatchObject({ blocked: true });
  });

  it('a change that D1 does not take is none anywhere', async () => {
    const [ann, bob] = await two();
    const DB = new Proxy(env.DB, {
      get(target, property) {
        if (property === 'batch') return () => Promise.reject(new Error('no D1'));
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await expect(blockUser({ ...env, DB }, ann.id, bob.id, Date.now())).rejects.toThrow();
    expect(await contactAt(ann, bob)).toBeUndefined();
  });

  it('a device that was away finds it all by its cursor, after the inbox was evicted', async () => {
    const [ann, bob] = await two();
    const held = await sync(bob);
    await ask(ann, bob);
    await evictDurableObject(inboxOf(bob.id));
    await accept(bob, ann);
    await setPrivacy(bob, { last_seen: 'friends' });
    const now = await sync(bob, held);
    const fresh = await sync(bob);
    expect(now.items).toEqual(fresh.items);
    expect(itemsOf(now, 'privacy').get('me')).toEqual({
      friend_requests: 'approval',
      messages: 'everyone',
      last_seen: 'friends',
    });
  });
});
