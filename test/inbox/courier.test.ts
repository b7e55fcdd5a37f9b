import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoomFrame } from '../../src/conversation/exchange.ts';
import { newId } from '../../src/ids.ts';
import { Courier } from '../../src/inbox/courier.ts';
import { ErrorFrame } from '../../src/protocol/frames.ts';
import { joinFrames } from '../../src/wire/parse.ts';

const chats = [newId('chat'), newId('chat'), newId('chat')];
const send = (id: number, chat = 0): RoomFrame => ({
  t: 'send',
  client_id: `c${id}`,
  chat_id: chats[chat] ?? '',
  kind: 'text',
  content: 'x',
});
const idsOf = (frames: RoomFrame[]) =>
  frames.map((frame) => (frame.t === 'send' ? Number(frame.client_id.slice(1)) : -1));

class Socket {
  readonly got: string[] = [];
  send(text: string): void {
    this.got.push(text);
  }
  sendAll(frames: readonly string[]): void {
    if (frames.length > 0) this.send(joinFrames([...frames]));
  }
}

function courier(submit: (chatId: string, frames: RoomFrame[]) => Promise<string[]>) {
  const work: Promise<void>[] = [];
  return {
    work,
    courier: new Courier<Socket>({
      submit: (_socket, chatId, frames) => submit(chatId, frames),
      background: (promise) => work.push(promise),
      log: () => undefined,
    }),
  };
}

describe('the courier', () => {
  it('takes what comes in one message to a room in one call, and the answers back in one message', async () => {
    const calls: number[][] = [];
    const { courier: carrier, work } = courier(async (_chat, frames) => {
      calls.push(idsOf(frames));
      return frames.map(() => '{"t":"ack"}');
    });
    const socket = new Socket();
    carrier.forward(socket, [send(1), send(2), send(3)]);
    await Promise.all(work);
    expect(calls).toEqual([[1, 2, 3]]);
    expect(socket.got).toEqual(['[{"t":"ack"},{"t":"ack"},{"t":"ack"}]']);
  });

  it('keeps the order of a socket for a room over all calls, one at a time, and rooms do not wait for each other', async () => {
    const plan = fc.array(fc.tuple(fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }), fc.nat(2)), { maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(plan, fc.infiniteStream(fc.nat(3)), async (messages, waits) => {
        const arrived = new Map<string, number[]>();
        const running = new Set<string>();
        const { courier: carrier, work } = courier(async (chatId, frames) => {
          expect(running.has(chatId)).toBe(false);
          running.add(chatId);
          await scheduler.wait(waits.next().value ?? 0);
          arrived.set(chatId, [...(arrived.get(chatId) ?? []), ...idsOf(frames)]);
          running.delete(chatId);
          return [];
        });
        const socket = new Socket();
        const sent = new Map<string, number[]>();
        let id = 0;
        for (const [rooms, wait] of messages) {
          const frames = rooms.map((room) => send(++id, room));
          for (const frame of frames) sent.set(frame.chat_id, [...(sent.get(frame.chat_id) ?? []), ...idsOf([frame])]);
          carrier.forward(socket, frames);
          if (wait > 0) await scheduler.wait(wait);
        }
        while (work.length > 0) await Promise.all(work.splice(0));
        expect(arrived).toEqual(sent);
      }),
      { numRuns: 20 },
    );
  });

  it('answers each frame when a room cannot be reached, and goes on', async () => {
    let failing = true;
    const { courier: carrier, work } = courier(async () => {
      if (failing) throw new Error('unreachable');
      return ['{"t":"ack"}'];
    });
    const socket = new Socket();
    carrier.forward(socket, [send(1), { t: 'typing', chat_id: chats[0] ?? '' }]);
    await Promise.all(work);
    const errors = ErrorFrame.array().parse(JSON.parse(socket.got[0] ?? ''));
    expect(errors).toMatchObject([
      { code: 'unavailable', client_id: 'c1', chat_id: chats[0], retry_after: 1 },
      { code: 'unavailable', chat_id: chats[0] },
    ]);
    failing = false;
    carrier.forward(socket, [send(2)]);
    await Promise.all(work);
    expect(socket.got.at(-1)).toBe('{"t":"ack"}');
  });

  it('keeps no more than a thousand frames for a room that does not answer, and refuses the rest at once', async () => {
    const calls: number[] = [];
    const held = Promise.withResolvers<void>();
    const { courier: carrier, work } = courier(async (_chat, frames) => {
      calls.push(frames.length);
      await held.promise;
      return [];
    });
    const socket = new Socket();
    carrier.forward(socket, [send(0)]);
    await scheduler.wait(1);
    for (let i = 1; i <= 1200; i++) carrier.forward(socket, [send(i)]);
    expect(socket.got).toHaveLength(200);
    expect(ErrorFrame.parse(JSON.parse(socket.got[0] ?? ''))).toMatchObject({
      code: 'rate_limited',
      client_id: 'c1001',
      retry_after: 1,
    });
    held.resolve();
    await Promise.all(work);
    expect(calls).toEqual([1, 200, 200, 200, 200, 200]);
  });

  it('forgets a socket when nothing of it is under way', async () => {
    const { courier: carrier, work } = courier(async () => []);
    const sockets = Array.from({ length: 50 }, () => new Socket());
    for (const socket of sockets) carrier.forward(socket, [send(1, 0), send(2, 1)]);
    expect(carrier.size).toBe(50);
    await Promise.all(work);
    expect(carrier.size).toBe(0);
  });
});
