import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { HOT_AFTER } from '../../src/inbox/hot.ts';
import { notice, ofChats, type TestDevice, type TestInbox, withInbox } from '../support/inbox.ts';
import { eventually } from '../support/objects.ts';

const heads = (device: TestDevice) =>
  device
    .of('inbox')
    .flatMap(({ changes }) => changes.map((change) => (change.type === 'chat' ? change.chat.head_seq : -1)));
const tell = (test: TestInbox, chat_id: string, from: number, to: number) => {
  for (let head = from; head <= to; head++) test.inbox.notify(notice({ chat_id, head }));
};
const storedHead = (test: TestInbox, chat: string) => test.inbox.timeline.get(chat)?.item?.head_seq;

describe('a row that changes fast while a device listens', () => {
  it('is not stored each time, and the device hears of every state that lasts', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const device = test.connect();
      tell(test, chat, 1, 500);
      await eventually('the newest comes', () => heads(device).at(-1) === 500);
      expect(test.inbox.timeline.pos).toBe(HOT_AFTER);
      expect(test.inbox.timeline.stale()).toEqual([chat]);
    });
  });

  it('is stored when it has come to rest, and its cursor is told', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const device = test.connect();
      tell(test, chat, 1, 20);
      await eventually('it is stored', () => storedHead(test, chat) === 20, 8000);
      await eventually('and is not stale', () => test.inbox.timeline.stale().length === 0, 4000);
      const cursor = device.of('inbox').at(-1)?.cursor;
      expect((await test.sync({ cursor })).changes).toEqual([]);
    });
  });

  it('is stored now and then while it goes on changing, and is not trusted meanwhile', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      test.connect();
      let head = 20;
      tell(test, chat, 1, head);
      const goOn = async (until: () => boolean) => {
        await eventually(
          'it goes on changing',
          async () => {
            tell(test, chat, head + 1, ++head);
            await scheduler.wait(100);
            return until();
          },
          5000,
        );
      };
      const began = Date.now();
      await goOn(() => Date.now() - began > 2500);
      expect(storedHead(test, chat)).toBe(HOT_AFTER);
      test.clock.now += 20_000;
      await goOn(() => storedHead(test, chat) !== HOT_AFTER);
      expect(test.inbox.timeline.stale()).toEqual([chat]);
    });
  });

  it('is right for whoever reads, at any time', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      test.connect();
      tell(test, chat, 1, 20);
      expect((await test.sync()).changes).toMatchObject([{ chat: { head_seq: 20 } }]);
      tell(test, chat, 21, 30);
      expect(await test.inbox.item(chat)).toMatchObject({ value: { head_seq: 30 } });
      tell(test, chat, 31, 40);
      expect(test.inbox.prefer(chat, { muted: true })).toMatchObject({ value: { head_seq: 40, muted: true } });
      tell(test, chat, 41, 50);
      expect((await test.sync()).changes).toMatchObject([{ chat: { head_seq: 50, muted: true } }]);
    });
  });

  it('is asked of its room when the inbox ended before it was stored', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      test.connect();
      tell(test, chat, 1, 20);
      expect(storedHead(test, chat)).toBe(HOT_AFTER);
      test.restart();
      test.rooms.look = () => notice({ chat_id: chat, head: 20 });
      expect((await test.sync()).changes).toMatchObject([{ chat: { head_seq: 20 } }]);
      expect(test.rooms.count('look', chat)).toBe(1);
      expect(test.inbox.timeline.stale()).toEqual([]);
    });
  });

  it('gives way to what ends the membership, and does not come back', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const device = test.connect();
      tell(test, chat, 1, 20);
      test.inbox.notify(notice({ chat_id: chat, head: 21, member_seq: 21, gone: 'removed' }));
      await eventually('it is gone', () => heads(device).at(-1) === -1);
      test.inbox.notify(notice({ chat_id: chat, head: 20 }));
      expect(ofChats((await test.sync()).changes)).toMatchObject([{ type: 'chat.gone', reason: 'removed' }]);
    });
  });

  it('is not one that changes at the pace of people: that is stored each time, and needs no timer', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      test.connect();
      for (let round = 0; round < 5; round++) {
        const head = round * 2 + 1;
        tell(test, chat, head, head + 1);
        expect(storedHead(test, chat)).toBe(head + 1);
        expect(test.inbox.timeline.stale()).toEqual([]);
        test.clock.now += 3000;
      }
    });
  });

  it('without a device is stored each time', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      tell(test, chat, 1, 20);
      expect(storedHead(test, chat)).toBe(20);
    });
  });
});
