import type { ChatListItem } from '../../src/protocol/chats.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import {
  applyChanges,
  type ChangePage,
  changedItems,
  emptyList,
  type GoneReason,
  type Items,
  itemsOf,
  type ListState,
  type LogPage,
} from '../../src/protocol/reduce.ts';
import type { ItemChange, ItemKind, ItemValue, SyncResponse } from '../../src/protocol/sync.ts';
import { Backoff } from './backoff.ts';
import { type Environment, sleep } from './environment.ts';
import { isTransient, StorageError, TidelineError } from './errors.ts';
import type { Http } from './http.ts';
import type { StorageAdapter } from './storage.ts';

/** Rows are stored this long after they changed, so that a busy list is not written for each message; ms. */
const STORE_AFTER = 1_000;
/** A socket that was opened with a cursor begins with the changes within this time, or they are asked for; ms. */
const REPLAY_WITHIN = 10_000;

export interface ListDelta {
  readonly changed: readonly ChatListItem[];
  readonly gone: readonly { readonly chat_id: string; readonly reason: GoneReason }[];
  /** Rows of other kinds; `value` null: gone. */
  readonly items: readonly ItemChange[];
  /**
   * `cached`: rows of an earlier time, from storage. `snapshot`: rows as they stand; what they count began before this
   * client looked. `news`: what has changed since.
   */
  readonly kind: 'cached' | 'snapshot' | 'news';
}

export interface ListPorts {
  /** The last seq held of conversations whose events are followed; the most important first. */
  positions(): Iterable<readonly [chatId: string, seq: number]>;
  events(chatId: string, page: LogPage): void;
  changed(delta: ListDelta): void;
  fault(error: Error): void;
}

/**
 * The rows of the inbox. One stream feeds it: frames that come while a sync is under way wait for its end, so that an
 * older row never replaces a newer one for good.
 */
export class List {
  readonly #environment: Environment;
  readonly #http: Http;
  readonly #storage: StorageAdapter;
  readonly #ports: ListPorts;
  #state: ListState = emptyList;
  #stored: ListState = emptyList;
  #user = '';
  #held: ChangePage[] | undefined;
  /** What frames bring does not join on to what is held, until a sync has come to its end: none of it may be taken without. */
  #behind = false;
  #syncing: Promise<void> | undefined;
  #again = false;
  #synced = false;
  #replaying: ((complete: boolean) => void) | undefined;
  #cancelStore: (() => void) | undefined;

  constructor(environment: Environment, http: Http, storage: StorageAdapter, ports: ListPorts) {
    this.#environment = environment;
    this.#http = http;
    this.#storage = storage;
    this.#ports = ports;
  }

  get rows(): ReadonlyMap<string, ChatListItem> {
    return this.#state.chats;
  }

  /** Rows of another kind than conversations, by id. The map is another one when, and only when, one of them changed. */
  items<K extends ItemKind>(kind: K): ReadonlyMap<string, ItemValue<K>> {
    return itemsOf(this.#state, kind);
  }

  /** Up to where the rows are in step with the server; null before the first sync of this client. */
  get cursor(): string | null {
    return this.#synced ? this.#state.cursor : null;
  }

  /** Takes up the rows that storage holds for this user. */
  async load(user: string): Promise<void> {
    this.#user = user;
    try {
      const prefix = this.#key('row/');
      const stored = await this.#storage.read(this.#key(''));
      const cursor = stored[this.#key('cursor')];
      if (typeof cursor !== 'string') return;
      const rows = Object.entries(stored).filter(([key]) => key.startsWith(prefix));
      const chats = new Map(rows.map(([key, row]) => [key.slice(prefix.length), row as ChatListItem]));
      const items = storedItems(stored, this.#key('item/'));
      this.#state = this.#stored = { cursor, chats, items };
      this.#ports.changed({ changed: [...chats.values()], gone: [], items: allItems(items), kind: 'cached' });
    } catch (error) {
      this.#ports.fault(new StorageError('The list of conversations could not be read', { cause: error }));
    }
  }

  /** A frame of the inbox socket. */
  frame(page: ChangePage): void {
    const replaying = this.#replaying;
    if (replaying !== undefined) {
      if (page.reset === true) this.hold();
      replaying(page.reset !== true);
    }
    if (this.#held !== undefined) this.#held.push(page);
    else if (page.reset === true || this.#behind) {
      this.hold();
      void this.sync().catch(this.#ports.fault);
    } else this.#apply(page);
  }

  /**
   * A socket was opened with the list's cursor: its first frame brings what changed.
   * @returns false when the changes have to be asked for
   */
  replay(signal: AbortSignal): Promise<boolean> {
    // What came on an earlier socket comes again.
    if (this.#held !== undefined) this.#held = [];
    this.#behind = false;
    return new Promise((resolve) => {
      const done = (complete: boolean) => {
        this.#replaying = undefined;
        cancel();
        signal.removeEventListener('abort', aborted);
        resolve(complete);
      };
      const aborted = () => done(false);
      const cancel = this.#environment.clock.after(REPLAY_WITHIN, aborted);
      signal.addEventListener('abort', aborted);
      this.#replaying = done;
    });
  }

  /** From now on frames wait for the sync that is to follow: the socket is open, what it says comes after that sync. */
  hold(): void {
    this.#held = [];
    this.#behind = true;
  }

  /** Catches up with the server: rows, and the events of the conversations that are followed. */
  sync(signal?: AbortSignal): Promise<void> {
    if (this.#syncing !== undefined) {
      this.#again = true;
      return this.#syncing;
    }
    this.#held ??= [];
    this.#syncing = this.#syncUntilCurrent(signal)
      .then(() => {
        this.#behind = false;
      })
      .finally(() => {
        this.#syncing = undefined;
        this.#release();
      });
    return this.#syncing;
  }

  clear(): void {
    this.stop();
    this.#state = this.#stored = emptyList;
    this.#held = undefined;
    this.#behind = false;
    this.#synced = false;
  }

  /** Stops the timer. What was not stored is synced again. */
  stop(): void {
    this.#cancelStore?.();
    this.#cancelStore = undefined;
  }

  /** Writes the rows that changed since the last time, with the cursor that belongs to them. */
  async store(): Promise<void> {
    this.stop();
    const { cursor, chats } = this.#state;
    if (cursor === null || this.#state === this.#stored) return;
    const before = this.#stored.chats;
    const set: Record<string, unknown> = { [this.#key('cursor')]: cursor };
    for (const [id, row] of chats) if (before.get(id) !== row) set[this.#key(`row/${id}`)] = row;
    const gone = [...before.keys()].filter((id) => !chats.has(id)).map((id) => this.#key(`row/${id}`));
    for (const { type, id, value } of changedItems(this.#stored.items, this.#state.items)) {
      if (value === null) gone.push(this.#key(`item/${type}/${id}`));
      else set[this.#key(`item/${type}/${id}`)] = value;
    }
    this.#stored = this.#state;
    try {
      await this.#storage.write({ set, delete: gone });
    } catch (error) {
      this.#ports.fault(new StorageError('The list of conversations could not be stored', { cause: error }));
    }
  }

  async #syncUntilCurrent(signal?: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#environment.random, 500, 10_000);
    do {
      this.#again = false;
      try {
        await this.#syncOnce();
      } catch (error) {
        // Aborted with the connection: the next one syncs anew.
        if (!isTransient(error) || signal === undefined || signal.aborted) throw error;
        const retryAfter = error instanceof TidelineError ? (error.retryAfter ?? 0) : 0;
        await sleep(this.#environment.clock, backoff.next(retryAfter * 1000), signal);
        if (signal.aborted) throw error;
        this.#again = true;
      }
    } while (this.#again);
  }

  async #syncOnce(): Promise<void> {
    const before = this.#state;
    let state = before;
    let snapshot = !this.#synced;
    const changed = new Map<string, ChatListItem>();
    const gone = new Map<string, GoneReason>();
    const positions = Object.fromEntries(take(this.#ports.positions(), LIMITS.syncChatsPerRequest));
    for (let first = true, more = true; more; first = false) {
      const answer = await this.#http.request<SyncResponse>('/api/sync', {
        body: {
          ...(state.cursor === null ? {} : { cursor: state.cursor }),
          limit: LIMITS.syncPageMax,
          ...(first && Object.keys(positions).length > 0 ? { chats: positions } : {}),
        },
        idempotent: true,
      });
      // Signed out meanwhile.
      if (this.#state !== before) return;
      for (const [chatId, head] of Object.entries(answer.heads ?? {})) {
        this.#ports.events(chatId, { ...head, items: answer.events?.[chatId] ?? [] });
      }
      const step = applyChanges(state, { ...answer, reset: answer.reset ?? state.cursor === null });
      snapshot ||= step.reset;
      state = step.state;
      for (const row of step.changed) changed.set(row.id, row);
      for (const { chat_id, reason } of step.gone) gone.set(chat_id, reason);
      more = answer.has_more;
    }
    this.#synced = true;
    // Rows from storage that did not change stand as they are now, too.
    this.#become(state, {
      changed: snapshot
        ? [...state.chats.values()]
        : [...changed.values()].filter((row) => state.chats.get(row.id) === row),
      gone: [...gone].filter(([id]) => !state.chats.has(id)).map(([chat_id, reason]) => ({ chat_id, reason })),
      items: changedItems(before.items, state.items),
      kind: snapshot ? 'snapshot' : 'news',
    });
  }

  #release(): void {
    const held = this.#behind ? [] : this.#held;
    this.#held = undefined;
    for (const page of held ?? []) this.frame(page);
  }

  #apply(page: ChangePage): void {
    const { state, changed, gone, items } = applyChanges(this.#state, page);
    this.#become(state, { changed, gone, items, kind: 'news' });
  }

  #become(state: ListState, delta: ListDelta): void {
    this.#state = state;
    const news = delta.changed.length + delta.gone.length + delta.items.length > 0;
    if (news || delta.kind === 'snapshot') this.#ports.changed(delta);
    this.#cancelStore ??= this.#environment.clock.after(STORE_AFTER, () => {
      this.#cancelStore = undefined;
      void this.store();
    });
  }

  #key(name: string): string {
    return `list/${this.#user}/${name}`;
  }
}

/** Rows from storage: what stands under `<prefix><kind>/<id>`. */
function storedItems(stored: Record<string, unknown>, prefix: string): Items {
  const items = new Map<string, Map<string, unknown>>();
  for (const [key, value] of Object.entries(stored)) {
    if (!key.startsWith(prefix)) continue;
    const [kind = '', ...id] = key.slice(prefix.length).split('/');
    const rows = items.get(kind) ?? new Map<string, unknown>();
    items.set(kind, rows.set(id.join('/'), value));
  }
  return items;
}

const allItems = (items: Items): ItemChange[] => changedItems(new Map(), items);

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}
