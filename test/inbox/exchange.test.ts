import { describe, expect, it } from 'vitest';
import type { Exchanged } from '../../src/conversation/api.ts';
import type { RoomFrame } from '../../src/conversation/exchange.ts';
import { newId } from '../../src/ids.ts';
import { notice, type TestDevice, type TestInbox, withInbox } from '../support/inbox.ts';
import { eventually } from '../support/objects.ts';

const chat = newId('chat');
const send = (id: string): RoomFrame => ({ t: 'send', client_id: id, chat_id: chat, kind: 'text', content: 'x' });
const ack = (seq: number) =>
  `{"t":"ack","client_id":"c","chat_id":"${chat}","seq":${seq},"created_at":"2026-11-21T08:00:00.000Z"}`;
const events = (head: number) => `{"t":"events","chat_id":"${chat}","epoch":"e","head_seq":${head},"events":[]}`;
const stale = (test: TestInbox) => test.inbox.timeline.stale();
const hot = (test: TestInbox) => {
  for (let head = 1; head <= 20; head++) test.inbox.notify(notice({ chat_id: chat, head }));
  expect(stale(test)).toEqual([chat]);
};
const kinds = (device: TestDevice) => device.frames.map(({ t }) => t);

/** An exchange that is under way until the test lets its answer come. */
function slowExchange(test: TestInbox) {
  const answer = Promise.withResolvers<Exchanged>();
  test.rooms.exchange = () => answer.promise;
  return answer;
}

describe('frames for a conversation whose row is hot', () => {
  it('bring the news of it with their answers, and the device gets all of it in one message', async () => {
    await withInbox(async (test) => {
      const device = test.connect();
      const other = test.connect();
      await test.settled();
      hot(test);
      await eventually('it has come', () => device.of('inbox').length > 1);
      await scheduler.wait(20);
      device.frames.length = 0;
      other.frames.length = 0;
      test.rooms.exchange = async () => ({
        answers: [ack(21)],
        notice: { ...notice({ chat_id: chat, head: 21 }), frame: events(21) },
      });
      test.inbox.forward(device.device, [send('c1')]);
      await eventually('the others have it', () => other.of('events').length > 0 && other.of('inbox').length > 0);
      await eventually('so has the sender', () => kinds(device).length === 3);
      expect(kinds(device)).toEqual(['ack', 'events', 'inbox']);
      expect(kinds(other)).toEqual(['events', 'inbox']);
      expect(test.rooms.count('submit')).toBe(0);
      expect((await test.sync()).changes).toMatchObject([{ chat: { head_seq: 21 } }]);
      expect(stale(test)).toEqual([]);
    });
  });

  it('are taken as ever when it is not', async () => {
    await withInbox(async (test) => {
      const device = test.connect();
      test.inbox.notify(notice({ chat_id: chat, head: 1 }));
      test.rooms.submit = async () => [ack(2)];
      test.inbox.forward(device.device, [send('c1')]);
      await eventually('it is answered', () => device.of('ack').length === 1);
      expect([test.rooms.count('submit'), test.rooms.count('exchange')]).toEqual([1, 0]);
    });
  });

  it('have the room asked when the answer does not come', async () => {
    await withInbox(async (test) => {
      const device = test.connect();
      hot(test);
      test.rooms.look = () => notice({ chat_id: chat, head: 21 });
      test.rooms.exchange = () => Promise.reject(new Error('cut'));
      test.inbox.forward(device.device, [send('c1')]);
      await eventually('it is refused', () => device.of('error')[0]?.code === 'unavailable');
      await eventually('the room is asked', () => test.inbox.timeline.get(chat)?.item?.head_seq === 21);
      expect(stale(test)).toEqual([]);
    });
  });

  it.each([
    ['when nothing else happens', async () => undefined],
    ['when the list was read meanwhile', async (test: TestInbox) => void (await test.sync())],
    ['when the row came to rest meanwhile', async () => scheduler.wait(4500)],
    ['when a preference was stored', async (test: TestInbox) => void test.inbox.prefer(chat, { muted: true })],
  ])('have the room asked when the inbox ended before the answer came, %s', async (_when, meanwhile) => {
    await withInbox(async (test) => {
      const device = test.connect();
      hot(test);
      test.rooms.look = () => notice({ chat_id: chat, head: 20 });
      slowExchange(test);
      test.inbox.forward(device.device, [send('c1')]);
      await eventually('it is under way', () => test.rooms.count('exchange') === 1);
      await meanwhile(test);
      expect(stale(test)).toEqual([chat]);
      test.restart();
      test.rooms.look = () => notice({ chat_id: chat, head: 21 });
      expect((await test.sync()).changes).toMatchObject([{ chat: { head_seq: 21 } }]);
    });
  });

  it('hold back what the room tells after the answer, until the answer is here', async () => {
    await withInbox(async (test) => {
      const device = test.connect();
      hot(test);
      const answer = slowExchange(test);
      test.inbox.forward(device.device, [send('c1')]);
      await eventually('it is under way', () => test.rooms.count('exchange') === 1);
      const later = test.inbox.hear({ ...notice({ chat_id: chat, head: 22 }), frame: events(22) });
      await scheduler.wait(20);
      expect(device.of('events')).toEqual([]);
      answer.resolve({ answers: [ack(21)], notice: { ...notice({ chat_id: chat, head: 21 }), frame: events(21) } });
      expect(await later).toEqual({ devices: 1 });
      await eventually('both have come', () => device.of('events').length === 2);
      expect(device.of('events').map(({ head_seq }) => head_seq)).toEqual([21, 22]);
    });
  });
});
