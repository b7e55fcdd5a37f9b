import type { Json } from '../conversation/api.ts';
import { randomTag } from '../ids.ts';
import type { ChatListItem } from '../protocol/chats.ts';
import { utf8Length } from '../protocol/common.ts';
import { Contact, DEFAULT_PRIVACY, Privacy } from '../protocol/friends.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { ItemKind } from '../protocol/sync.ts';
import { migrate, storedVersion } from '../storage/migrate.ts';
import { rowsWithin } from '../wire/bounds.ts';
import { type ItemRecord, itemChangeJson } from './items.ts';
import { activityOf, type ChatRecord, changeJson, itemJson, recordOf } from './rows.ts';
import { INBOX_MIGRATIONS } from './schema.ts';

/** A row of `notifications` without its position; `value` is JSON, null once it is gone. `at` in ms since 1970. */
export interface NotificationRecord {
  id: string;
  version: number;
  at: number;
  value: string | null;
}

export interface SyncPage {
  /** `Change`s as JSON. */
  changes: string[];
  pos: number;
  hasMore: boolean;
  reset: boolean;
}

/** Rows kept in memory: about a kilobyte each. */
const ROWS_KEPT = 50;
/** The tables are read along their index on pos and merged: no more rows than the page has. */
export const PAGE_QUERY = `
  SELECT NULL AS kind, chat_id AS id, pos, item, gone FROM chats WHERE pos > ?1
  UNION ALL SELECT kind, id, pos, value, NULL FROM items WHERE pos > ?1
  UNION ALL SELECT 'notification', id, pos, value, NULL FROM notifications WHERE pos > ?1
  ORDER BY pos LIMIT ?2`;

/** What names a row in its `Change`, at most. */
const FIXED = 256;
/** Bytes that a row takes in a page, at most. */
const rowSize = ({ item }: { item: string | null }): number => FIXED + utf8Length(item ?? '');

/** What the inbox stores: the rows, the change counter, a few facts. Synchronous, no calls, no sockets. */
export class Timeline {
  readonly #storage: DurableObjectStorage;
  readonly #owner: string;
  #ready = false;
  #pos = 0;
  #generation = '';
  /** Rows as they are stored, of conversations that were asked for lately. */
  readonly #rows = new Map<string, Readonly<ChatRecord>>();

  constructor(storage: DurableObjectStorage, owner: string) {
    this.#storage = storage;
    this.#owner = owner;
    if (storedVersion(storage.sql) > 0) this.#open();
  }

  get pos(): number {
    return this.#pos;
  }

  /** Tables exist from the first write on: a user who was only looked at costs no storage. */
  get written(): boolean {
    return this.#ready;
  }

  get sql(): SqlStorage {
    return this.#storage.sql;
  }

  /** Before the first write of anything. */
  prepare(): void {
    if (!this.#ready) this.#open();
  }

  cursorAt(pos: number): string {
    return `${this.#generation || 'new'}.${pos}`;
  }

  /** Position of a cursor; null when it is of another life of this inbox, or no cursor at all. */
  positionOf(cursor: string): number | null {
    const [generation, text = ''] = cursor.split('.');
    if (!/^\d{1,15}$/.test(text)) return null;
    const pos = Number(text);
    if (pos === 0) return 0;
    return generation === this.#generation && pos <= this.#pos ? pos : null;
  }

  /** Rows that changed after a position, oldest change first. */
  page(after: number, limit: number, bytes: number = LIMITS.pageBytes): Omit<SyncPage, 'reset'> {
    if (after >= this.#pos) return { changes: [], pos: after, hasMore: false };
    const { rows, more } = rowsWithin(
      this.sql.exec<{ kind: string | null; id: string; pos: number; item: string | null; gone: string | null }>(
        PAGE_QUERY,
        after,
        limit + 1,
      ),
      { limit, bytes },
      rowSize,
    );
    return {
      changes: rows.map(({ kind, id, item, gone }) =>
        kind === null ? changeJson(id, item, gone) : itemChangeJson(kind, id, item),
      ),
      pos: rows.at(-1)?.pos ?? after,
      hasMore: more,
    };
  }

  get(chatId: string): ChatRecord | undefined {
    if (!this.#ready) return undefined;
    const kept = this.#rows.get(chatId);
    if (kept !== undefined) return kept;
    const row = this.sql.exec('SELECT * FROM chats WHERE chat_id = ?', chatId).toArray()[0];
    if (row === undefined) return undefined;
    const record = recordOf(row);
    this.#keep(record);
    return record;
  }

  #keep(record: ChatRecord): void {
    if (this.#rows.size >= ROWS_KEPT) this.#rows.clear();
    this.#rows.set(record.chat_id, record);
  }

  /**
   * Stores a row if it differs from what is stored. A row that the device can see moves to the front of the timeline;
   * the `Change` comes back as JSON. null: nothing that a device sees has changed.
   */
  put(record: ChatRecord, before: ChatRecord | undefined): string | null {
    const item = itemJson(record.item);
    const itemBefore = itemJson(before?.item ?? null);
    const visible = before === undefined || item !== itemBefore || record.gone !== before.gone;
    if (!visible && before.stale === record.stale && before.member_seq === record.member_seq) return null;
    this.prepare();
    if (!visible) {
      this.sql.exec(
        'UPDATE chats SET stale = ?, member_seq = ? WHERE chat_id = ?',
        record.stale ? 1 : 0,
        record.member_seq,
        record.chat_id,
      );
      this.#keep({ ...before, stale: record.stale, member_seq: record.member_seq });
      return null;
    }
    const pos = this.#pos + 1;
    this.sql.exec(
      `INSERT INTO chats VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (chat_id) DO UPDATE SET pos = excluded.pos, member_seq = excluded.member_seq, epoch = excluded.epoch,
         gone = excluded.gone, item = excluded.item, mention_seqs = excluded.mention_seqs,
         activity = excluded.activity, peer_id = excluded.peer_id, stale = excluded.stale`,
      record.chat_id,
      pos,
      record.member_seq,
      record.epoch,
      record.gone,
      item,
      JSON.stringify(record.mentions),
      record.item === null ? 0 : activityOf(record.item),
      this.#peerOf(record.item),
      record.stale ? 1 : 0,
    );
    this.#pos = pos;
    this.#keep(record);
    return changeJson(record.chat_id, item, record.gone);
  }

  /** A row of another kind than a conversation, as it is stored. */
  itemAt(kind: ItemKind, id: string): { version: number; value: string | null } | undefined {
    if (!this.#ready) return undefined;
    const query = 'SELECT version, value FROM items WHERE kind = ? AND id = ?';
    return this.sql.exec<{ version: number; value: string | null }>(query, kind, id).toArray()[0];
  }

  /** All rows of these kinds, those that are gone too. */
  itemsOf(kinds: readonly ItemKind[]): ItemRecord[] {
    if (!this.#ready) return [];
    const query = 'SELECT kind, id, version, value FROM items WHERE kind IN (SELECT value FROM json_each(?))';
    return this.sql.exec<Record<string, SqlStorageValue> & ItemRecord>(query, JSON.stringify(kinds)).toArray();
  }

  /** Whatever version is told of this row next is newer than what is stored. */
  forgetVersion(kind: ItemKind, id: string): void {
    if (this.#ready) this.sql.exec('UPDATE items SET version = -1 WHERE kind = ? AND id = ?', kind, id);
  }

  /** Rows of a kind that are not gone. */
  itemCount(kind: ItemKind): number {
    if (!this.#ready) return 0;
    const query = 'SELECT count(*) AS n FROM items WHERE kind = ? AND value IS NOT NULL';
    return this.sql.exec<{ n: number }>(query, kind).one().n;
  }

  /**
   * Stores a row of another kind if it is newer than what is stored. Returns its `Change` as JSON; null: nothing that a
   * device sees has changed.
   */
  putItem({ kind, id, version, value }: ItemRecord): string | null {
    const before = this.itemAt(kind, id);
    if (before !== undefined && before.version >= version) return null;
    this.prepare();
    if (before?.value === value) {
      this.sql.exec('UPDATE items SET version = ? WHERE kind = ? AND id = ?', version, kind, id);
      return null;
    }
    const pos = this.#pos + 1;
    this.sql.exec(
      `INSERT INTO items VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (kind, id) DO UPDATE SET pos = excluded.pos, version = excluded.version, value = excluded.value`,
      kind,
      id,
      pos,
      version,
      value,
    );
    this.#pos = pos;
    return itemChangeJson(kind, id, value);
  }

  /** Notifications whose id begins so, those that are gone too. */
  notifications(prefix: string): NotificationRecord[] {
    if (!this.#ready) return [];
    const query = 'SELECT id, version, at, value FROM notifications WHERE id >= ?1 AND id < ?1 || char(1114111)';
    return this.sql.exec<Record<string, SqlStorageValue> & NotificationRecord>(query, prefix).toArray();
  }

  /** Stores a notification, in place of what its id had. Returns its `Change` as JSON. */
  putNotification({ id, version, at, value }: NotificationRecord): string {
    this.prepare();
    const pos = this.#pos + 1;
    this.sql.exec(
      `INSERT INTO notifications VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET pos = excluded.pos, version = excluded.version, at = excluded.at, value = excluded.value`,
      id,
      pos,
      version,
      at,
      value,
    );
    this.#pos = pos;
    return itemChangeJson('notification', id, value);
  }

  /** How the user has somebody. */
  contact(userId: string): { friend: boolean; blocked: boolean } {
    const value = this.itemAt('contact', userId)?.value ?? null;
    if (value === null) return { friend: false, blocked: false };
    const { state, blocked } = Contact.parse(JSON.parse(value));
    return { friend: state === 'friend', blocked };
  }

  /** Whom the user tells when they were last seen. */
  lastSeenFor(): Privacy['last_seen'] {
    const value = this.itemAt('privacy', 'me')?.value ?? null;
    return value === null ? DEFAULT_PRIVACY.last_seen : Privacy.parse(JSON.parse(value)).last_seen;
  }

  /** Friends and the other people of Singles, the latest first, but for those whom the user has blocked. */
  people(limit: number): string[] {
    if (!this.#ready) return [];
    const friends = this.sql
      .exec<{ id: string; friend: number; blocked: number }>(
        `SELECT id, value ->> '$.state' = 'friend' AS friend, value ->> '$.blocked' AS blocked FROM items
         WHERE kind = 'contact' AND value IS NOT NULL ORDER BY pos DESC`,
      )
      .toArray();
    const blocked = new Set(friends.flatMap((row) => (row.blocked ? [row.id] : [])));
    const all = [...this.peers(limit), ...friends.flatMap((row) => (row.friend ? [row.id] : []))];
    return [...new Set(all)].filter((id) => !blocked.has(id)).slice(0, limit);
  }

  /** Has this conversation's room asked at the next look. */
  markStale(chatId: string): void {
    this.sql.exec('UPDATE chats SET stale = 1 WHERE chat_id = ?', chatId);
    this.#rows.delete(chatId);
  }

  /** Conversations, latest activity first, after a key. */
  list(after: { activity: number; chat_id: string } | undefined, limit: number) {
    if (!this.#ready) return { items: [], next: null };
    const { rows, more } = rowsWithin(
      this.sql.exec<{ chat_id: string; activity: number; item: Json<ChatListItem> }>(
        `SELECT chat_id, activity, item FROM chats
         WHERE gone IS NULL AND (activity, chat_id) < (?, ?) ORDER BY activity DESC, chat_id DESC LIMIT ?`,
        after?.activity ?? Number.MAX_SAFE_INTEGER,
        after?.chat_id ?? '',
        limit + 1,
      ),
      { limit, bytes: LIMITS.pageBytes },
      rowSize,
    );
    const last = rows.at(-1);
    return {
      items: rows.map((row) => row.item),
      next: more && last !== undefined ? { activity: last.activity, chat_id: last.chat_id } : null,
    };
  }

  /** Conversations that the inbox has a row of, by id, after an id. */
  chatIds(after: string, limit: number): string[] {
    if (!this.#ready) return [];
    return this.sql
      .exec<{ chat_id: string }>('SELECT chat_id FROM chats WHERE chat_id > ? ORDER BY chat_id LIMIT ?', after, limit)
      .toArray()
      .map((row) => row.chat_id);
  }

  /** The user's conversations, latest activity first. */
  latest(limit: number): string[] {
    if (!this.#ready) return [];
    return this.sql
      .exec<{ chat_id: string }>(
        'SELECT chat_id FROM chats WHERE gone IS NULL ORDER BY activity DESC, chat_id DESC LIMIT ?',
        limit,
      )
      .toArray()
      .map((row) => row.chat_id);
  }

  /** Conversations whose rooms wait for a look. */
  stale(): string[] {
    if (!this.#ready) return [];
    return this.sql
      .exec<{ chat_id: string }>('SELECT chat_id FROM chats WHERE stale = 1')
      .toArray()
      .map((row) => row.chat_id);
  }

  /** The other people of the user's Singles, latest activity first. */
  peers(limit: number): string[] {
    if (!this.#ready) return [];
    return this.sql
      .exec<{ peer_id: string }>(
        'SELECT peer_id FROM chats WHERE peer_id IS NOT NULL AND gone IS NULL ORDER BY activity DESC LIMIT ?',
        limit,
      )
      .toArray()
      .map((row) => row.peer_id);
  }

  /** The user shares a Single with this one. */
  knows(peer: string): boolean {
    if (!this.#ready) return false;
    return this.sql.exec('SELECT 1 FROM chats WHERE peer_id = ? AND gone IS NULL LIMIT 1', peer).toArray().length > 0;
  }

  fact(key: string): string | undefined {
    if (!this.#ready) return undefined;
    return this.sql.exec<{ value: string }>('SELECT value FROM meta WHERE key = ?', key).toArray()[0]?.value;
  }

  setFact(key: string, value: string): void {
    this.prepare();
    this.sql.exec('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
  }

  #peerOf(item: ChatListItem | null): string | null {
    if (item?.type !== 'Single') return null;
    return item.peer_ids?.find((id) => id !== this.#owner) ?? null;
  }

  #open(): void {
    migrate(this.#storage, INBOX_MIGRATIONS);
    this.#ready = true;
    this.#pos = this.sql
      .exec<{ pos: number }>(
        `SELECT max(coalesce((SELECT max(pos) FROM chats), 0), coalesce((SELECT max(pos) FROM items), 0),
           coalesce((SELECT max(pos) FROM notifications), 0)) AS pos`,
      )
      .one().pos;
    this.#generation = this.fact('generation') ?? '';
    if (this.#generation === '') {
      this.#generation = randomTag();
      this.setFact('generation', this.#generation);
    }
  }
}
