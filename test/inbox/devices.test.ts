import { describe, expect, it } from 'vitest';
import { eventsFrame } from '../../src/conversation/fanout.ts';
import { newId } from '../../src/ids.ts';
import { Devices } from '../../src/inbox/devices.ts';
import { notice, rowOf, type TestDevice, type TestInbox, withInbox } from '../support/inbox.ts';
import { eventually, HOUR, newUser } from '../support/objects.ts';

const created_at = new Date(0).toISOString();
/** A notice that carries event number `seq`, with a name of `size` characters in it. */
const news = (chat_id: string, seq: number, size = 10) => {
  const event = JSON.stringify({ seq, type: 'chat.updated', actor_id: newUser(), created_at, name: 'x'.repeat(size) });
  return notice({ chat_id, head: seq, frame: eventsFrame(chat_id, 'e', seq, [event]) });
};
const seqs = (device: TestDevice) => device.of('events').flatMap((frame) => frame.events.map((event) => event.seq));
const heads = (device: TestDevice) =>
  device
    .of('inbox')
    .flatMap(({ changes }) => changes.map((change) => (change.type === 'chat' ? change.chat.head_seq : -1)));
const tell = (test: TestInbox, chat: string, from: number, to: number, size?: number) => {
  for (let seq = from; seq <= to; seq++) test.inbox.notify(news(chat, seq, size));
};

describe('a device that comes', () => {
  it('without a cursor learns where it stands, and gets what happens from now on', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      tell(test, chat, 1, 3);
      const device = test.connect();
      tell(test, chat, 4, 4);
      await eventually('the row comes', () => heads(device).length === 1);
      expect([seqs(device), heads(device)]).toEqual([[4], [4]]);
      expect(device.of('inbox')[0]).toMatchObject({ changes: [] });
      expect(device.of('inbox')[0]).not.toHaveProperty('reset');
    });
  });

  it('with a cursor gets what changed since, and goes on without a gap', async () => {
    await withInbox(async (test) => {
      const [one, two] = [newId('chat'), newId('chat')];
      tell(test, one, 1, 1);
      const { cursor } = await test.sync();
      tell(test, two, 1, 2);
      const device = test.connect(cursor);
      tell(test, one, 2, 2);
      await eventually('both rows come', () => heads(device).length === 2);
      expect(device.of('inbox').flatMap(({ changes }) => changes.map(rowOf))).toEqual([two, one]);
      expect((await test.sync({ cursor: device.of('inbox').at(-1)?.cursor })).changes).toEqual([]);
    });
  });

  it('with the cursor of another life is told to drop what it has, and gets everything, in pages', async () => {
    await withInbox(async (test) => {
      for (let i = 0; i < 450; i++) tell(test, newId('chat'), 1, 1);
      const device = test.connect('0123456789abcdef.7');
      await eventually('all rows come', () => heads(device).length === 450);
      expect(device.of('inbox').map((frame) => [frame.changes.length, frame.reset])).toEqual([
        [200, true],
        [200, undefined],
        [50, undefined],
      ]);
    });
  });
});

describe('two devices of one user', () => {
  it('both get everything; a change of one is a change for the other', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const [one, two] = [test.connect(), test.connect()];
      tell(test, chat, 1, 3);
      test.inbox.prefer(chat, { muted: true });
      for (const device of [one, two]) {
        await eventually('it is muted', () => JSON.stringify(device.of('inbox')).includes('"muted":true'));
        expect(seqs(device)).toEqual([1, 2, 3]);
      }
    });
  });

  it('one that lags does not hold up the other', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const [slow, fast] = [test.connect(), test.connect()];
      for (let seq = 1; seq <= 20; seq++) {
        tell(test, chat, seq, seq, 100_000);
        test.inbox.forward(fast.device, [{ t: 'got', chat_id: chat, seq }]);
      }
      await eventually('the fast one has all', () => seqs(fast).length === 20);
      expect(seqs(slow)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
      expect(slow.of('lag')).toEqual([{ t: 'lag', chat_id: chat, head_seq: 11 }]);
    });
  });
});

describe('a device that lags', () => {
  const lagging = async (test: TestInbox, chat: string) => {
    const device = test.connect();
    tell(test, chat, 1, 15, 100_000);
    await eventually('it is told once', () => device.of('lag').length === 1);
    return device;
  };

  it('gets neither events, rows nor signals until it has confirmed; then what changed meanwhile, in rows', async () => {
    await withInbox(async (test) => {
      const [chat, other] = [newId('chat'), newId('chat')];
      const device = await lagging(test, chat);
      await test.settled();
      const before = device.frames.length;
      tell(test, other, 1, 4);
      test.inbox.signal(JSON.stringify({ t: 'typing', chat_id: chat, user_id: newUser() }));
      await scheduler.wait(20);
      expect(device.frames.length).toBe(before);
      test.inbox.forward(device.device, [{ t: 'got', chat_id: chat, seq: 4 }]);
      await scheduler.wait(5);
      expect(device.frames.length).toBe(before);
      test.inbox.forward(device.device, [{ t: 'pull', chat_id: chat, after: 10 }]);
      await eventually('the rows come', () => device.frames.length > before);
      expect(
        heads(device)
          .slice(-2)
          .toSorted((a, b) => a - b),
      ).toEqual([4, 15]);
      tell(test, other, 5, 5);
      await eventually('it is live again', () => seqs(device).at(-1) === 5);
    });
  });

  it('is not helped by what it confirms of another conversation', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const device = await lagging(test, chat);
      test.inbox.forward(device.device, [{ t: 'got', chat_id: newId('chat'), seq: 99 }]);
      expect(device.device.lagging).toBe(true);
    });
  });

  it('one event that is longer than all credit goes out when nothing else is under way', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const device = test.connect();
      tell(test, chat, 1, 1, 2 * 1024 * 1024);
      await eventually('it comes', () => seqs(device).length === 1);
      expect(device.device.lagging).toBe(false);
    });
  });
});

describe('the end of a token', () => {
  it('closes the device before anything is sent to it; the inbox answers that nobody listens', async () => {
    await withInbox(async (test) => {
      const device = test.connect(undefined, { expires_at: test.clock.now + 1000 });
      test.clock.pass(1000);
      expect(test.inbox.notify(news(newId('chat'), 1))).toEqual({ devices: 0 });
      expect(await device.closed).toEqual({ code: 4401, reason: 'token_expired' });
      expect([seqs(device), heads(device)]).toEqual([[], []]);
    });
  });

  it('is heeded by signals, changes and replays alike', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      tell(test, chat, 1, 1);
      const fields = { expires_at: test.clock.now + HOUR };
      const [one, two] = [test.connect(undefined, fields), test.connect(undefined, fields)];
      await test.settled();
      test.inbox.prefer(chat, { pinned: true });
      test.clock.pass(HOUR);
      test.inbox.signal('{"t":"typing"}');
      await test.settled();
      for (const device of [one, two]) {
        expect(await device.closed).toMatchObject({ code: 4401 });
        expect(device.of('typing')).toEqual([]);
      }
    });
  });
});

describe('events of a membership that has ended', () => {
  it('do not reach a device, however late they come', async () => {
    await withInbox(async (test) => {
      const chat = newId('chat');
      const device = test.connect();
      tell(test, chat, 1, 2);
      test.inbox.notify(notice({ chat_id: chat, head: 4, member_seq: 4, gone: 'removed' }));
      tell(test, chat, 3, 3);
      await eventually('the row goes', () =>
        device.of('inbox').some(({ changes }) => changes.some(({ type }) => type === 'chat.gone')),
      );
      await test.settled();
      expect(seqs(device)).toEqual([1, 2]);
      test.inbox.notify({ ...news(chat, 6), member_seq: 5 });
      await eventually('and comes again with the next membership', () => seqs(device).at(-1) === 6);
    });
  });
});

it('a device whose socket was closed listens no more in the next life, though its far side has not agreed', async () => {
  await withInbox(async (test) => {
    const [left, here] = [test.connect(), test.connect()];
    await test.settled();
    left.device.socket.close(1000);
    test.restart([left.device.socket, here.device.socket]);
    expect(test.inbox.notify(news(newId('chat'), 1))).toEqual({ devices: 1 });
  });
});

it('a socket with an attachment that nobody understands is closed, and takes nobody down', () => {
  const { 0: client, 1: server } = new WebSocketPair();
  client.accept();
  server.accept();
  server.serializeAttachment({ v: 0 });
  const gone = new WebSocketPair()[1];
  gone.accept();
  gone.close(1000);
  const devices = new Devices([server, gone]);
  expect(devices.size).toBe(0);
});
