import { describe, expect, it } from 'vitest';
import { isQuiet } from '../../src/push/quiet.ts';
import { notice, withInbox } from '../support/inbox.ts';
import { newUser } from '../support/objects.ts';

const keys = { p256dh: 'B', auth: 'A' };
const subscription = (n: number) => ({ endpoint: `https://fcm.googleapis.com/${n}`, keys });
const message = (chat_id: string, seq: number) => ({
  chat_id,
  seq,
  ordinal: seq,
  client_id: `c${seq}`,
  sender_id: newUser(),
  kind: 'text' as const,
  content: 'hello',
  created_at: '2026-11-21T08:00:00.000Z',
});
const news = (chat_id: string, head: number) => notice({ chat_id, head, last_message: message(chat_id, head) });
const CHAT = `chat_${'0'.repeat(26)}`;

describe('an inbox in which nobody listens', () => {
  it('alerts once in a while for each conversation, and not without a subscription', () =>
    withInbox((test) => {
      test.inbox.notify(news(CHAT, 1));
      expect(test.alerted).toEqual([]);
      test.inbox.alerts.subscribe('ses_1', 'a', subscription(1));
      test.inbox.notify(news(CHAT, 2));
      test.inbox.notify(news(CHAT, 3));
      expect(test.alerted).toEqual([CHAT]);
      test.clock.pass(5000);
      test.inbox.notify(news(CHAT, 4));
      expect(test.alerted).toEqual([CHAT, CHAT]);
      // The same news again is none, once it was pushed.
      test.inbox.alerts.done(CHAT, 4);
      test.clock.pass(5000);
      test.inbox.notify(news(CHAT, 4));
      expect(test.alerted).toHaveLength(2);
      test.restart();
      test.inbox.notify(news(CHAT, 5));
      expect(test.alerted).toHaveLength(3);
      expect(test.inbox.alert(CHAT)?.payload.seq).toBe(5);
    }));

  it('is quiet in quiet hours, and alerts after them', () =>
    withInbox((test) => {
      test.inbox.alerts.subscribe('ses_1', 'a', subscription(1));
      test.clock.now = Date.UTC(2026, 10, 21, 23);
      test.inbox.alerts.configure({ quiet_hours: { from: '22:00', to: '07:00', time_zone: 'UTC' } });
      test.inbox.notify(news(CHAT, 1));
      expect(test.alerted).toEqual([]);
      test.clock.now = Date.UTC(2026, 10, 22, 7);
      test.inbox.notify(news(CHAT, 2));
      expect(test.alerted).toEqual([CHAT]);
    }));

  it('keeps the newest twenty subscriptions, each until its session ends', () =>
    withInbox(async (test) => {
      for (let n = 0; n < 25; n++) {
        test.clock.pass(1);
        test.inbox.alerts.subscribe(n < 10 ? 'ses_old' : 'ses_new', `id${n}`, subscription(n));
      }
      expect(test.inbox.alerts.list().map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, n) => `id${24 - n}`));
      await test.inbox.endSessions(['ses_old'], undefined);
      expect(test.inbox.alerts.list()).toHaveLength(15);
      await test.inbox.endSessions('all', 'ses_new');
      expect(test.inbox.alerts.list()).toHaveLength(15);
      await test.inbox.endSessions('all', undefined);
      expect(test.inbox.alerts.list()).toEqual([]);
    }));

  it('alerts nobody who is suspended', () =>
    withInbox(async (test) => {
      test.inbox.alerts.subscribe('ses_1', 'a', subscription(1));
      test.inbox.notify(news(CHAT, 1));
      expect(test.inbox.alert(CHAT)).not.toBeNull();
      await test.inbox.setSuspended(true);
      expect(test.inbox.alert(CHAT)).toBeNull();
    }));
});

describe('quiet hours', () => {
  const at = (hour: number, minute = 0) => Date.UTC(2026, 10, 21, hour, minute);
  it.each([
    ['22:00', '07:00', at(21, 59), false],
    ['22:00', '07:00', at(22), true],
    ['22:00', '07:00', at(0), true],
    ['22:00', '07:00', at(6, 59), true],
    ['22:00', '07:00', at(7), false],
    ['12:00', '13:00', at(12, 30), true],
    ['12:00', '13:00', at(13), false],
    ['12:00', '12:00', at(12), false],
  ])('from %s to %s', (from, to, now, quiet) => {
    expect(isQuiet({ from, to, time_zone: 'UTC' }, now)).toBe(quiet);
  });

  it('are those of the place, in summer and in winter', () => {
    const hours = { from: '22:00', to: '07:00', time_zone: 'Europe/Berlin' };
    expect(isQuiet(hours, Date.UTC(2026, 6, 1, 20, 30))).toBe(true);
    expect(isQuiet(hours, Date.UTC(2026, 11, 1, 20, 30))).toBe(false);
  });
});
