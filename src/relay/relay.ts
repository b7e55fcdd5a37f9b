import type { Clock } from '../clock.ts';
import type { RoomApi, SocketPage } from '../conversation/api.ts';
import { type Connection, Connections } from '../conversation/connections.ts';
import { aboutOf, errorFrame, pageOf, pullShare, type RoomFrame } from '../conversation/exchange.ts';
import { lagFrame } from '../conversation/room.ts';
import { Courier } from '../inbox/courier.ts';
import type { Result } from '../protocol/errors.ts';
import type { RelayBatch } from './api.ts';

export interface RelayPorts {
  chatId: string;
  /** This relay's name in the conversation. */
  name: string;
  room(): Pick<RoomApi, 'enter' | 'pull' | 'submit'>;
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

type Pull = Extract<RoomFrame, { t: 'pull' }>;

/**
 * The sockets of a huge conversation at one relay. Invariant: a socket is live only from a page on that ended at the head of
 * everything published here, so it never has a gap it does not know of; otherwise it is lagging and pulls.
 */
export class Relay {
  readonly connections: Connections;
  readonly #clock: Clock;
  readonly #ports: RelayPorts;
  readonly #courier: Courier<Connection>;
  /** The room's head as far as it has told in this life. Of what is beyond it the room itself decides. */
  #head = 0;

  constructor(open: WebSocket[], clock: Clock, ports: RelayPorts) {
    this.#clock = clock;
    this.#ports = ports;
    this.connections = new Connections(open);
    this.#courier = new Courier({
      submit: (connection, _chatId, frames) => ports.room().submit(connection.identity.user_id, frames),
      background: ports.background,
      log: ports.log,
    });
  }

  publish(batch: RelayBatch): void {
    this.#head = Math.max(this.#head, batch.head);
    if (batch.deleted) this.connections.end(() => true, 'not_found');
    if (batch.ended.length > 0) {
      const ended = new Set(batch.ended);
      this.connections.end(({ identity }) => ended.has(identity.user_id), 'forbidden');
    }
    if (batch.gap) {
      const hint = lagFrame(this.#ports.chatId, batch.head);
      for (const connection of this.connections) this.connections.lag(connection, hint);
    }
    for (const { text, head } of batch.frames) {
      this.connections.broadcast(text, head, this.#clock(), () => lagFrame(this.#ports.chatId, head));
    }
  }

  /** A new socket. It lags until the room's greeting is on its way; what is published meanwhile shows up as skipped. */
  async greet(connection: Connection, after: number | undefined): Promise<void> {
    connection.lagging = true;
    await this.#page(connection, () => this.#ports.room().enter(connection.identity.user_id, this.#ports.name, after));
  }

  receive(connection: Connection, frames: RoomFrame[]): void {
    const forRoom: RoomFrame[] = [];
    const share = pullShare(frames);
    for (const frame of frames) {
      if (frame.chat_id !== this.#ports.chatId) {
        connection.send(
          errorFrame({ code: 'invalid', message: `this socket is for ${this.#ports.chatId} only` }, aboutOf(frame)),
        );
      } else if (frame.t === 'got' && frame.seq <= this.#head) {
        // What a lagging socket holds may end before what the relay has missed, or it may be a member's no more: a page decides.
        if (!connection.lagging) this.connections.confirm(connection, frame.seq, this.connections.head);
      } else if (frame.t === 'pull') {
        this.#ports.background(this.#pull(connection, frame, share));
      } else {
        // A `got` beyond what this relay was told among them: whether it lies knows the room.
        forRoom.push(frame);
      }
    }
    if (forRoom.length > 0) this.#courier.forward(connection, forRoom);
  }

  async #pull(connection: Connection, frame: Pull, share: number): Promise<void> {
    if (frame.after <= this.#head) {
      this.connections.confirm(connection, frame.after, Number.POSITIVE_INFINITY);
    }
    await this.#page(connection, () => this.#ports.room().pull(connection.identity.user_id, pageOf(frame, share)));
  }

  /** Asks the room for a page, sends it, and makes the socket live if the page reached everything published here. */
  async #page(connection: Connection, ask: () => Promise<Result<SocketPage>>): Promise<void> {
    const { chatId } = this.#ports;
    let answer: Result<SocketPage>;
    try {
      answer = await ask();
    } catch (fault) {
      this.#ports.log('the room could not be reached', { error: String(fault) });
      const message = 'the conversation could not be reached: pull again';
      connection.send(errorFrame({ code: 'unavailable', message, retry_after: 1 }, { chat_id: chatId }));
      return;
    }
    if (!answer.ok) {
      const reason = answer.refusal.code === 'forbidden' ? 'forbidden' : 'not_found';
      this.connections.end((other) => other === connection, reason);
      return;
    }
    const { text, head, hasMore } = answer.value;
    this.#head = Math.max(this.#head, head);
    connection.send(text);
    if (!connection.lagging) return;
    if (!hasMore && this.connections.head <= head) this.connections.resume(connection, text.length);
    else connection.send(lagFrame(chatId, Math.max(head, this.connections.head)));
  }
}
