import type { ChatListItem } from '../../src/protocol/chats.ts';
import type { ChatEvent } from '../../src/protocol/events.ts';
import type { ErrorFrame, EventsFrame, ServerFrame } from '../../src/protocol/frames.ts';
import type { Message } from '../../src/protocol/messages.ts';
import type { GoneReason, LogPage } from '../../src/protocol/reduce.ts';
import type { ItemChange } from '../../src/protocol/sync.ts';
import type { Presence } from '../../src/protocol/users.ts';
import type { Archive } from './archive.ts';
import type { Confirmations } from './confirmations.ts';
import { Conversation, type Watermarks } from './conversation.ts';
import type { Delivery } from './delivery.ts';
import { TidelineError } from './errors.ts';
import type { List, ListDelta } from './list.ts';
import type { ReadMarks } from './reads.ts';
import type { Repairs } from './repairs.ts';

/** What happens, for those who show it. Within a conversation in the order of the log. */
export interface IntakeEvents {
  events(chatId: string, events: readonly ChatEvent[]): void;
  messages(chatId: string, messages: readonly Message[]): void;
  reset(chatId: string): void;
  /** Lines of the conversation, or one's own messages on their way, have changed. */
  timeline(chatId: string): void;
  rows(changed: readonly string[], gone: readonly { chat_id: string; reason: GoneReason }[]): void;
  gone(chatId: string, reason: GoneReason): void;
  items(changes: readonly ItemChange[]): void;
  receipt(chatId: string, userId: string, marks: Watermarks): void;
  typing(chatId: string, userId: string, stop: boolean): void;
  presence(presence: Presence): void;
  fault(error: Error): void;
}

/** Those who have to know of what comes in. */
export interface IntakeParts {
  readonly delivery: Delivery;
  readonly reads: ReadMarks;
  readonly list: List;
  readonly archive: Archive;
  readonly confirmations: Confirmations;
  readonly repairs: Repairs;
}

export interface IntakePorts {
  userId(): string | undefined;
  /** A conversation on screen holds nothing that is still true. */
  refill(conversation: Conversation): void;
  close(chatId: string): void;
  /** What is needed to come back. */
  resume(frame: Extract<ServerFrame, { t: 'resume' }>): void;
}

/** Takes in what comes, on whichever connection, and keeps the conversations in step with it. */
export class Intake {
  readonly #events: IntakeEvents;
  readonly #ports: IntakePorts;
  readonly #parts: () => IntakeParts;
  readonly #conversations = new Map<string, Conversation>();
  #dirty = new Set<string>();

  constructor(events: IntakeEvents, ports: IntakePorts, parts: () => IntakeParts) {
    this.#events = events;
    this.#ports = ports;
    this.#parts = parts;
  }

  conversation(chatId: string): Conversation {
    let held = this.#conversations.get(chatId);
    if (held === undefined) {
      held = new Conversation(chatId, this.#ports.userId);
      this.#conversations.set(chatId, held);
    }
    return held;
  }

  clear(): void {
    this.#conversations.clear();
  }

  /** The last seq held of the conversations that are followed: on screen first, then by activity. */
  *positions(): Iterable<readonly [string, number]> {
    const followed = [...this.#conversations.values()].filter((held) => held.started && held.gone === undefined);
    followed.sort(
      (a, b) => Number(b.onScreen) - Number(a.onScreen) || activityOf(b.row).localeCompare(activityOf(a.row)),
    );
    for (const { id, log } of followed) yield [id, log.upto];
  }

  /** @param size length of the message that the frames came in, in characters */
  receive(route: string, frames: readonly ServerFrame[], size: number): void {
    for (const frame of frames) this.#frame(route, frame, size / frames.length);
  }

  /** A page of a conversation's log, from wherever. */
  apply(chatId: string, page: LogPage): void {
    const { delivery, archive, confirmations, repairs } = this.#parts();
    const conversation = this.conversation(chatId);
    const before = conversation.log.upto;
    const { reset, events, messages, arrived, changed } = conversation.apply(page);
    for (const { client_id, seq, created_at } of arrived) delivery.arrived(client_id, seq, created_at);
    if (reset) {
      this.#events.reset(chatId);
      if (conversation.onScreen) this.#ports.refill(conversation);
    }
    if (events.length > 0) this.#events.events(chatId, events);
    if (messages.length > 0) {
      this.#events.messages(chatId, messages);
      // The row follows with the inbox; what it shows changes now.
      if (conversation.row !== undefined) this.#events.rows([chatId], []);
    }
    if (changed || arrived.length > 0) this.touch(chatId);
    if (reset || events.length > 0) archive.touch(conversation);
    if (conversation.log.upto !== before) confirmations.advanced(chatId);
    repairs.check(conversation);
  }

  /** Rows of the list are other than before. */
  rowsChanged({ changed, gone, items, kind }: ListDelta): void {
    if (items.length > 0) this.#events.items(items);
    for (const row of changed) this.#row(row, kind);
    this.#events.rows(
      changed.map((row) => row.id),
      gone,
    );
    for (const { chat_id, reason } of gone) {
      const conversation = this.conversation(chat_id);
      conversation.row = undefined;
      this.gone(conversation, reason);
    }
  }

  /** The user is no longer in a conversation. */
  gone(conversation: Conversation, reason: GoneReason): void {
    const told = conversation.gone !== undefined;
    conversation.gone = reason;
    this.#ports.close(conversation.id);
    this.#parts().reads.forget(conversation.id);
    void this.#parts().archive.forget(conversation.id);
    if (!told) this.#events.gone(conversation.id, reason);
  }

  /** Says once for a whole turn that a conversation's lines have changed. */
  touch(chatId: string): void {
    if (this.#dirty.size === 0) {
      queueMicrotask(() => {
        const dirty = this.#dirty;
        this.#dirty = new Set();
        for (const id of dirty) this.#events.timeline(id);
      });
    }
    this.#dirty.add(chatId);
  }

  #frame(route: string, frame: ServerFrame, size: number): void {
    const { delivery, list, repairs } = this.#parts();
    switch (frame.t) {
      case 'events':
        this.#eventsFrame(route, frame, size);
        break;
      case 'ack':
        delivery.acked(frame);
        repairs.check(this.conversation(frame.chat_id));
        break;
      case 'inbox':
        list.frame(frame);
        break;
      case 'receipt':
        this.#receipt(frame.chat_id, frame.user_id, frame);
        break;
      case 'lag':
        this.#lag(route, frame.chat_id, frame.head_seq);
        break;
      case 'typing':
        this.#events.typing(frame.chat_id, frame.user_id, frame.stop === true);
        break;
      case 'presence': {
        const { user_id, state, last_seen, status } = frame;
        this.#events.presence({ user_id, state, last_seen, status });
        break;
      }
      case 'error':
        this.#error(route, frame);
        break;
      case 'resume':
        this.#ports.resume(frame);
        break;
      case 'authed':
        break;
      // A newer server says what this client does not know yet.
      default:
        break;
    }
  }

  #eventsFrame(route: string, frame: EventsFrame, size: number): void {
    const { confirmations, repairs } = this.#parts();
    const { chat_id, epoch, head_seq, events: items, holes, reset } = frame;
    this.apply(chat_id, { epoch, head_seq, items, holes, reset });
    if (items.length > 0) confirmations.received(route, chat_id, items.length, size);
    if (frame.has_more !== undefined) repairs.answered(route, chat_id, frame.has_more);
  }

  #lag(route: string, chatId: string, head: number): void {
    const { confirmations, repairs } = this.#parts();
    const conversation = this.conversation(chatId);
    conversation.hint(head);
    confirmations.flush(route);
    repairs.lag(route, conversation);
  }

  #error(route: string, frame: ErrorFrame): void {
    const { delivery, repairs } = this.#parts();
    if (delivery.refused(frame) || repairs.refused(route, frame)) return;
    // Marks and confirmations of a conversation that the user has just left.
    if (frame.chat_id !== undefined && (frame.code === 'not_found' || frame.code === 'forbidden')) return;
    this.#events.fault(new TidelineError(frame.code, frame.message, { retryAfter: frame.retry_after }));
  }

  #receipt(chatId: string, userId: string, marks: Watermarks): void {
    const own = userId === this.#ports.userId();
    const conversation = this.conversation(chatId);
    if (own) this.#parts().reads.confirmed(chatId, marks.read_seq);
    if (!conversation.receipt(userId, marks)) return;
    this.#events.receipt(chatId, userId, conversation.receipts.get(userId) ?? marks);
    if (own && conversation.row !== undefined) this.#events.rows([chatId], []);
  }

  #row(row: ChatListItem, kind: ListDelta['kind']): void {
    const conversation = this.conversation(row.id);
    conversation.row = row;
    conversation.gone = undefined;
    // What was stored before the last end is shown; it says nothing of where the log stands.
    if (kind === 'cached') return;
    const { archive, reads, repairs } = this.#parts();
    if (conversation.hideEarlier()) {
      archive.touch(conversation);
      this.touch(row.id);
    }
    reads.confirmed(row.id, row.read_seq);
    if (!conversation.started) {
      // In a snapshot, what is unread is shown as such; in a conversation that came up just now it is news.
      const news = Math.max(row.read_seq, row.visible_from - 1);
      conversation.startAt(row.epoch, kind === 'snapshot' ? row.head_seq : news);
    }
    if (row.epoch !== conversation.log.epoch) {
      this.apply(row.id, { epoch: row.epoch, head_seq: row.head_seq, items: [] });
    }
    conversation.hint(row.head_seq);
    repairs.check(conversation);
  }
}

/** When something last happened, for the order of the list. */
export const activityOf = (row: ChatListItem | undefined): string =>
  row?.last_message?.created_at ?? row?.updated_at ?? '';
