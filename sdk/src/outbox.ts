import type { SendFrame } from '../../src/protocol/frames.ts';
import type { ErrorCode } from '../../src/protocol/wire.ts';

/** What the sender of a message chose. */
export type MessageFields = Omit<SendFrame, 't' | 'client_id' | 'chat_id'>;

/** A message on its way, as it is stored. */
export interface OutboxEntry {
  readonly client_id: string;
  readonly chat_id: string;
  /** Messages of one conversation go out in the order of this number. */
  readonly order: number;
  /** RFC 3339; when it was written on this device. */
  readonly created_at: string;
  readonly fields: MessageFields;
  /** Set: it was refused, and waits for its author to decide. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
}

/**
 * `saving` until it is stored, `queued` until it is on a socket, `sending` until it is answered.
 * `failed` is left by a retry only.
 */
export type Phase = 'saving' | 'queued' | 'sending' | 'failed';

interface Item {
  entry: OutboxEntry;
  phase: Phase;
  /** Name of the connection that it is on. */
  route: string | null;
  sentAt: number;
  /** Refusals that asked to come again later. */
  refusals: number;
}

interface Queue {
  /** In order. */
  items: Item[];
  /** How many of them are unanswered on a connection, and on which. */
  flying: number;
  route: string | null;
  /** Nothing of this conversation goes out before, by the steady clock. */
  notBefore: number;
}

export type Refusal = { readonly code: ErrorCode; readonly message: string; readonly retryAfter?: number | undefined };

/** Refused this often, a message fails even if it was told to come again. */
const REFUSALS_MAX = 10;
/** Unanswered messages of one conversation. */
const WINDOW = 128;

const LATER: readonly ErrorCode[] = ['rate_limited', 'unavailable', 'internal', 'unauthenticated', 'token_expired'];

/**
 * Messages that have no answer yet. Deterministic and apart from I/O: it is told what happened and says what to do.
 * Every message that was stored is sent until it is answered, always under the same client_id; within a conversation
 * in order, over one connection at a time.
 */
export class Outbox {
  readonly #queues = new Map<string, Queue>();
  readonly #items = new Map<string, Item>();
  #order = 0;

  get size(): number {
    return this.#items.size;
  }

  entries(): OutboxEntry[] {
    return [...this.#items.values()].map((item) => item.entry);
  }

  chats(): Iterable<string> {
    return this.#queues.keys();
  }

  has(clientId: string): boolean {
    return this.#items.has(clientId);
  }

  phase(clientId: string): Phase | undefined {
    return this.#items.get(clientId)?.phase;
  }

  /** The next `order`. */
  nextOrder(): number {
    return ++this.#order;
  }

  /** Takes what storage held at the start. */
  restore(entries: readonly OutboxEntry[]): void {
    for (const entry of [...entries].sort((a, b) => a.order - b.order)) {
      this.#insert(entry, entry.failure === undefined ? 'queued' : 'failed');
    }
  }

  add(entry: OutboxEntry): void {
    this.#insert(entry, 'saving');
  }

  saved(clientId: string): void {
    const item = this.#items.get(clientId);
    if (item?.phase === 'saving') item.phase = 'queued';
  }

  /**
   * What of a conversation goes on a connection now; it counts as sent. While something of it is unanswered on another
   * connection, the rest follows there.
   * @param route picks the connection: given the one in use, or null
   */
  due(chatId: string, now: number, route: (current: string | null) => string | null) {
    const queue = this.#queues.get(chatId);
    const due: { entry: OutboxEntry; route: string }[] = [];
    if (queue === undefined) return due;
    if (now < queue.notBefore || queue.flying >= WINDOW) return due;
    const to = route(queue.flying > 0 ? queue.route : null);
    if (to === null) return due;
    for (const item of queue.items) {
      if (item.phase === 'saving' || queue.flying >= WINDOW) break;
      if (item.phase !== 'queued') continue;
      item.phase = 'sending';
      item.route = to;
      item.sentAt = now;
      queue.flying++;
      queue.route = to;
      due.push({ entry: item.entry, route: to });
    }
    return due;
  }

  /** When the next pause ends; null when nothing waits for a time. */
  nextPauseEnd(now: number): number | null {
    let next: number | null = null;
    for (const queue of this.#queues.values()) {
      const waits = queue.notBefore > now && queue.items.some((item) => item.phase === 'queued');
      if (waits && (next === null || queue.notBefore < next)) next = queue.notBefore;
    }
    return next;
  }

  /** Whether anything is unanswered. */
  get flying(): boolean {
    for (const queue of this.#queues.values()) if (queue.flying > 0) return true;
    return false;
  }

  /** The connections that messages are on. */
  get routes(): string[] {
    const routes = new Set<string>();
    for (const { flying, route } of this.#queues.values()) if (flying > 0 && route !== null) routes.add(route);
    return [...routes];
  }

  /** When the oldest message that is on this connection was put there; null when none is. */
  oldestOn(route: string): number | null {
    let oldest: number | null = null;
    for (const item of this.#items.values()) {
      if (item.phase === 'sending' && item.route === route) oldest = Math.min(oldest ?? item.sentAt, item.sentAt);
    }
    return oldest;
  }

  /** A connection ended: what was on it has no answer and is sent again. */
  lost(route: string): void {
    for (const item of this.#items.values()) {
      if (item.phase === 'sending' && item.route === route) this.#land(item, 'queued');
    }
  }

  /** The message is in the log. @returns its entry, once */
  acked(clientId: string): OutboxEntry | undefined {
    return this.#remove(clientId);
  }

  /** @returns whether the message has failed; otherwise it is sent again by itself */
  refused(clientId: string, refusal: Refusal, now: number): OutboxEntry | undefined {
    const item = this.#items.get(clientId);
    if (item?.phase !== 'sending') return undefined;
    item.refusals++;
    if (LATER.includes(refusal.code) && item.refusals < REFUSALS_MAX) {
      this.#land(item, 'queued');
      const wait = (refusal.retryAfter ?? 0) * 1000 || Math.min(30_000, 250 * 2 ** item.refusals);
      const queue = this.#queues.get(item.entry.chat_id);
      if (queue !== undefined) queue.notBefore = Math.max(queue.notBefore, now + wait);
      return undefined;
    }
    this.#land(item, 'failed');
    item.entry = { ...item.entry, failure: { code: refusal.code, message: refusal.message } };
    return item.entry;
  }

  /** A failed message goes out again, behind the others. @returns its new entry, which is to be stored */
  retry(clientId: string): OutboxEntry | undefined {
    const item = this.#items.get(clientId);
    if (item?.phase !== 'failed') return undefined;
    this.#remove(clientId);
    const { failure: _, ...rest } = item.entry;
    const entry = { ...rest, order: this.nextOrder() };
    this.add(entry);
    return entry;
  }

  /** Gives a message up. One that is on a connection may still arrive. */
  discard(clientId: string): OutboxEntry | undefined {
    return this.#remove(clientId);
  }

  clear(): void {
    this.#items.clear();
    this.#queues.clear();
  }

  /** A message is on no connection any more. */
  #land(item: Item, phase: Phase): void {
    const queue = this.#queues.get(item.entry.chat_id);
    if (item.phase === 'sending' && queue !== undefined) queue.flying--;
    item.phase = phase;
    item.route = null;
  }

  #insert(entry: OutboxEntry, phase: Phase): void {
    if (this.#items.has(entry.client_id)) return;
    const item: Item = { entry, phase, route: null, sentAt: 0, refusals: 0 };
    this.#items.set(entry.client_id, item);
    const queue = this.#queues.get(entry.chat_id) ?? { items: [], flying: 0, route: null, notBefore: 0 };
    this.#queues.set(entry.chat_id, queue);
    queue.items.push(item);
    this.#order = Math.max(this.#order, entry.order);
  }

  #remove(clientId: string): OutboxEntry | undefined {
    const item = this.#items.get(clientId);
    if (item === undefined) return undefined;
    this.#land(item, item.phase === 'failed' ? 'failed' : 'queued');
    this.#items.delete(clientId);
    const queue = this.#queues.get(item.entry.chat_id);
    if (queue !== undefined) {
      queue.items.splice(queue.items.indexOf(item), 1);
      if (queue.items.length === 0) this.#queues.delete(item.entry.chat_id);
    }
    return item.entry;
  }
}
