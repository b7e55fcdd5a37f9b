import { describe, expect, it } from 'vitest';
import { RESUME_TTL } from '../../src/auth/tokens.ts';
import { newId } from '../../src/ids.ts';
import { type TestInbox, withInbox } from '../support/inbox.ts';
import { codeOf, HOUR, identity, newUser } from '../support/objects.ts';

const check = (test: TestInbox, who: ReturnType<typeof identity>) => codeOf(test.inbox.gate.check(who));

describe('a session', () => {
  it('that was ended is refused from then on, others are not; after a restart too', async () => {
    await withInbox(async (test) => {
      const [one, other] = [identity(test.owner), identity(test.owner)];
      expect([check(test, one), check(test, other)]).toEqual(['ok', 'ok']);
      await test.inbox.endSessions([one.session_id], undefined);
      expect([check(test, one), check(test, other)]).toEqual(['session_ended', 'ok']);
      test.restart();
      expect([check(test, one), check(test, other)]).toEqual(['session_ended', 'ok']);
    });
  });

  it('all but one: those that began before are refused, the one and later ones are not', async () => {
    await withInbox(async (test) => {
      const [kept, ended] = [identity(test.owner), identity(test.owner)];
      test.clock.now = Date.now() + 10;
      await test.inbox.endSessions('all', kept.session_id);
      await scheduler.wait(20);
      const later = identity(test.owner);
      const codes = () => [kept, ended, later].map((who) => check(test, who));
      expect(codes()).toEqual(['ok', 'session_ended', 'ok']);
      test.restart();
      expect(codes()).toEqual(['ok', 'session_ended', 'ok']);
    });
  });

  it('is remembered as ended for as long as a token of it could live, and then forgotten', async () => {
    await withInbox(async (test) => {
      const one = identity(test.owner);
      await test.inbox.endSessions([one.session_id], undefined);
      test.clock.pass(RESUME_TTL * 1000);
      await test.inbox.endSessions([newId('ses')], undefined);
      expect(check(test, one)).toBe('session_ended');
      test.clock.pass(HOUR);
      await test.inbox.endSessions([newId('ses')], undefined);
      expect(test.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM ended_sessions').one().n).toBe(2);
    });
  });
});

describe('a suspended user', () => {
  it('is refused whatever the session, until restored; after a restart too', async () => {
    await withInbox(async (test) => {
      const one = identity(test.owner);
      await test.inbox.setSuspended(true);
      expect(check(test, one)).toBe('suspended');
      test.restart();
      expect(check(test, one)).toBe('suspended');
      await test.inbox.setSuspended(false);
      expect(check(test, one)).toBe('ok');
    });
  });
});

describe('the end of a session', () => {
  it('closes the devices of that session and no others', async () => {
    await withInbox(async (test) => {
      const [one, other] = [test.connect(), test.connect()];
      await test.inbox.endSessions([one.device.identity.session_id], undefined);
      expect(await one.closed).toEqual({ code: 4401, reason: 'session_ended' });
      test.inbox.signal(JSON.stringify({ t: 'typing', chat_id: newId('chat'), user_id: newUser() }));
      await scheduler.wait(5);
      expect([one.of('typing').length, other.of('typing').length]).toEqual([0, 1]);
    });
  });

  it('closes the sockets in every room in which one may be open', async () => {
    await withInbox(async (test) => {
      const rooms = [newId('chat'), newId('chat'), newId('chat')];
      const who = identity(test.owner, { expires_at: test.clock.now + HOUR });
      for (const chatId of rooms) test.inbox.gate.attach(chatId, who.expires_at);
      test.restart();
      await test.inbox.endSessions([who.session_id], undefined);
      expect(test.rooms.calls.map((call) => call.id).toSorted()).toEqual(rooms.toSorted());
    });
  });

  it('forgets a room when the token with which its socket was opened has ended', async () => {
    await withInbox(async (test) => {
      const [early, late] = [newId('chat'), newId('chat')];
      test.inbox.gate.attach(early, test.clock.now + 1000);
      test.clock.pass(999);
      test.inbox.gate.attach(late, test.clock.now + 1000);
      expect(test.inbox.gate.attached.toSorted()).toEqual([early, late].toSorted());
      test.clock.pass(1);
      expect(test.inbox.gate.attached).toEqual([late]);
      test.inbox.gate.attach(newId('chat'), test.clock.now + 1000);
      expect(test.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM attached').one().n).toBe(2);
    });
  });

  it('is written once for each room and token, not for each socket', async () => {
    await withInbox(async (test) => {
      const chatId = newId('chat');
      test.inbox.gate.attach(chatId, test.clock.now + 1000);
      const { exec } = test.storage.sql;
      let written = 0;
      Object.defineProperty(test.storage.sql, 'exec', {
        configurable: true,
        value: (query: string, ...bindings: unknown[]) => {
          written += 1;
          return exec.call(test.storage.sql, query, ...bindings);
        },
      });
      for (let i = 0; i < 100; i++) test.inbox.gate.attach(chatId, test.clock.now + 1000);
      expect(written).toBe(0);
    });
  });

  it('throws when a room could not be told, so that the caller repeats; the session is refused already', async () => {
    await withInbox(async (test) => {
      const [bad, good] = [newId('chat'), newId('chat')];
      const who = identity(test.owner);
      for (const chatId of [bad, good]) test.inbox.gate.attach(chatId, test.clock.now + HOUR);
      test.rooms.endSessions = (chatId) => {
        if (chatId === bad) throw new Error('unreachable');
      };
      const device = test.connect(undefined, { session_id: who.session_id });
      await expect(test.inbox.endSessions([who.session_id], undefined)).rejects.toThrow('unreachable');
      expect(check(test, who)).toBe('session_ended');
      expect(await device.closed).toMatchObject({ code: 4401 });
      expect(test.rooms.count('endSessions', good)).toBe(1);
      test.rooms.endSessions = () => undefined;
      await test.inbox.endSessions([who.session_id], undefined);
      expect(test.rooms.count('endSessions', bad)).toBe(2);
    });
  });

  it('of all but one tells the rooms which one, and suspension spares none', async () => {
    await withInbox(async (test) => {
      const told: unknown[] = [];
      test.rooms.endSessions = (_chatId, user, which) => void told.push({ user, ...which });
      test.inbox.gate.attach(newId('chat'), test.clock.now + HOUR);
      const kept = identity(test.owner);
      await test.inbox.endSessions('all', kept.session_id);
      await test.inbox.setSuspended(true);
      expect(told).toEqual([
        { user: test.owner, sessions: 'all', except: kept.session_id, reason: 'session_ended' },
        { user: test.owner, sessions: 'all', except: undefined, reason: 'suspended' },
      ]);
    });
  });
});
