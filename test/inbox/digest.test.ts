import { describe, expect, it } from 'vitest';
import { ABSENT_MS } from '../../src/inbox/digest.ts';
import { notice, type TestInbox, withInbox } from '../support/inbox.ts';
import { newUser } from '../support/objects.ts';

const CHAT = `chat_${'0'.repeat(26)}`;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Time passes, and the alarm comes when it is due. */
function pass(test: TestInbox, ms: number): void {
  test.clock.pass(ms);
  if ((test.inbox.due ?? Number.POSITIVE_INFINITY) <= test.clock.now) test.background(test.inbox.alarm());
}

describe('a mail to somebody who is away for long', () => {
  it('is asked for once what came has waited for days, and names what waits by then', () =>
    withInbox((test) => {
      const [peer, other] = [newUser(), `chat_${'1'.repeat(26)}`];
      test.inbox.notify(notice({ chat_id: CHAT, head: 1 }));
      pass(test, ABSENT_MS - 1);
      expect(test.mails).toBe(0);
      const single = notice({ chat_id: other, head: 2 });
      test.inbox.notify({
        ...single,
        chat: { ...single.chat, type: 'Single', name: null, peer_ids: [test.owner, peer] },
      });
      // It does not depend on the object's staying alive.
      test.restart();
      pass(test, 1);
      expect(test.mails).toBe(1);
      expect(test.inbox.waiting()).toEqual([
        { name: null, peer_id: peer, unread: 2 },
        { name: expect.any(String), peer_id: null, unread: 1 },
      ]);
    }));

  it('comes once in an absence, and anew in the next one', () =>
    withInbox(async (test) => {
      test.inbox.notify(notice({ chat_id: CHAT, head: 1 }));
      pass(test, ABSENT_MS);
      test.inbox.digest.sent();
      test.inbox.notify(notice({ chat_id: CHAT, head: 2 }));
      expect(test.inbox.due).toBeNull();
      pass(test, 10 * DAY_MS);
      expect(test.mails).toBe(1);
      await test.sync();
      test.inbox.notify(notice({ chat_id: CHAT, head: 3 }));
      pass(test, ABSENT_MS);
      expect(test.mails).toBe(2);
    }));

  it('that was not sent is asked for again, three times in all', () =>
    withInbox((test) => {
      test.inbox.notify(notice({ chat_id: CHAT, head: 1 }));
      for (let day = 0; day < 20; day++) {
        pass(test, DAY_MS);
        test.restart();
      }
      expect(test.mails).toBe(3);
      expect(test.inbox.due).toBeNull();
    }));

  it.each([
    ['a list', async (test: TestInbox) => void (await test.inbox.list({ limit: 10 }))],
    ['a sync', async (test: TestInbox) => void (await test.sync())],
    ['one conversation', async (test: TestInbox) => void (await test.inbox.item(CHAT))],
    ['a device', async (test: TestInbox) => void test.connect()],
  ])('does not come when they have looked: %s', (_, look) =>
    withInbox(async (test) => {
      test.inbox.notify(notice({ chat_id: CHAT, head: 1 }));
      await look(test);
      await test.settled();
      expect(test.inbox.due).toBeNull();
      pass(test, ABSENT_MS);
      expect(test.mails).toBe(0);
    }),
  );

  it.each([
    ['muted', { muted: true }],
    ['archived', { archived: true }],
    ['switched off', { notify: 'none' }],
    ['of mentions, and there is none', { notify: 'mentions' }],
  ] as const)('does not name what is %s', (_, preferences) =>
    withInbox((test) => {
      test.inbox.notify(notice({ chat_id: CHAT, head: 1, read: 1 }));
      expect(test.inbox.prefer(CHAT, preferences).ok).toBe(true);
      test.inbox.notify(notice({ chat_id: CHAT, head: 2, read: 1 }));
      expect(test.inbox.due).toBeNull();
      expect(test.inbox.waiting()).toEqual([]);
    }),
  );

  it('names nothing to somebody who is suspended or wants no mails, and nothing that was read meanwhile', () =>
    withInbox(async (test) => {
      test.inbox.notify(notice({ chat_id: CHAT, head: 1 }));
      pass(test, ABSENT_MS);
      expect(test.inbox.waiting()).toHaveLength(1);
      test.inbox.alerts.configure({ quiet_hours: null, email_digest: false });
      expect(test.inbox.waiting()).toEqual([]);
      test.inbox.alerts.configure({ quiet_hours: null });
      await test.inbox.setSuspended(true);
      expect(test.inbox.waiting()).toEqual([]);
      await test.inbox.setSuspended(false);
      test.inbox.notify(notice({ chat_id: CHAT, head: 1, read: 1 }));
      expect(test.inbox.waiting()).toEqual([]);
    }));
});
