import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventJson } from '../../src/conversation/log.ts';
import { type Action, may } from '../../src/conversation/permissions.ts';
import { updateRetention } from '../../src/conversation/retention.ts';
import { transfer } from '../../src/conversation/standing.ts';
import type { ChatType } from '../../src/protocol/chats.ts';
import { ChatEvent } from '../../src/protocol/events.ts';
import { codeOf, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd, dan] = [newUser(), newUser(), newUser(), newUser()];
const inRoom = <T>(work: (room: TestRoom) => T | Promise<T>): Promise<T> =>
  overStorage((storage) => work(new TestRoom(storage)));

const membersOf = (test: TestRoom) =>
  Object.fromEntries(test.conversation.membership.page('', 500).items.map((member) => [member.user_id, member.role]));
const eventsOf = (test: TestRoom, after = 0) =>
  test.conversation.log.after(after, 1000).rows.map((row) => ChatEvent.parse(JSON.parse(eventJson(row))));

describe('a conversation', () => {
  it('begins with one event that names everybody in it', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      expect(eventsOf(test)).toMatchObject([
        {
          seq: 1,
          type: 'chat.created',
          actor_id: ada,
          name: 'a group',
          members: [
            { user_id: ada, role: 'owner' },
            { user_id: bob, role: 'member' },
          ],
        },
      ]);
      expect(test.conversation.describe()).toMatchObject({ head_seq: 1, member_count: 2, fanout: 'small' });
    });
  });

  it('is created once: creating it again changes nothing', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      const before = test.conversation.describe();
      test.create([ada, cyd], { name: 'another' });
      expect(test.conversation.describe()).toEqual(before);
    });
  });

  it('of which the first write fails does not exist, and can be created then', async () => {
    await inRoom((test) => {
      const { transactionSync } = test.storage;
      Object.defineProperty(test.storage, 'transactionSync', {
        configurable: true,
        value: (work: () => unknown) =>
          transactionSync.call(test.storage, () => {
            const result = work();
            if (test.rows('members') > 0) throw new Error('disk full');
            return result;
          }),
      });
      expect(() => test.create([ada, bob])).toThrow('disk full');
      expect([test.conversation.initialised, test.conversation.exists]).toEqual([false, false]);
      Object.defineProperty(test.storage, 'transactionSync', { configurable: true, value: transactionSync });
      test.create([ada, bob]);
      expect(test.conversation.describe().head_seq).toBe(1);
    });
  });

  it('in a Single both are owners, and both are named', async () => {
    await inRoom((test) => {
      test.create([ada, bob], { type: 'Single', name: null });
      expect(membersOf(test)).toEqual({ [ada]: 'owner', [bob]: 'owner' });
      expect(test.conversation.describe().peer_ids?.toSorted()).toEqual([ada, bob].toSorted());
    });
  });
});

describe('who may do what', () => {
  // What other commands ask for is in permissions.test.ts, through the door.
  type Attempted = Exclude<
    Action,
    | 'announce'
    | 'edit'
    | 'invite'
    | 'requests'
    | 'nickname'
    | 'rename'
    | 'mute'
    | 'ban'
    | 'role'
    | 'configure'
    | 'archive'
    | 'transfer'
  >;
  const attempts: Record<Attempted, (test: TestRoom, user: string) => { ok: boolean; refusal?: { code: string } }> = {
    send: (test, user) =>
      test.conversation.transaction(() =>
        test.conversation.send(user, { kind: 'text', content: 'x', client_id: 'x' }, test.clock.now),
      ),
    react: (test, user) => test.conversation.actor(user, 'react'),
    mention_all: (test, user) => test.conversation.actor(user, 'mention_all'),
    pin: (test, user) => test.conversation.actor(user, 'pin'),
    recall_any: (test, user) => test.conversation.actor(user, 'recall_any'),
    retain: (test, user) => updateRetention(test.conversation, user, { message_timer: 60 }),
    export: (test, user) => test.room.ask(user, { type: 'export', after: 0, limit: 10 }),
    update: (test, user) => test.conversation.membership.update(user, { name: 'new' }),
    delete: (test, user) => test.conversation.membership.destroy(user),
    add: (test, user) => test.conversation.membership.add(user, [dan]),
    remove: (test, user) => test.conversation.membership.remove(user, cyd),
    leave: (test, user) => test.conversation.membership.remove(user, user),
  };
  const cases = (['Single', 'Group', 'PrivateChannel', 'PublicChannel'] as const).flatMap((type) =>
    (Object.keys(attempts) as Attempted[]).map((action): [ChatType, Attempted] => [type, action]),
  );

  it.each(cases)(
    'in a %s: %s is done or refused as the table says, and a refusal changes nothing',
    async (type, action) => {
      for (const role of ['owner', 'member', 'stranger'] as const) {
        await inRoom((test) => {
          test.create(type === 'Single' ? [ada, bob] : [ada, bob, cyd], {
            type,
            ...(type === 'Single' ? { name: null } : {}),
          });
          const user = { owner: ada, member: bob, stranger: newUser() }[role];
          const head = test.conversation.log.head;
          const result = attempts[action](test, user);
          const outside = type === 'PublicChannel' ? 'forbidden' : 'not_found';
          const own = membersOf(test)[user] ?? 'member';
          // The last owner does not leave others behind.
          const allowed = role === 'owner' && action === 'leave' ? 'conflict' : 'ok';
          const expected = role === 'stranger' ? outside : may(type, own, action) ? allowed : 'forbidden';
          // In a Single both are owners; removing somebody who is not there is refused before that is looked at.
          expect(codeOf(result)).toBe(
            type === 'Single' && role === 'member' ? (may(type, 'owner', action) ? 'ok' : 'forbidden') : expected,
          );
          if (!result.ok) expect(test.conversation.log.head).toBe(head);
        });
      }
    },
  );

  it('a stranger learns nothing of a private conversation, and sees a public channel from outside', async () => {
    for (const [type, code] of [
      ['Group', 'not_found'],
      ['PrivateChannel', 'not_found'],
      ['PublicChannel', 'ok'],
    ] as const) {
      await inRoom((test) => {
        test.create([ada], { type });
        expect(codeOf(test.conversation.sight(dan))).toBe(code);
      });
    }
  });

  it('anybody may join a public channel themself, and nobody else with it', async () => {
    await inRoom((test) => {
      test.create([ada], { type: 'PublicChannel' });
      expect(codeOf(test.conversation.membership.add(bob, [bob, cyd]))).toBe('forbidden');
      expect(codeOf(test.conversation.membership.add(bob, [cyd]))).toBe('forbidden');
      expect(codeOf(test.conversation.membership.add(bob, [bob]))).toBe('ok');
      expect(membersOf(test)).toEqual({ [ada]: 'owner', [bob]: 'member' });
    });
  });
});

describe('adding', () => {
  it('is one event for all who are new; who is in already is left as they are', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      test.room.publish(value(test.conversation.membership.add(ada, [bob, cyd, cyd, dan])));
      expect(eventsOf(test, 1)).toMatchObject([{ type: 'member.joined', user_ids: [cyd, dan] }]);
      expect(value(test.conversation.membership.add(ada, [bob, cyd])).events).toEqual([]);
      expect(test.conversation.describe().member_count).toBe(4);
    });
  });

  it('leaves the newcomer with nothing unread, whatever the history setting', async () => {
    for (const history of ['all', 'joined'] as const) {
      await inRoom(async (test) => {
        test.create([ada], { history });
        for (let i = 0; i < 5; i++) await test.sent(ada);
        test.room.publish(value(test.conversation.membership.add(ada, [bob])));
        const notice = test.conversation.notice(bob);
        expect([notice?.messages, notice?.member?.read_messages]).toEqual([5, 5]);
        expect(notice?.member?.visible_from).toBe(history === 'all' ? 1 : 7);
        expect(notice?.last_message === null).toBe(history === 'joined');
      });
    }
  });

  it('one who comes back sees from where the setting says, and is not shown what they missed as unread', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob], { history: 'joined' });
      await test.sent(ada);
      test.room.publish(value(test.conversation.membership.remove(bob, bob)));
      await test.sent(ada, 'behind his back');
      test.room.publish(value(test.conversation.membership.add(ada, [bob])));
      const joined = test.conversation.log.head;
      expect(test.conversation.notice(bob)?.member).toMatchObject({ visible_from: joined, read_seq: joined });
    });
  });
});

describe('leaving and removal', () => {
  it('say which it was, and end the sockets of the one who goes', async () => {
    await inRoom((test) => {
      test.create([ada, bob, cyd]);
      const left = value(test.conversation.membership.remove(bob, bob));
      const removed = value(test.conversation.membership.remove(ada, cyd));
      expect([left.ended, removed.ended]).toEqual([[bob], [cyd]]);
      expect(eventsOf(test, 1)).toMatchObject([
        { type: 'member.left', actor_id: bob, user_id: bob, removed: false },
        { type: 'member.left', actor_id: ada, user_id: cyd, removed: true },
      ]);
      expect([test.conversation.notice(bob)?.gone, test.conversation.notice(cyd)?.gone]).toEqual(['left', 'removed']);
      expect(codeOf(test.conversation.membership.remove(ada, cyd))).toBe('not_found');
      expect(codeOf(test.conversation.actor(bob))).toBe('not_found');
    });
  });

  it('the last owner does not leave others behind', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      expect(codeOf(test.conversation.membership.remove(ada, ada))).toBe('conflict');
      value(transfer(test.conversation, ada, bob));
      expect(membersOf(test)).toEqual({ [ada]: 'admin', [bob]: 'owner' });
      expect(codeOf(test.conversation.membership.remove(ada, ada))).toBe('ok');
      expect(codeOf(test.conversation.membership.remove(bob, bob))).toBe('ok');
    });
  });

  it('an owner whom the system removes is followed by the longest-standing member', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      test.clock.pass(1000);
      test.room.publish(value(test.conversation.membership.add(ada, [cyd])));
      test.clock.pass(1000);
      test.conversation.membership.expel(ada);
      expect(membersOf(test)).toEqual({ [bob]: 'owner', [cyd]: 'member' });
      expect(eventsOf(test, 3)).toMatchObject([{ type: 'member.role', user_id: bob, role: 'owner' }]);
    });
  });

  it('an owner who comes back is a member like others', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      test.conversation.membership.expel(ada);
      value(test.conversation.membership.add(bob, [ada]));
      expect(membersOf(test)).toEqual({ [bob]: 'owner', [ada]: 'member' });
    });
  });

  it('a channel that all have left belongs to the first who joins it', async () => {
    await inRoom((test) => {
      test.create([ada], { type: 'PublicChannel' });
      value(test.conversation.membership.remove(ada, ada));
      expect(membersOf(test)).toEqual({});
      value(test.conversation.membership.add(bob, [bob]));
      value(test.conversation.membership.add(cyd, [cyd]));
      expect(membersOf(test)).toEqual({ [bob]: 'owner', [cyd]: 'member' });
      expect(eventsOf(test, 2)).toMatchObject([
        { type: 'member.joined' },
        { type: 'member.role', user_id: bob },
        { type: 'member.joined' },
      ]);
    });
  });

  it('by the system needs no permission and happens once', async () => {
    await inRoom((test) => {
      test.create([ada, bob], { type: 'PrivateChannel' });
      expect(test.conversation.membership.expel(bob).ended).toEqual([bob]);
      expect(test.conversation.membership.expel(bob)).toEqual({ events: [], ended: [] });
      expect(test.conversation.membership.expel(newUser())).toEqual({ events: [], ended: [] });
      expect(test.conversation.membership.expel(ada).ended).toEqual([ada]);
      expect(test.conversation.describe().member_count).toBe(0);
    });
  });
});

it('a change is one event with what has changed; no change is no event', async () => {
  await inRoom((test) => {
    test.create([ada]);
    test.clock.pass(5000);
    expect(value(test.conversation.membership.update(ada, { name: 'a group', history: 'all' })).events).toEqual([]);
    value(test.conversation.membership.update(ada, { name: 'b', history: 'all' }));
    expect(eventsOf(test, 1)).toMatchObject([{ type: 'chat.updated', name: 'b' }]);
    expect(eventsOf(test, 1)[0]).not.toHaveProperty('history');
    test.restart();
    expect(test.conversation.describe()).toMatchObject({ name: 'b', updated_at: eventsOf(test, 1)[0]?.created_at });
  });
});

it('a change that cannot be stored leaves memory as the storage is', async () => {
  await inRoom((test) => {
    test.create([ada, bob]);
    const before = [test.conversation.describe(), membersOf(test)];
    test.storage.sql.exec(`CREATE TRIGGER full BEFORE UPDATE ON chat BEGIN SELECT raise(ABORT, 'disk full'); END`);
    expect(() => test.conversation.membership.update(ada, { name: 'b' })).toThrow('disk full');
    expect(() => test.conversation.membership.add(ada, [cyd])).toThrow('disk full');
    expect(() => test.conversation.membership.remove(ada, bob)).toThrow('disk full');
    expect(() => test.conversation.membership.destroy(ada)).toThrow('disk full');
    expect([test.conversation.describe(), membersOf(test)]).toEqual(before);
    expect(test.conversation.takeOwed()).toEqual([]);
    test.storage.sql.exec('DROP TRIGGER full');
    expect(value(test.conversation.membership.update(ada, { name: 'b' })).events[0]?.seq).toBe(2);
  });
});

it('after any history of changes: the members are those whom the log says, there is an owner, and the count is right', async () => {
  const users = newUsers(5);
  const step = fc.record({
    what: fc.constantFrom('add', 'remove', 'leave', 'expel', 'rename', 'send', 'restart'),
    actor: fc.nat(4),
    target: fc.nat(4),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
      inRoom(async (test) => {
        test.create(users.slice(0, 2), { type: 'PublicChannel' });
        for (const { what, actor, target } of steps) {
          const [user = '', other = ''] = [users[actor], users[target]];
          test.clock.pass(1000);
          if (what === 'add') test.conversation.membership.add(user, [other]);
          else if (what === 'remove') test.conversation.membership.remove(user, other);
          else if (what === 'leave') test.conversation.membership.remove(user, user);
          else if (what === 'expel') test.conversation.membership.expel(other);
          else if (what === 'rename') test.conversation.membership.update(user, { name: `${actor}${target}` });
          else if (what === 'send') await test.send(user);
          else test.restart();
        }
        const roles = new Map<string, string>();
        for (const event of eventsOf(test)) {
          if (event.type === 'chat.created') for (const { user_id, role } of event.members) roles.set(user_id, role);
          if (event.type === 'member.joined') for (const user of event.user_ids) roles.set(user, 'member');
          if (event.type === 'member.left') roles.delete(event.user_id);
          if (event.type === 'member.role') roles.set(event.user_id, event.role);
          if (event.type === 'message') expect(roles.has(event.actor_id)).toBe(true);
        }
        expect(membersOf(test)).toEqual(Object.fromEntries(roles));
        expect(test.conversation.describe().member_count).toBe(roles.size);
        if (roles.size > 0) expect([...roles.values()]).toContain('owner');
        expect(eventsOf(test).map((event) => event.seq)).toEqual(eventsOf(test).map((_, i) => i + 1));
      }),
    ),
    { numRuns: 40 },
  );
});
