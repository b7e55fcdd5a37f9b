import type { ChatEvent } from '../../src/protocol/events.ts';
import type { Conversation } from './conversation.ts';
import type { Clock } from './environment.ts';
import { StorageError } from './errors.ts';
import type { StorageAdapter } from './storage.ts';

/** Newest events that are kept of a conversation. */
const KEPT = 200;
/** A log is stored this long after it changed, so that a busy one is not written for each message; ms. */
const STORE_AFTER = 1_000;

/** A contiguous piece of a log, as it is stored. */
interface StoredLog {
  readonly epoch: string;
  /** Last seq of the piece: events and holes reach up to it. */
  readonly upto: number;
  readonly events: readonly ChatEvent[];
}

/** The newest events of the conversations that were on screen, so that they open without a network. */
export class Archive {
  readonly #clock: Clock;
  readonly #storage: StorageAdapter;
  readonly #fault: (error: Error) => void;
  /** Conversations that are kept, and the events that storage has of them. */
  readonly #kept = new Map<string, readonly ChatEvent[]>();
  readonly #dirty = new Map<string, Conversation>();
  #user = '';
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, storage: StorageAdapter, fault: (error: Error) => void) {
    this.#clock = clock;
    this.#storage = storage;
    this.#fault = fault;
  }

  load(user: string): void {
    this.#user = user;
  }

  /** Puts what is stored before what is held, as far as the two meet; from now on the conversation is kept. */
  async restore(conversation: Conversation): Promise<void> {
    const user = this.#user;
    const stored = await this.#read(conversation.id);
    if (user !== this.#user) return;
    if (!this.#kept.has(conversation.id)) this.#kept.set(conversation.id, stored?.events ?? []);
    if (stored === undefined || conversation.gone !== undefined) return;
    conversation.startAt(stored.epoch, stored.upto);
    conversation.applyOlder({ epoch: stored.epoch, head_seq: stored.upto, items: stored.events });
  }

  /** The conversation holds something else than before. */
  touch(conversation: Conversation): void {
    if (!this.#kept.has(conversation.id)) return;
    this.#dirty.set(conversation.id, conversation);
    this.#cancel ??= this.#clock.after(STORE_AFTER, () => void this.store());
  }

  /** Writes what has changed since the last time. */
  async store(): Promise<void> {
    this.stop();
    const set: Record<string, StoredLog> = {};
    for (const [chatId, { log, events }] of this.#dirty) {
      const newest = events.slice(-KEPT);
      const before = this.#kept.get(chatId);
      if (log.epoch === null || (before?.at(-1) === newest.at(-1) && before?.[0] === newest[0])) continue;
      this.#kept.set(chatId, newest);
      set[this.#key(chatId)] = { epoch: log.epoch, upto: log.upto, events: newest };
    }
    this.#dirty.clear();
    if (Object.keys(set).length === 0) return;
    await this.#guard(() => this.#storage.write({ set: { ...set } }));
  }

  /** The user may not see the conversation any more: neither may whoever looks into storage. */
  async forget(chatId: string): Promise<void> {
    this.#dirty.delete(chatId);
    this.#kept.delete(chatId);
    await this.#guard(() => this.#storage.write({ delete: [this.#key(chatId)] }));
  }

  clear(): void {
    this.stop();
    this.#kept.clear();
    this.#dirty.clear();
    this.#user = '';
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #read(chatId: string): Promise<StoredLog | undefined> {
    const key = this.#key(chatId);
    try {
      return (await this.#storage.read(key))[key] as StoredLog | undefined;
    } catch (cause) {
      this.#fault(new StorageError('The messages of a conversation could not be read', { cause }));
      return undefined;
    }
  }

  async #guard(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (cause) {
      this.#fault(new StorageError('The messages of a conversation could not be stored', { cause }));
    }
  }

  #key(chatId: string): string {
    return `log/${this.#user}/${chatId}`;
  }
}
