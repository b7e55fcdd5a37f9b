import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import type { Privacy } from '../../src/protocol/friends.ts';
import type { Status } from '../../src/protocol/users.ts';
import { friend, notice, withInbox } from '../support/inbox.ts';
import {
  createChat,
  eventually,
  identity,
  inboxOf,
  inboxSocket,
  newUser,
  newUsers,
  value,
} from '../support/objects.ts';
import type { TestSocket } from '../support/socket.ts';

const status = (fields: Partial<Status> = {}): Status => ({
  text: 'at sea',
  emoji: '🌊',
  busy: false,
  expires_at: null,
  ...fields,
});
const tellPrivacy = (user: string, last_seen: Privacy['last_seen']) =>
  inboxOf(user).put([
    {
      kind: 'privacy',
      id: 'me',
      version: 1,
      value: { friend_requests: 'approval', messages: 'everyone', last_seen },
    },
  ]);
const befriend = async (one: string, other: string) => {
  await inboxOf(one).put([friend(other, 1, 'x')]);
  await inboxOf(other).put([friend(one, 1, 'x')]);
};
const block = async (who: string, whom: string, version = 2) => {
  const [item] = [friend(whom, version, 'x')];
  if (item.kind !== 'contact' || item.value === null) throw new Error('a friend is a contact');
  await inboxOf(who).put([{ ...item, value: { ...item.value, blocked: version % 2 === 0 } }]);
};
const seen = async (whom: string, viewer: string) => value(await inboxOf(whom).presence(viewer));
const of = (socket: TestSocket, user: string) => socket.next('presence', (frame) => frame.user_id === user);

async function online(user: string): Promise<TestSocket> {
  const socket = await inboxSocket(identity(user));
  await socket.next('inbox');
  return socket;
}

/** Friends, both online, who know that the other is. */
async function pair() {
  const [ann = '', bob = ''] = newUsers(2);
  await befriend(ann, bob);
  const one = await online(ann);
  const two = await online(bob);
  expect(await of(one, bob)).toMatchObject({ state: 'online' });
  expect(await of(two, ann)).toMatchObject({ state: 'online' });
  return { ann, bob, one, two };
}

describe('friends', () => {
  it('hear of each other when one comes, of what changes, and when one has gone', async () => {
    const { ann, bob, one, two } = await pair();
    two.send({ t: 'presence', state: 'away' });
    expect(await of(one, bob)).toMatchObject({ state: 'away' });
    two.close();
    await eventually('the alarm is set', () => runDurableObjectAlarm(inboxOf(bob)));
    expect(await of(one, bob)).toMatchObject({ state: 'offline' });
    expect((await seen(bob, ann)).state).toBe('offline');
  });

  it('who become friends while they are online hear of each other then', async () => {
    const [ann = '', bob = ''] = newUsers(2);
    const [one, two] = [await online(ann), await online(bob)];
    expect(await inboxOf(bob).presence(ann)).toMatchObject({ refusal: { code: 'not_found' } });
    await befriend(ann, bob);
    expect(await of(one, bob)).toMatchObject({ state: 'online' });
    expect(await of(two, ann)).toMatchObject({ state: 'online' });
  });

  it('and so do two who begin a Single', async () => {
    const [ann = '', bob = ''] = newUsers(2);
    const [one, two] = [await online(ann), await online(bob)];
    await createChat([ann, bob], { type: 'Single', name: null });
    expect(await of(one, bob)).toMatchObject({ state: 'online' });
    expect(await of(two, ann)).toMatchObject({ state: 'online' });
  });

  it('hear nothing new of a second device, and all of a device that comes', async () => {
    const { ann, bob, one } = await pair();
    const second = await online(bob);
    expect(await of(second, ann)).toMatchObject({ state: 'online' });
    await scheduler.wait(100);
    expect(one.pending.filter(({ t }) => t === 'presence')).toEqual([]);
  });

  it('of several devices see the liveliest', async () => {
    const { ann, bob, one, two } = await pair();
    const second = await online(bob);
    two.send({ t: 'presence', state: 'away' });
    await scheduler.wait(50);
    expect((await seen(bob, ann)).state).toBe('online');
    second.send({ t: 'presence', state: 'away' });
    expect(await of(one, bob)).toMatchObject({ state: 'away' });
    // Through an eviction, too: what a device has said stands with its socket.
    await evictDurableObject(inboxOf(bob));
    expect((await seen(bob, ann)).state).toBe('away');
    two.send({ t: 'presence', state: 'online' });
    expect(await of(one, bob)).toMatchObject({ state: 'online' });
  });

  it('are told of changes in bursts, and end with the last', async () => {
    const { bob, one, two } = await pair();
    for (let i = 0; i < 20; i++) two.send({ t: 'presence', state: i % 2 === 0 ? 'away' : 'online' });
    two.send({ t: 'presence', state: 'away' });
    await scheduler.wait(1500);
    const frames = one.pending.filter((frame) => frame.t === 'presence' && frame.user_id === bob);
    expect(frames.length).toBeLessThanOrEqual(3);
    expect(frames.at(-1)).toMatchObject({ state: 'away' });
  });
});

describe('a custom status', () => {
  it('is seen with the presence, busy or not, and is a row on the own devices', async () => {
    const { ann, bob, one, two } = await pair();
    await inboxOf(bob).setStatus(status({ busy: true }));
    expect(await of(one, bob)).toMatchObject({ state: 'busy', status: { text: 'at sea', emoji: '🌊' } });
    expect((await two.next('inbox')).changes).toMatchObject([{ type: 'status', id: 'me', value: { text: 'at sea' } }]);
    await evictDurableObject(inboxOf(bob));
    expect(await seen(bob, ann)).toMatchObject({ state: 'busy', status: { text: 'at sea' } });
    await inboxOf(bob).setStatus(null);
    expect(await of(one, bob)).toMatchObject({ state: 'online', status: null });
    expect((await two.next('inbox')).changes).toEqual([{ type: 'status', id: 'me', value: null }]);
  });

  it('ends when it expires: others are told, the row goes', async () => {
    const { ann, bob, one, two } = await pair();
    await inboxOf(bob).setStatus(status({ expires_at: new Date(Date.now() + 1200).toISOString() }));
    expect((await of(one, bob)).status).not.toBeNull();
    await two.next('inbox');
    expect(await one.next('presence', (frame) => frame.status === null, 5000)).toMatchObject({ user_id: bob });
    expect((await two.next('inbox')).changes).toEqual([{ type: 'status', id: 'me', value: null }]);
    expect((await seen(bob, ann)).status).toBeNull();
  });

  it('that has expired is not shown, though nobody has taken it away yet', async () => {
    await withInbox((test) => {
      test.inbox.setStatus(status({ expires_at: new Date(test.clock.now + 1000).toISOString() }));
      expect(test.inbox.presence.own().status).not.toBeNull();
      test.clock.now += 1000;
      expect(test.inbox.presence.own().status).toBeNull();
    });
  });
});

describe('last seen', () => {
  it.each([
    ['everyone', true, true],
    ['friends', true, false],
    ['nobody', false, false],
  ] as const)('for %s: friends %s, people of a Single %s', async (policy, toFriend, toPeer) => {
    const [ann = '', bob = '', cleo = ''] = newUsers(3);
    await befriend(ann, bob);
    await createChat([ann, cleo], { type: 'Single', name: null });
    (await online(ann)).close();
    await eventually('she has left', async () => (await seen(ann, ann)).state === 'offline');
    await tellPrivacy(ann, policy);
    expect((await seen(ann, ann)).last_seen).not.toBeNull();
    expect((await seen(ann, bob)).last_seen !== null).toBe(toFriend);
    await eventually('the Single is known', async () => (await inboxOf(ann).presence(cleo)).ok);
    expect((await seen(ann, cleo)).last_seen !== null).toBe(toPeer);
  });
});

describe('who is blocked', () => {
  it('sees somebody who went away, at once and from then on, and is not heard', async () => {
    const { ann, bob, one, two } = await pair();
    await inboxOf(ann).setStatus(status());
    await of(two, ann);
    await block(ann, bob);
    expect(await of(two, ann)).toMatchObject({ state: 'offline', last_seen: null, status: null });
    expect(await seen(ann, bob)).toEqual({ user_id: ann, state: 'offline', last_seen: null, status: null });
    one.send({ t: 'presence', state: 'away' });
    two.send({ t: 'presence', state: 'away' });
    await scheduler.wait(200);
    expect(two.pending.filter(({ t }) => t === 'presence')).toEqual([]);
    expect(one.pending.filter(({ t }) => t === 'presence')).toEqual([]);
    const again = await online(bob);
    await scheduler.wait(100);
    expect(again.pending.filter(({ t }) => t === 'presence')).toEqual([]);
    await block(ann, bob, 3);
    expect(await of(two, ann)).toMatchObject({ state: 'away', status: { text: 'at sea' } });
  });

  it('a stranger sees nothing of anybody, blocked or not', async () => {
    const [ann = '', bob = ''] = newUsers(2);
    const stranger = await inboxOf(ann).presence(bob);
    await inboxOf(ann).put([
      {
        kind: 'contact',
        id: bob,
        version: 1,
        value: {
          user_id: bob,
          state: 'none',
          request: null,
          since: null,
          remark: null,
          group_ids: [],
          blocked: true,
        },
      },
    ]);
    expect(await inboxOf(ann).presence(bob)).toEqual(stranger);
  });
});

it('hundreds of friends are met at once, and only those who are there are told of what changes', async () => {
  await withInbox(async (test) => {
    const friends = newUsers(600);
    test.inbox.put(friends.map((id) => friend(id, 1, 'x')));
    const there = new Set(friends.slice(-3));
    test.rooms.meet = (user_id) => ({
      user_id,
      state: there.has(user_id) ? 'online' : 'offline',
      last_seen: null,
      status: null,
    });
    test.inbox.notify(notice({ chat_id: newId('chat') }));
    const device = test.connect();
    await eventually('they are met', () => device.of('presence').length === 3);
    expect(test.rooms.count('meet')).toBe(500);
    expect(new Set(device.of('presence').map(({ user_id }) => user_id))).toEqual(there);
    test.inbox.setAway(device.device, true);
    await test.settled();
    expect(test.rooms.count('meet')).toBe(503);
    expect(test.inbox.presence.seenBy(newUser())).toBeNull();
  });
});
