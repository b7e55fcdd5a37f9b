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
import { messageOfEvent } from '../../src/protocol/state.ts';
import { unread } from '../../src/protocol/unread.ts';
import { HeldMessages, type PendingChange, standsInChat } from './held.ts';
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
  readonly events: readonly ChatEvent[];
  /** The messages among `events` that are news: after a change of the history, none are. */
  readonly messages: readonly Message[];
  /** Messages of one's own that are in the log now. */
  /** Messages held are other than before. */
  readonly changed: boolean;
  readonly arrived: readonly { client_id: string; seq: number; created_at: string }[];
}

/** What a client holds of one conversation. No I/O: it is told, and can be asked. */
export class Conversation {
  readonly id: string;
  readonly #self: () => string | undefined;
  log: LogState = startLog(null);
  #events: ChatEvent[] = [];
  /** Messages as they are now. */
  readonly held: HeldMessages;
  readonly #locals = new Map<string, LocalMessage>();
  #chat: { all: readonly Message[]; messages: readonly Message[] } | undefined;
  #timeline: { messages: readonly Message[]; items: readonly TimelineItem[] } | undefined;
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
    this.held = new HeldMessages(id, self);
  }

  get started(): boolean {
    return this.log.epoch !== null;
  }
  get events(): readonly ChatEvent[] {
    return this.#events;
  }
  /** Messages of the conversation, those of threads alone not among them. The same array until it changes. */
  get messages(): readonly Message[] {
    const { all } = this.held;
    if (this.#chat?.all !== all) this.#chat = { all, messages: all.filter(standsInChat) };
    return this.#chat.messages;
  }

  /** Replies of a thread that are held, then one's own on their way. */
  thread(root: number): readonly TimelineItem[] {
    return [...this.held.all, ...this.#locals.values()].filter((item) => item.thread_seq === root);
  }

  /**
   * Messages in the order of the log, then one's own that the log held here does not have yet: acknowledged ones first.
   * The same array until it changes.
   */
  get timeline(): readonly TimelineItem[] {
    const place = (local: LocalMessage): number => local.seq ?? Number.POSITIVE_INFINITY;
    const { messages } = this;
    if (this.#timeline?.messages !== messages) {
      const locals = [...this.#locals.values()].filter(standsInChat);
      locals.sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
      this.#timeline = { messages, items: [...messages, ...locals] };
    }
    return this.#timeline.items;
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
      this.held.clear();
    }
    const messages: Message[] = [];
    const arrived: { client_id: string; seq: number; created_at: string }[] = [];
    const self = this.#self();
    let changed = step.reset;
    for (const event of step.added) {
      this.#events.push(event);
      if (this.held.apply(event)) changed = true;
      if (event.type !== 'message' && event.type !== 'thread.reply') continue;
      if (event.type === 'message') messages.push(messageOfEvent(this.id, event));
      if (event.actor_id === self) {
        arrived.push({ client_id: event.client_id, seq: event.seq, created_at: event.created_at });
        if (event.type === 'message') this.#sentSeq = event.seq;
        this.removeLocal(event.client_id);
      }
    }
    if (this.held.reached(this.log.upto)) changed = true;
    if (this.hideEarlier()) changed = true;
    this.#dropPassed();
    if (!this.onScreen && this.#events.length > KEPT * 2) this.trim();
    return { reset: step.reset, events: step.added, messages: renewed ? [] : messages, arrived, changed };
  }

  /** @returns the older events that were joined on */
  applyOlder(page: LogPage): readonly ChatEvent[] {
    const step = applyOlder(this.log, page);
    this.log = step.state;
    if (step.older.length > 0) {
      this.#events = [...step.older, ...this.#events];
      this.held.rebuild(this.#events);
    }
    return step.older;
  }

  hint(head: number): void {
    this.log = hintHead(this.log, head);
  }

  /** Forgets all but the newest events. */
  trim(): void {
    const first = this.#events.at(-KEPT);
    if (first !== undefined) this.#dropBefore(first.seq);
  }

  /**
   * Whoever has come back sees what they see from now on, on every device: what was held of an earlier time is dropped, once
   * the log held here has come to the new beginning. Returns whether anything was.
   */
  hideEarlier(): boolean {
    const first = this.row?.visible_from ?? 1;
    return this.log.upto >= first - 1 && this.#dropBefore(first);
  }

  #dropBefore(seq: number): boolean {
    if ((this.#events[0]?.seq ?? seq) >= seq) return false;
    this.log = trimLog(this.log, seq - 1);
    this.#events = this.#events.filter((event) => event.seq >= seq);
    this.held.dropBefore(seq);
    return true;
  }

  /** The server has made a change that is shown here: it is in effect at `seq`. */
  changeMade(pending: PendingChange, seq: number): void {
    this.hint(seq);
    pending.at = seq;
    this.held.reached(this.log.upto);
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
    const total = Math.max(
      this.row?.messages ?? 0,
      this.#events.findLast((event) => event.type === 'message')?.ordinal ?? 0,
    );
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
