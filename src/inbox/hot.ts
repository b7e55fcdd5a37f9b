import type { Clock } from '../clock.ts';
import { type ChatRecord, changeJson, itemJson } from './rows.ts';
import type { Timeline } from './timeline.ts';

/**
 * A row is hot when it changes again after it was stored so many times in a row, each within this time of the last, in ms. To
 * keep a row costs two more rows for its mark, and a timer that holds the object awake: a pace at which people talk and
 * read is cheaper stored.
 */
const HOT_WITHIN_MS = 2000;
export const HOT_AFTER = 4;
/** A hot row that has not changed for so long, in ms, has come to rest and is stored for good. Looked at this often. */
const REST_AFTER_MS = 2000;
/** A hot row that goes on changing is stored about this often, in ms, so that what is stored of it does not age. */
const STORE_EVERY_MS = 20_000;
/** Times remembered of rows that were stored lately. */
const REMEMBERED = 1000;

interface Hot {
  record: ChatRecord;
  /** Changed since it was last looked at. */
  changed: boolean;
  /** In ms since 1970. */
  storedAt: number;
}

/**
 * Rows that change faster than they are worth storing, while a device listens. Such a row is marked stale in storage and
 * kept here; it is stored now and then, and the mark is taken away when it has come to rest. If this object ends before that,
 * the mark has the row asked of its room at the next look: nothing is lost. Devices hear of each change at once, with the
 * cursor of what is stored, which is behind: a sync from it brings the row again, and applying it again changes nothing.
 */
export class HotRows {
  readonly #timeline: Timeline;
  readonly #clock: Clock;
  readonly #stored: (chatId: string, change: string | null) => void;
  readonly #rows = new Map<string, Hot>();
  readonly #held = new Map<string, number>();
  readonly #storedAt = new Map<string, { at: number; inARow: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param stored called with the change of each row that was stored */
  constructor(timeline: Timeline, clock: Clock, stored: (chatId: string, change: string | null) => void) {
    this.#timeline = timeline;
    this.#clock = clock;
    this.#stored = stored;
  }

  get(chatId: string): ChatRecord | undefined {
    return this.#rows.get(chatId)?.record;
  }

  /**
   * Until it is released, what is stored of this row carries the mark: the row's news is under way in an answer that is
   * not sent again. false: the row is not hot, and has no mark.
   */
  hold(chatId: string): boolean {
    if (!this.#rows.has(chatId)) return false;
    this.#held.set(chatId, (this.#held.get(chatId) ?? 0) + 1);
    return true;
  }

  release(chatId: string): void {
    const left = (this.#held.get(chatId) ?? 0) - 1;
    if (left > 0) this.#held.set(chatId, left);
    else this.#held.delete(chatId);
  }

  holds(chatId: string): boolean {
    return this.#held.has(chatId);
  }

  /** The row is not as it should be, and its mark stays: the next look asks its room. */
  distrust(chatId: string): void {
    const hot = this.#rows.get(chatId);
    this.#rows.delete(chatId);
    if (hot !== undefined) this.#put(chatId, hot.record, true);
    else if (this.#timeline.get(chatId) !== undefined) this.#timeline.markStale(chatId);
  }

  /** The caller stores this row itself. */
  drop(chatId: string): void {
    this.#rows.delete(chatId);
    this.#remember(chatId);
  }

  /** Keeps a changed row if it is hot, and returns its change; else undefined, and the caller stores it. */
  keep(record: ChatRecord, before: ChatRecord | undefined): string | undefined {
    const { chat_id: chatId } = record;
    const hot = this.#rows.get(chatId);
    if (hot === undefined && this.#storedInARow(chatId) < HOT_AFTER) return undefined;
    if (before === undefined || !sameMembership(record, before)) return undefined;
    if (hot === undefined) this.#timeline.markStale(chatId);
    this.#rows.set(chatId, { record, changed: true, storedAt: hot?.storedAt ?? this.#clock() });
    this.#timer ??= setTimeout(() => this.#store(), REST_AFTER_MS);
    return changeJson(chatId, itemJson(record.item), record.gone);
  }

  /** Stores everything that is hot, for good: before rows are read from storage. */
  flush(): void {
    for (const [chatId, { record }] of this.#rows) this.#put(chatId, record, false);
    this.#rows.clear();
  }

  /** What has changed stays hot, and is stored now and then; what has not has come to rest. */
  #store(): void {
    this.#timer = undefined;
    const now = this.#clock();
    for (const [chatId, { record, changed, storedAt }] of this.#rows) {
      // A clock that was set back counts as time gone by.
      const due = now - storedAt >= STORE_EVERY_MS || now < storedAt;
      if (!changed || due) this.#put(chatId, record, changed);
      if (changed) this.#rows.set(chatId, { record, changed: false, storedAt: due ? now : storedAt });
      else this.#rows.delete(chatId);
    }
    if (this.#rows.size > 0) this.#timer = setTimeout(() => this.#store(), REST_AFTER_MS);
  }

  #put(chatId: string, record: ChatRecord, stale: boolean): void {
    const marked = stale || record.stale || this.holds(chatId);
    this.#stored(chatId, this.#timeline.put({ ...record, stale: marked }, this.#timeline.get(chatId)));
    this.#remember(chatId);
  }

  #remember(chatId: string): void {
    const inARow = this.#storedInARow(chatId) + 1;
    if (this.#storedAt.size >= REMEMBERED) this.#storedAt.clear();
    this.#storedAt.set(chatId, { at: this.#clock(), inARow });
  }

  /** How often the row was stored in a row, if the last time was lately. */
  #storedInARow(chatId: string): number {
    const stored = this.#storedAt.get(chatId);
    return stored !== undefined && this.#clock() - stored.at < HOT_WITHIN_MS ? stored.inARow : 0;
  }
}

const sameMembership = (record: ChatRecord, before: ChatRecord): boolean =>
  record.item !== null &&
  before.item !== null &&
  record.epoch === before.epoch &&
  record.member_seq === before.member_seq;
