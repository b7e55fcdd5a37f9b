import { describe, expect, it } from 'vitest';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const LARGE = TIER_LIMITS.small + 8;

/** A large room after everybody was told once of its creation: those without a device are not told again. */
const inLargeRoom = <T>(work: (test: TestRoom, users: string[]) => Promise<T>, members = LARGE): Promise<T> =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const users = newUsers(members);
    const [, online = ''] = users;
    test.inboxes.devices.set(online, 1);
    test.create(users);
    await test.ringUntilQuiet();
    return work(test, users);
  });
const armed = (test: TestRoom) => [...test.conversation.members.armed()].map((member) => member.user_id);

describe('in a large room', () => {
  it('everybody is told once; then those in whose inbox no device listens are left in peace, and those online are not', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', online = '', ...dormant] = users;
      expect(users.map((user) => test.inboxes.count(user))).toEqual(users.map(() => 1));
      expect(armed(test)).toEqual([online]);
      let last = 0;
      for (let i = 0; i < 10; i++) last = await test.sent(ada);
      await test.ringUntilQuiet();
      expect(test.inboxes.head(online)).toBe(last);
      for (const user of dormant) expect(test.inboxes.count(user)).toBe(1);
    });
  });

  it('every notice says that the room will fall silent', async () => {
    await inLargeRoom(async (test, users) => {
      for (const user of users)
        expect(test.inboxes.last(user)).toMatchObject({ armed: false, chat: { fanout: 'large' } });
    });
  });

  it('one who looks is told again, from what the look told them on: with the events, and once until the next look', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', , cyd = ''] = users;
      const before = await test.sent(ada);
      const look = test.room.look(cyd);
      expect(look).toMatchObject({ armed: true, chat: { head_seq: before } });
      test.inboxes.devices.set(cyd, 1);
      const seq = await test.sent(ada, 'news');
      await test.inboxes.settled();
      expect(test.inboxes.head(cyd)).toBe(seq);
      expect(JSON.parse(test.inboxes.last(cyd)?.frame ?? 'null')).toMatchObject({ events: [{ seq, content: 'news' }] });
      test.inboxes.devices.set(cyd, 0);
      const count = test.inboxes.count(cyd);
      for (let i = 0; i < 5; i++) await test.sent(ada);
      await test.ringUntilQuiet();
      expect(test.inboxes.count(cyd)).toBeLessThanOrEqual(count + 2);
      expect(armed(test)).not.toContain(cyd);
    });
  });

  it('a look that comes while a notice is under way is not undone by its answer', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', , cyd = ''] = users;
      test.room.look(cyd);
      const held = Promise.withResolvers<void>();
      test.inboxes.after = (user) => (user === cyd ? held.promise : undefined);
      await test.sent(ada);
      await scheduler.wait(5);
      test.room.look(cyd);
      held.resolve();
      await test.inboxes.settled();
      expect(armed(test)).toContain(cyd);
    });
  });

  it('that an inbox is armed survives a crash; that it is not is stored by the alarm, and forgotten at the cost of one notice', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', online = '', cyd = '', dan = ''] = users;
      test.room.look(cyd);
      test.restart();
      expect(new Set(armed(test))).toEqual(new Set([online, cyd]));
      test.room.look(dan);
      await test.sent(ada);
      await test.inboxes.settled();
      expect(armed(test)).toEqual([online]);
      test.restart();
      await test.ringUntilQuiet();
      test.restart();
      expect(armed(test)).toEqual([online]);
    });
  });

  it('a mention reaches an inbox that is told of nothing else', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', , cyd = '', dan = ''] = users;
      const seq = await test.sent(ada, 'hey', { mentions: [cyd] });
      await test.ringUntilQuiet();
      expect(test.inboxes.last(cyd)).toMatchObject({ mentions: [seq], chat: { head_seq: seq } });
      expect(test.inboxes.head(dan)).toBe(1);
    });
  });

  it('a mention reaches a dormant inbox that fails at first, after a crash too', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', , cyd = ''] = users;
      test.inboxes.before = (user) => {
        if (user === cyd) throw new Error('unreachable');
      };
      const seq = await test.sent(ada, 'hey', { mentions: [cyd] });
      await test.inboxes.settled();
      test.restart();
      test.inboxes.before = () => undefined;
      await test.ringUntilQuiet();
      expect(test.inboxes.last(cyd)?.mentions).toEqual([seq]);
      expect(test.rows('outbox')).toBe(0);
    });
  });

  it('a dormant member who is removed learns of it', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', , cyd = ''] = users;
      test.room.publish(value(test.conversation.membership.remove(ada, cyd)));
      await test.ringUntilQuiet();
      expect(test.inboxes.last(cyd)).toMatchObject({ member: null, gone: 'removed' });
    });
  });

  it('every dormant member learns that it was deleted', async () => {
    await inLargeRoom(async (test, users) => {
      test.room.publish(value(test.conversation.membership.destroy(users[0] ?? '')));
      await test.ringUntilQuiet();
      for (const user of users) expect(test.inboxes.last(user)).toMatchObject({ gone: 'deleted' });
    });
  });

  it('signals and delivered marks stay in the room', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', online = '', cyd = ''] = users;
      const seq = await test.sent(ada);
      test.room.typing(cyd);
      test.room.mark({ user: cyd, delivered: seq });
      await test.inboxes.settled();
      expect(test.inboxes.signals.get(online)).toBeUndefined();
      expect(test.conversation.members.current(cyd)?.delivered_seq).toBe(seq);
    });
  });
});

describe('a room that changes its size', () => {
  it('when it has become small, everybody is told again of everything', async () => {
    await inLargeRoom(async (test, users) => {
      const [ada = '', , ...others] = users;
      for (const user of others.slice(-8)) test.room.publish(value(test.conversation.membership.remove(ada, user)));
      await test.ringUntilQuiet();
      expect(test.conversation.describe()).toMatchObject({ fanout: 'small', member_count: TIER_LIMITS.small });
      const seq = await test.sent(ada);
      await test.ringUntilQuiet();
      for (const user of others.slice(0, -8))
        expect(test.inboxes.last(user)).toMatchObject({ armed: true, chat: { head_seq: seq } });
      test.restart();
      expect(armed(test)).toHaveLength(TIER_LIMITS.small);
    });
  });

  it('when it has become large, everybody is told of that once more', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      const users = newUsers(TIER_LIMITS.small);
      test.create(users);
      await test.ringUntilQuiet();
      test.room.publish(value(test.conversation.membership.add(users[0] ?? '', [newUser()])));
      await test.ringUntilQuiet();
      for (const user of users)
        expect(test.inboxes.last(user)).toMatchObject({ armed: false, chat: { head_seq: 2, fanout: 'large' } });
      expect(armed(test)).toEqual([]);
    });
  });
});

describe('in a huge room', () => {
  it('those online get the head and no events, at most once a second', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      const users = newUsers(TIER_LIMITS.large + 1);
      const [ada = '', online = ''] = users;
      test.inboxes.devices.set(online, 1);
      test.create(users);
      await test.ringUntilQuiet();
      expect(test.conversation.describe().fanout).toBe('huge');
      expect(users.every((user) => test.inboxes.head(user) === 1)).toBe(true);
      expect(armed(test)).toEqual([online]);
      const before = test.inboxes.count(online);
      for (let i = 0; i < 20; i++) await test.sent(ada);
      await test.inboxes.settled();
      expect(test.inboxes.count(online)).toBeLessThanOrEqual(before + 2);
      expect((test.inboxes.told.get(online) ?? []).slice(before).every((notice) => notice.frame === undefined)).toBe(
        true,
      );
      await scheduler.wait(1100);
      await test.inboxes.settled();
      expect(test.inboxes.head(online)).toBe(21);
    });
  });

  it('who was mentioned often while away hears at once of what comes after they look', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      const users = newUsers(TIER_LIMITS.large + 1);
      const [ada = '', away = ''] = users;
      test.create(users);
      await test.ringUntilQuiet();
      for (let i = 0; i < 10; i++) {
        await test.sent(ada, 'hello', { mentions: [away] });
        await test.inboxes.settled();
      }
      test.inboxes.devices.set(away, 1);
      test.room.look(away);
      const seq = await test.sent(ada);
      await scheduler.wait(1100);
      await test.inboxes.settled();
      expect(test.inboxes.head(away)).toBe(seq);
    });
  });
});

it('a small room spends a few notices on an inbox without a device, says that it falls silent, and begins anew when it looks', async () => {
  await overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const users = newUsers(10);
    test.create(users);
    let seq = 0;
    for (let i = 0; i < 200; i++) seq = await test.sent(users[0] ?? '');
    await test.ringUntilQuiet();
    for (const user of users) {
      expect(test.inboxes.count(user)).toBeLessThan(20);
      expect(test.inboxes.last(user)).toMatchObject({ armed: false, chat: { fanout: 'small' } });
    }
    const [ada = '', bob = '', cyd = ''] = users;
    expect(test.room.look(bob)).toMatchObject({ armed: true, chat: { head_seq: seq } });
    test.inboxes.devices.set(bob, 1);
    const next = await test.sent(ada);
    await test.ringUntilQuiet();
    expect(test.inboxes.head(bob)).toBe(next);
    expect(test.inboxes.head(cyd)).toBeLessThan(next);
  });
});
