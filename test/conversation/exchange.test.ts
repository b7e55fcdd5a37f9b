import { describe, expect, it } from 'vitest';
import { type RoomFrame, submit } from '../../src/conversation/exchange.ts';
import { newId } from '../../src/ids.ts';
import { ServerFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const inRoom = <T>(work: (test: TestRoom, chat: string) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob]);
    return work(test, test.conversation.chat.id);
  });
let ids = 0;
const send = (chat_id: string, content = 'x'): RoomFrame => ({
  t: 'send',
  client_id: `c${++ids}`,
  chat_id,
  kind: 'text',
  content,
});
const framesOf = (texts: string[]) => texts.map((text) => ServerFrame.parse(JSON.parse(text)));

describe('frames that an inbox submits for its user', () => {
  it('are answered when the last of them is, each once', async () => {
    await inRoom(async (test, chat) => {
      const frames = [
        send(chat),
        { t: 'pull', chat_id: chat, after: 0 } as const,
        send(chat, ''),
        { t: 'typing', chat_id: chat } as const,
        send(chat),
      ];
      const answers = framesOf(await submit(test.room, ada, frames));
      expect(answers.map((frame) => frame.t).toSorted()).toEqual(['ack', 'ack', 'error', 'events']);
    });
  });

  it('that need no answer get none, and none of nothing is an answer too', async () => {
    await inRoom(async (test, chat) => {
      expect(await submit(test.room, ada, [{ t: 'read', chat_id: chat, seq: 1 }])).toEqual([]);
      expect(await submit(test.room, ada, [])).toEqual([]);
    });
  });

  it('of one who is removed while they wait are refused, those before are done', async () => {
    await inRoom(async (test, chat) => {
      const first = Promise.withResolvers<string[]>();
      const waiting = Promise.withResolvers<string[]>();
      test.room.send({
        user: ada,
        message: { kind: 'text', content: 'x', client_id: 'a' },
        // What comes while a batch is handled waits for the next one.
        answer: () => {
          first.resolve(submit(test.room, ada, [send(chat)]));
          waiting.resolve(submit(test.room, bob, [send(chat), send(chat)]));
        },
      });
      test.room.publish(value(test.conversation.membership.remove(ada, bob)));
      expect(framesOf(await first.promise)).toMatchObject([{ t: 'ack' }]);
      expect(framesOf(await waiting.promise)).toMatchObject([
        { t: 'error', code: 'not_found', chat_id: chat },
        { t: 'error', code: 'not_found', chat_id: chat },
      ]);
      expect(framesOf(await submit(test.room, bob, [{ t: 'pull', chat_id: chat, after: 0 }]))).toMatchObject([
        { t: 'error', code: 'not_found' },
      ]);
    });
  });

  it('a hundred pulls of long messages are not worth a hundred pages', async () => {
    await inRoom(async (test, chat) => {
      for (let i = 0; i < 20; i++) await test.sent(ada, '\u0001'.repeat(LIMITS.contentBytes));
      const pulls = Array.from({ length: 100 }, () => ({ t: 'pull', chat_id: chat, after: 0 }) as const);
      const answers = await submit(test.room, ada, pulls);
      expect(answers).toHaveLength(100);
      expect(answers.join('').length).toBeLessThan(24 * 1024 * 1024);
    });
  });

  it('a conversation that does not exist is refused for each frame', async () => {
    await overStorage(async (storage) => {
      const { room } = new TestRoom(storage);
      const chat = newId('chat');
      const answers = framesOf(await submit(room, ada, [send(chat), { t: 'got', chat_id: chat, seq: 1 }]));
      expect(answers).toMatchObject([
        { t: 'error', code: 'not_found', client_id: `c${ids}` },
        { t: 'error', code: 'not_found' },
      ]);
    });
  });
});

it('an answer that cannot be taken keeps nobody else from theirs, and the message is published all the same', async () => {
  await inRoom(async (test) => {
    const { room } = test;
    const opening = test.send(ada);
    room.send({
      user: ada,
      message: { client_id: 'bad', kind: 'text', content: 'x' },
      answer: () => {
        throw new Error('nobody there');
      },
    });
    const other = test.send(bob);
    await Promise.all([opening, other]);
    await test.ringUntilQuiet();
    expect(value(await other).row.seq).toBe(4);
    expect(test.inboxes.head(bob)).toBe(4);
    expect(test.inboxes.faults).toHaveLength(1);
  });
});
