import type { ChatListItem } from '../../src/protocol/chats.ts';
import type { ChatEvent } from '../../src/protocol/events.ts';
import type { Message } from '../../src/protocol/messages.ts';
import {
  applyEvents,
  applyOlder,
  type GoneReason,
  hintHead,
  type LogPage,
  type LogState,
  startLog,
  trimLog,
} from '../../src/protocol/reduce.ts';
import { applyEvent, changed, targetsOf } from '../../src/protocol/state.ts';
import { unread } from '../../src/protocol/unread.ts';
import type { LocalMessage, TimelineItem } from './message.ts';

/** Events kept of a conversation that is not on screen. */
const KEPT = 200;

/** How far somebody has got in a conversation. */
export interface Watermarks {
  readonly read_seq: number;
  readonly delivered_seq: number;
}

export interface Applied {
  /** What was held before is void. */
  readonly reset: boolean;
  /** Messages are new, or other than before. */
  readonly changes: boolean;
  readonly events: readonly ChatEvent[];
  /** The messages among `events` that are news: after a change of the history, none are. */
  readonly messages: readonly Message[];
  /** Messages of one's own that are in the log now. */
  readonly arrived: readonly { client_id: string; seq: number; created_at: string }[];
}

/** What a client holds of one conversation. No I/O: it is told, and can be asked. */
export class Conversation {
  readonly id: string;
  readonly #self: () => string | undefined;
  log: LogState = startLog(null);
  #events: ChatEvent[] = [];
  /** Messages of the conversation and of its threads as they are now, by seq. */
  #state = new Map<number, Message>();
  #messages: readonly Message[] | undefined;
  /** The newest message that counts. */
  #newest: Message | undefined;
  readonly #locals = new Map<string, LocalMessage>();
  #timeline: readonly TimelineItem[] | undefined;
  #sentSeq = 0;
  /** Some of the local messages are acknowledged. */
  #acknowledged = false;
  row: ChatListItem | undefined;
  gone: GoneReason | undefined;
  /** On screen: everything that was loaded is kept. */
  onScreen = false;
  readonly receipts = new Map<string, Watermarks>();
  /** Read here; the server has not confirmed it. */
  readMark = 0;

  /** @param self the user's own id */
  constructor(id: string, self: () => string | undefined) {
    this.id = id;
    this.#self = self;
  }

  get started(): boolean {
    return this.log.epoch !== null;
  }
  get events(): readonly ChatEvent[] {
    return this.#events;
  }
  /** Messages that stand in the conversation, ascending, as they are now. The same array until one changes. */
  get messages(): readonly Message[] {
    this.#messages ??= [...this.#state.values()].filter(standsInChat).sort((a, b) => a.seq - b.seq);
    return this.#messages;
  }
  /** The newest of them. */
  get newest(): Message | undefined {
    return this.#newest;
  }
  /** A message that is held, wherever it stands. */
  message(seq: number): Message | undefined {
    return this.#state.get(seq);
  }

  /**
   * Messages in the order of the log, then one's own that the log held here does not have yet: acknowledged ones first.
   * The same array until it changes.
   */
  get timeline(): readonly TimelineItem[] {
    const place = (local: LocalMessage): number => local.seq ?? Number.POSITIVE_INFINITY;
    this.#timeline ??= [
      ...this.messages,
      ...[...this.#locals.values()]
        .filter(standsInChat)
        .sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b))),
    ];
    return this.#timeline;
  }

  /** Begins behind `seq`, unless something is held already. */
  startAt(epoch: string, seq: number): void {
    if (!this.started) this.log = startLog(epoch, seq);
  }

  apply(page: LogPage): Applied {
    const step = applyEvents(this.log, page);
    const renewed = step.reset && this.log.epoch !== step.state.epoch;
    this.log = step.state;
    if (step.reset) {
      if (renewed) this.#sentSeq = 0;
      this.#events = [];
      this.#state = new Map();
      this.#newest = undefined;
    }
    const messages: Message[] = [];
    const arrived: { client_id: string; seq: number; created_at: string }[] = [];
    const self = this.#self();
    let touched = 0;
    for (const event of step.added) {
      this.#events.push(event);
      touched += applyEvent(this.#state, this.id, event, self).length;
      if (event.type !== 'message' && event.type !== 'thread.reply') continue;
      const message = this.#state.get(event.seq);
      if (message !== undefined && standsInChat(message)) {
        messages.push(message);
        this.#newest = message;
      }
      if (event.sender_id === self) {
        arrived.push({ client_id: event.client_id, seq: event.seq, created_at: event.created_at });
        this.#sentSeq = event.seq;
        this.removeLocal(event.client_id);
      }
    }
    if (step.reset || touched > 0) this.#linesChanged();
    const changes = touched > 0;
    this.#dropPassed();
    if (!this.onScreen && this.#events.length > KEPT * 2) this.trim();
    return { reset: step.reset, changes, events: step.added, messages: renewed ? [] : messages, arrived };
  }

  /** @returns the older events that were joined on */
  applyOlder(page: LogPage): readonly ChatEvent[] {
    const step = applyOlder(this.log, page);
    this.log = step.state;
    if (step.older.length > 0) {
      this.#applyOlder(step.older);
      this.#events = [...step.older, ...this.#events];
      this.#linesChanged();
    }
    return step.older;
  }

  /** Older messages, as what came after them left them. */
  #applyOlder(older: readonly ChatEvent[]): void {
    const self = this.#self();
    const messages = new Map<number, Message>();
    for (const event of older) applyEvent(messages, this.id, event, self);
    for (const event of this.#events) {
      for (const seq of targetsOf(event)) {
        const message = messages.get(seq);
        const next = message === undefined ? undefined : changed(message, event, self);
        if (next === null) messages.delete(seq);
        else if (next !== undefined) messages.set(seq, next);
      }
    }
    for (const [seq, message] of messages) {
      this.#state.set(seq, message);
      if (standsInChat(message) && message.seq > (this.#newest?.seq ?? 0)) this.#newest = message;
    }
  }

  #linesChanged(): void {
    this.#messages = undefined;
    this.#timeline = undefined;
    if (this.#newest !== undefined) this.#newest = this.#state.get(this.#newest.seq) ?? this.#newest;
  }

  hint(head: number): void {
    this.log = hintHead(this.log, head);
  }

  /** Forgets all but the newest events. */
  trim(): void {
    const first = this.#events.at(-KEPT);
    if (first === undefined || this.#events[0] === first) return;
    this.log = trimLog(this.log, first.seq - 1);
    this.#events = this.#events.filter((event) => event.seq >= first.seq);
    for (const seq of this.#state.keys()) if (seq < first.seq) this.#state.delete(seq);
    this.#linesChanged();
  }

  addLocal(message: LocalMessage): void {
    this.#locals.set(message.client_id, message);
    this.#timeline = undefined;
  }

  removeLocal(clientId: string): void {
    if (this.#locals.delete(clientId)) this.#timeline = undefined;
  }

  /** The local message is acknowledged: it stays in sight until the log held here reaches it. */
  acknowledged(clientId: string, seq: number): void {
    this.hint(seq);
    this.#timeline = undefined;
    if (seq <= this.log.upto) this.#locals.delete(clientId);
    else if (this.#locals.has(clientId)) this.#acknowledged = true;
  }

  /** @returns whether anything is new */
  receipt(userId: string, marks: Watermarks): boolean {
    const held = this.receipts.get(userId);
    const read_seq = Math.max(held?.read_seq ?? 0, marks.read_seq);
    const delivered_seq = Math.max(held?.delivered_seq ?? 0, marks.delivered_seq, read_seq);
    if (held && read_seq === held.read_seq && delivered_seq === held.delivered_seq) return false;
    this.receipts.set(userId, { read_seq, delivered_seq });
    return true;
  }

  /** How far the user has read, as far as is known here. Sending implies having read. */
  get readSeq(): number {
    const self = this.#self();
    const own = self === undefined ? 0 : (this.receipts.get(self)?.read_seq ?? 0);
    return Math.max(this.row?.read_seq ?? 0, this.readMark, own, this.#sentSeq);
  }

  get unread(): number {
    const total = Math.max(this.row?.messages ?? 0, this.#newest?.ordinal ?? 0);
    return unread(total, this.#readMessages(total));
  }

  #readMessages(total: number): number {
    const known = this.row?.read_messages ?? 0;
    const seq = this.readSeq;
    if (seq <= (this.row?.read_seq ?? 0)) return known;
    if (seq >= Math.max(this.log.head, this.row?.head_seq ?? 0)) return total;
    return Math.max(known, this.messages.findLast((message) => message.seq <= seq)?.ordinal ?? 0);
  }

  /** What is acknowledged and lies in what is held, though not as an event of its own: in a hole, or before `from`. */
  #dropPassed(): void {
    if (!this.#acknowledged) return;
    this.#acknowledged = false;
    for (const [clientId, { seq }] of this.#locals) {
      if (seq === null) continue;
      if (seq > this.log.upto) this.#acknowledged = true;
      else if (this.#locals.delete(clientId)) this.#timeline = undefined;
    }
  }
}

/** Whether a message is a line of the conversation: a reply in a thread is one only if its sender wanted it so. */
const standsInChat = (message: { thread_seq?: number | undefined; also_to_chat?: true | undefined }): boolean =>
  message.thread_seq === undefined || message.also_to_chat === true;
