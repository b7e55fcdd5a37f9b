import { aboutOf, errorFrame, type RoomFrame } from '../conversation/exchange.ts';
import type { ErrorCode } from '../protocol/errors.ts';

/** Frames in one call: with the longest contents they stay far below what a call may carry (32 MiB). */
const FRAMES_PER_CALL = 200;
/** Frames of one socket that may wait for one conversation; beyond it the client is asked for patience. */
const MAX_WAITING = 1000;

/** Whoever holds the socket on which the frames came. */
interface Sender {
  send(text: string): void;
  sendAll(frames: readonly string[]): void;
}

interface Ports<S extends Sender> {
  submit(sender: S, chatId: string, frames: RoomFrame[]): Promise<string[]>;
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * Carries a socket's frames to their rooms. For each socket and conversation one call is under way at a time: that
 * keeps the order in which the client sent, and what gathers meanwhile goes with the next call, all at once.
 */
export class Courier<S extends Sender> {
  readonly #ports: Ports<S>;
  readonly #lanes = new Map<S, Map<string, RoomFrame[]>>();

  constructor(ports: Ports<S>) {
    this.#ports = ports;
  }

  /** Sockets of which something is under way. */
  get size(): number {
    return this.#lanes.size;
  }

  forward(sender: S, frames: RoomFrame[]): void {
    let lanes = this.#lanes.get(sender);
    if (lanes === undefined) {
      lanes = new Map();
      this.#lanes.set(sender, lanes);
    }
    for (const frame of frames) {
      const waiting = lanes.get(frame.chat_id);
      if (waiting !== undefined) {
        if (waiting.length < MAX_WAITING) waiting.push(frame);
        else sender.send(answerTo(frame, 'rate_limited', 'too much waits for this conversation: send again later'));
        continue;
      }
      lanes.set(frame.chat_id, [frame]);
      this.#ports.background(this.#carry(sender, lanes, frame.chat_id));
    }
  }

  async #carry(sender: S, lanes: Map<string, RoomFrame[]>, chatId: string): Promise<void> {
    // The frames of the message that is being read join the first call.
    await Promise.resolve();
    for (let batch = lanes.get(chatId) ?? []; batch.length > 0; batch = lanes.get(chatId) ?? []) {
      lanes.set(chatId, batch.splice(FRAMES_PER_CALL));
      const answers = await this.#submit(sender, chatId, batch);
      sender.sendAll(answers);
    }
    lanes.delete(chatId);
    if (lanes.size === 0) this.#lanes.delete(sender);
  }

  async #submit(sender: S, chatId: string, frames: RoomFrame[]): Promise<string[]> {
    try {
      return await this.#ports.submit(sender, chatId, frames);
    } catch (fault) {
      // Nothing is known of what the room did: the client sends again, and idempotency sorts it out.
      this.#ports.log('a room could not be reached', { chat_id: chatId, error: String(fault) });
      return frames.map((frame) => answerTo(frame, 'unavailable', 'the conversation could not be reached: send again'));
    }
  }
}

const answerTo = (frame: RoomFrame, code: ErrorCode, message: string): string =>
  errorFrame({ code, message, retry_after: 1 }, aboutOf(frame));
