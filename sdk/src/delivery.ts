import type { AckFrame, ClientFrame, ErrorFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { byteLength, frameText } from './batches.ts';
import type { Conversation } from './conversation.ts';
import { randomName, type SteadyClock } from './environment.ts';
import { StorageError, TidelineError } from './errors.ts';
import { LocalMessage } from './message.ts';
import { type MessageFields, Outbox, type OutboxEntry } from './outbox.ts';
import type { StorageAdapter } from './storage.ts';

/** A connection on which a message has no answer for this long is given up. */
const ANSWER_WITHIN = 20_000;
/** The platform holds so much unsent already that more would only wait there. */
const BUFFER_FULL = 1024 * 1024;

/** Connections by name. */
export interface Routes {
  /** The connection for messages of a conversation now; null: there is none. `current` is kept while it is open. */
  pick(chatId: string, current: string | null): string | null;
  send(route: string, frame: ClientFrame): void;
  bufferedAmount(route: string): number;
  restart(route: string, reason: string): void;
}

export interface DeliveryEvents {
  conversation(chatId: string): Conversation;
  /** The message has another status. */
  changed(message: LocalMessage): void;
  fault(error: Error): void;
}

/** Brings messages to the server: stores them, puts them on a connection, settles them. What to do when is in `Outbox`. */
export class Delivery {
  readonly #clock: SteadyClock;
  readonly #storage: StorageAdapter;
  readonly #routes: Routes;
  readonly #events: DeliveryEvents;
  readonly #outbox = new Outbox();
  readonly #messages = new Map<string, LocalMessage>();
  /** What storage has to be told: an entry to keep, or null for one to forget. */
  #unsaved = new Map<string, OutboxEntry | null>();
  #saving: Promise<void> | undefined;
  #user = '';
  readonly #pumping = new Set<string>();
  #cancelWake: (() => void) | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(clock: SteadyClock, storage: StorageAdapter, routes: Routes, events: DeliveryEvents) {
    this.#clock = clock;
    this.#storage = storage;
    this.#routes = routes;
    this.#events = events;
  }

  /** Every message that is not acknowledged. */
  get pending(): LocalMessage[] {
    return this.#outbox.entries().flatMap((entry) => this.#messages.get(entry.client_id) ?? []);
  }

  /** Takes up what storage holds for this user. */
  async load(user: string): Promise<void> {
    this.#user = user;
    let stored: Record<string, unknown> = {};
    try {
      stored = await this.#storage.read(this.#key(''));
    } catch (error) {
      this.#events.fault(new StorageError('The outbox could not be read', { cause: error }));
    }
    const entries = (Object.values(stored) as OutboxEntry[]).filter((entry) => !this.#outbox.has(entry.client_id));
    this.#outbox.restore(entries);
    for (const entry of entries.sort((a, b) => a.order - b.order)) {
      const message = this.#show(entry);
      if (entry.failure) message.fail(new TidelineError(entry.failure.code, entry.failure.message));
    }
  }

  /** @throws TidelineError when the server could never accept it */
  send(chatId: string, fields: MessageFields): LocalMessage {
    check(fields);
    const entry: OutboxEntry = {
      client_id: randomName(),
      chat_id: chatId,
      order: this.#outbox.nextOrder(),
      created_at: new Date(this.#clock.now()).toISOString(),
      fields,
    };
    this.#outbox.add(entry);
    const message = this.#show(entry);
    void this.#save(entry.client_id, entry);
    return message;
  }

  async retry(clientId: string): Promise<void> {
    const entry = this.#outbox.retry(clientId);
    const message = this.#messages.get(clientId);
    if (entry === undefined || message === undefined) return;
    message.revive();
    this.#events.changed(message);
    await this.#save(clientId, entry);
  }

  async discard(clientId: string): Promise<void> {
    const entry = this.#outbox.discard(clientId);
    const message = this.#messages.get(clientId);
    if (entry === undefined || message === undefined) return;
    this.#messages.delete(clientId);
    this.#events.conversation(entry.chat_id).removeLocal(clientId);
    message.fail(new TidelineError('conflict', 'The message was discarded'));
    this.#events.changed(message);
    await this.#save(clientId, null);
  }

  /** Puts on connections what may go there now: of one conversation, or of all. */
  pump(chatId?: string): void {
    const now = this.#clock.steady();
    for (const id of chatId === undefined ? [...this.#outbox.chats()] : [chatId]) {
      const due = this.#outbox.due(id, now, (current) => {
        const route = this.#routes.pick(id, current);
        return route !== null && this.#routes.bufferedAmount(route) < BUFFER_FULL ? route : null;
      });
      for (const { entry, route } of due) {
        const { client_id, chat_id, fields } = entry;
        this.#routes.send(route, { t: 'send', client_id, chat_id, ...fields });
      }
    }
    this.#wake();
  }

  /** A connection ended. */
  lost(route: string): void {
    this.#outbox.lost(route);
  }

  acked(frame: AckFrame): void {
    this.#settle(frame.client_id, frame.seq, frame.created_at, frame.duplicate === true);
  }

  /** A message of the user's is in the log: that is an acknowledgement too. */
  arrived(clientId: string, seq: number, createdAt: string): void {
    this.#settle(clientId, seq, createdAt, false);
  }

  /** @returns whether the error was about a message of ours */
  refused(frame: ErrorFrame): boolean {
    const clientId = frame.client_id;
    const message = clientId === undefined ? undefined : this.#messages.get(clientId);
    if (clientId === undefined || message === undefined) return false;
    const { code, retry_after: retryAfter } = frame;
    const failed = this.#outbox.refused(clientId, { code, message: frame.message, retryAfter }, this.#clock.steady());
    if (failed !== undefined) {
      message.fail(new TidelineError(code, frame.message, { retryAfter }));
      this.#events.changed(message);
      void this.#save(clientId, failed);
    }
    this.#wake();
    return true;
  }

  /** Resolves when storage knows everything that has happened so far. */
  async flushed(): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
  }

  /** Another user, or none: nothing of the last one stays in memory. */
  clear(): void {
    this.stop();
    this.#outbox.clear();
    this.#messages.clear();
  }

  /** Stops the timer. */
  stop(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }

  #show(entry: OutboxEntry): LocalMessage {
    const message = new LocalMessage(entry, this.#user, this);
    this.#messages.set(entry.client_id, message);
    this.#events.conversation(entry.chat_id).addLocal(message);
    this.#events.changed(message);
    return message;
  }

  #settle(clientId: string, seq: number, createdAt: string, duplicate: boolean): void {
    const entry = this.#outbox.acked(clientId);
    const message = this.#messages.get(clientId);
    if (entry === undefined || message === undefined) return;
    this.#messages.delete(clientId);
    message.acknowledge({ seq, created_at: createdAt, duplicate });
    this.#events.conversation(entry.chat_id).acknowledged(clientId, seq);
    this.#events.changed(message);
    void this.#save(clientId, null);
    this.#pumpSoon(entry.chat_id);
  }

  /** Once for all the acknowledgements of a turn. */
  #pumpSoon(chatId: string): void {
    if (this.#pumping.size === 0) {
      queueMicrotask(() => {
        const chats = [...this.#pumping];
        this.#pumping.clear();
        for (const id of chats) this.pump(id);
      });
    }
    this.#pumping.add(chatId);
  }

  #key(clientId: string): string {
    return `outbox/${this.#user}/${clientId}`;
  }

  /** One write at a time; what changes meanwhile goes with the next, all at once. */
  #save(clientId: string, entry: OutboxEntry | null): Promise<void> {
    this.#unsaved.set(this.#key(clientId), entry);
    this.#saving ??= this.#write();
    return this.#saving;
  }

  async #write(): Promise<void> {
    // Lets everything that is sent in this turn go into one write.
    await Promise.resolve();
    while (this.#unsaved.size > 0) {
      const batch = this.#unsaved;
      this.#unsaved = new Map();
      const kept = [...batch].flatMap(([key, entry]) => (entry === null ? [] : [{ key, entry }]));
      try {
        await this.#storage.write({
          set: Object.fromEntries(kept.map(({ key, entry }) => [key, entry])),
          delete: [...batch].flatMap(([key, entry]) => (entry === null ? [key] : [])),
        });
      } catch (error) {
        // Better sent without a copy than not sent.
        this.#events.fault(new StorageError('The outbox could not be stored', { cause: error }));
      }
      for (const { entry } of kept) this.#outbox.saved(entry.client_id);
      for (const chatId of new Set(kept.map(({ entry }) => entry.chat_id))) this.pump(chatId);
    }
    // In the turn in which nothing is left: what is saved next begins a write of its own.
    this.#saving = undefined;
  }

  /** Comes back when a pause ends, a full buffer may have room, or an answer is overdue. */
  #wake(): void {
    const now = this.#clock.steady();
    const pause = this.#outbox.nextPauseEnd(now);
    const delays: number[] = pause === null ? [] : [pause - now];
    if (this.#outbox.flying) delays.push(ANSWER_WITHIN / 4);
    if (this.#outbox.routes.some((route) => this.#routes.bufferedAmount(route) >= BUFFER_FULL)) delays.push(50);
    // With nothing under way the next event comes from outside: a connection, a message.
    const at = delays.length === 0 ? Number.POSITIVE_INFINITY : now + Math.max(1, Math.min(...delays));
    if (this.#wakeAt <= at && this.#wakeAt > now) return;
    this.stop();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#wakeAt = at;
    this.#cancelWake = this.#clock.after(at - now, () => {
      this.stop();
      this.#giveUpSilent();
      this.pump();
    });
  }

  #giveUpSilent(): void {
    for (const route of this.#outbox.routes) {
      const oldest = this.#outbox.oldestOn(route);
      if (oldest !== null && this.#clock.steady() - oldest > ANSWER_WITHIN) {
        this.#routes.restart(route, 'A message was not answered');
      }
    }
  }
}

/** What needs no server to be refused. */
function check(fields: MessageFields): void {
  if (!fields.content.isWellFormed()) {
    throw new TidelineError('invalid', 'content: must be well-formed Unicode: it contains a lone surrogate');
  }
  if (byteLength(fields.content) > LIMITS.contentBytes) {
    throw new TidelineError('too_large', `content: must be at most ${LIMITS.contentBytes} bytes of UTF-8`);
  }
  if ((fields.mentions?.length ?? 0) > LIMITS.mentionsPerMessage) {
    throw new TidelineError('invalid', `mentions: at most ${LIMITS.mentionsPerMessage} members`);
  }
  // Quotes, backslashes and control characters grow when they are written as JSON.
  if (byteLength(frameText(fields)) > LIMITS.frameBytes - FRAME_RESERVE) {
    throw new TidelineError('too_large', `content: written as JSON it must fit into ${LIMITS.frameBytes} bytes`);
  }
}

/** Bytes of a frame that are not the fields of its message: type, ids and punctuation. */
const FRAME_RESERVE = 512;
