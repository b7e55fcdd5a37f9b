import { type Clock, timestamp } from '../clock.ts';
import type { Json, Notice } from '../conversation/api.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { Contact } from '../protocol/friends.ts';
import { LIMITS } from '../protocol/limits.ts';
import {
  type NotificationPage,
  NotificationRow,
  NotificationState,
  type ReadNotifications,
} from '../protocol/notifications.ts';
import { Workspace } from '../protocol/workspaces.ts';
import { DELETION_GRACE_MS } from '../workspaces/grace.ts';
import type { Item } from './items.ts';
import { type ChatRecord, wanted } from './rows.ts';
import type { NotificationRecord, Timeline } from './timeline.ts';

/**
 * While a device listens, a Single is read as a rule as soon as something comes: it has to stay unread for so long, in ms, to
 * be notified. So a message that is read at once costs no row here.
 */
const DM_WAIT_MS = 2000;
/** Conversations, people and workspaces whose rows are kept in memory. */
const SUBJECTS_KEPT = 100;

/** How far the user has dealt with a notification. */
const LEVEL = { fresh: 0, read: 1, removed: 2 } as const;
const LEVELS = 3;

/**
 * The version of a notification: which occurrence of its kind it is about (a seq, a time), then how far the user has dealt
 * with that. The higher one holds, so that what is told twice, late or in another order ends the same.
 */
const versionOf = (occurrence: number, level: number = LEVEL.fresh): number => occurrence * LEVELS + level;
const occurrenceOf = ({ version }: NotificationRecord): number => Math.floor(version / LEVELS);
const levelOf = ({ version }: NotificationRecord): number => version - LEVELS * Math.floor(version / LEVELS);
const isUnread = (row: NotificationRecord): boolean => row.value !== null && levelOf(row) === LEVEL.fresh;

type Fields = NotificationRow extends infer Row
  ? Row extends NotificationRow
    ? Omit<Row, 'id' | 'at' | 'read_at'>
    : never
  : never;

/** One that happened. `at` in ms since 1970; of one occurrence that is told more than once the earliest holds. */
interface Happened {
  id: string;
  occurrence: number;
  at: number;
  fields: Fields;
  read?: boolean;
}

/** A notification as D1 tells it. `occurrence` is of the change that it is about: told again, it is the same. */
export const notificationItem = (id: string, occurrence: number, at: number, fields: Fields): Item => ({
  kind: 'notification',
  id,
  version: versionOf(occurrence),
  value: NotificationRow.parse({ id, at: timestamp(at), read_at: null, ...fields }),
});

const subjectOf = (id: string): string => id.slice(0, id.indexOf('.'));
/** The message that a mention is about; NaN for other rows. */
const seqOf = (id: string): number => Number(id.slice(id.indexOf('.') + 1));
const parsed = ({ value }: NotificationRecord): NotificationRow | null =>
  value === null ? null : NotificationRow.parse(JSON.parse(value));
/** What the system says, as far as it says nothing. */
export const SYSTEM = {
  kind: 'system',
  chat_id: null,
  workspace_id: null,
  actor_id: null,
  role: null,
  device: null,
} as const;

/**
 * The user's notifications: rows of the timeline. What rooms and D1 tell makes them, marks them as read, and takes them away
 * again; none of it counts anything up or down, so that telling it twice or in another order ends the same. They are as many as
 * `LIMITS.notifications`: what is older is dropped, and one row says up to when.
 */
export class Notifications {
  readonly #timeline: Timeline;
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #stored: (rows: { row: string; change: string | null }[]) => void;
  readonly #subjects = new Map<string, Map<string, NotificationRecord>>();
  /** Singles that have something unread since a moment ago. */
  readonly #waiting = new Map<string, Happened>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changes: { row: string; change: string | null }[] = [];
  #state: NotificationState | undefined;
  #count: number | undefined;
  #caughtUp = false;

  /** @param stored called with the changes of rows that were stored together */
  constructor(
    timeline: Timeline,
    owner: string,
    clock: Clock,
    stored: (rows: { row: string; change: string | null }[]) => void,
  ) {
    this.#timeline = timeline;
    this.#owner = owner;
    this.#clock = clock;
    this.#stored = stored;
  }

  /** A room has told how things are: `record` is the row that this made of `before`. */
  heard(notice: Notice, record: ChatRecord, before: ChatRecord | undefined, listening: boolean): void {
    if (before !== undefined && before.epoch !== record.epoch) this.#anew(record.chat_id);
    if (before?.member_seq !== notice.member_seq || before?.gone !== record.gone) this.#place(notice, record);
    if (record.item === null) {
      this.#lose(record.chat_id);
    } else {
      this.#mentions(notice, record);
      if (record.item.type === 'Single') this.#direct(notice, record, listening);
    }
    this.#flush();
  }

  /** The conversation is no more. */
  forget(chatId: string): void {
    this.#lose(chatId);
    const place = this.#row(`${chatId}.place`);
    if (place !== undefined) this.#withdraw(place);
    this.#flush();
  }

  /** A row of another kind was stored, or D1 tells of a notification. */
  took(item: Item): void {
    if (item.kind === 'contact') this.#person(item.id);
    else if (item.kind === 'workspace') this.#workspace(item.id);
    else if (item.kind === 'notification' && item.value !== null) this.#told(item.version, item.value);
    this.#flush();
  }

  /** Singles that were unread when this object ended, before their time had come. */
  catchUp(): void {
    if (this.#caughtUp || !this.#timeline.written) return;
    this.#caughtUp = true;
    const unread = this.#timeline.sql
      .exec<{ chat_id: string }>(
        `SELECT chat_id FROM chats WHERE peer_id IS NOT NULL AND gone IS NULL AND item ->> '$.unread' > 0`,
      )
      .toArray();
    for (const { chat_id } of unread) {
      const item = this.#timeline.get(chat_id)?.item;
      if (item == null || this.#waiting.has(chat_id) || wanted(item) !== 'all') continue;
      const news = this.#news(chat_id, item.peer_ids, item.read_seq, item.last_message);
      if (news !== undefined) this.#happened(news);
    }
    this.#flush();
  }

  list({ cursor, limit }: { cursor?: string; limit: number }): Result<Json<NotificationPage>> {
    const key = cursor === undefined ? undefined : /^(\d{1,15})~([\w.]{1,64})$/.exec(cursor);
    if (key === null) return refuse('invalid', 'cursor: not a cursor of this list');
    const rows = !this.#timeline.written
      ? []
      : this.#timeline.sql
          .exec<{ id: string; at: number; value: string }>(
            `SELECT id, at, value FROM notifications WHERE value IS NOT NULL AND (at, id) < (?, ?)
             ORDER BY at DESC, id DESC LIMIT ?`,
            key === undefined ? Number.MAX_SAFE_INTEGER : Number(key[1]),
            key?.[2] ?? '',
            limit + 1,
          )
          .toArray();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last !== undefined ? `"${last.at}~${last.id}"` : 'null';
    return ok(
      `{"items":[${page.map(({ value }) => value).join(',')}],"next_cursor":${next},"unread":${this.#unread().length}` +
        `,"unread_dropped":${this.state.unread_dropped}}`,
    );
  }

  read(which: ReadNotifications): Result<null> {
    if ('all' in which) {
      this.#markAll(this.#unread());
      if (this.state.unread_dropped > 0) this.#become({ ...this.state, unread_dropped: 0 });
    } else {
      const row = this.#row('id' in which ? which.id : which.through);
      if (row === undefined) return NONE;
      const older = ({ at, id }: NotificationRecord) => at < row.at || (at === row.at && id <= row.id);
      this.#markAll('id' in which ? [row] : this.#unread().filter(older));
    }
    this.#flush();
    return ok(null);
  }

  remove(id: string): Result<null> {
    const row = this.#row(id);
    if (row === undefined) return NONE;
    if (levelOf(row) < LEVEL.removed) {
      this.#write({ ...row, version: versionOf(occurrenceOf(row), LEVEL.removed), value: null });
    }
    this.#flush();
    return ok(null);
  }

  removeAll(): void {
    this.#waiting.clear();
    const newest = this.#one('SELECT max(at) AS n FROM notifications');
    if (newest !== null) this.#drop(newest, 0);
    else if (this.state.unread_dropped > 0) this.#become({ ...this.state, unread_dropped: 0 });
    this.#flush();
  }

  get state(): NotificationState {
    if (this.#state === undefined) {
      const stored = this.#timeline.itemAt('notification_state', 'me')?.value ?? null;
      this.#state =
        stored === null ? { gone_through: null, unread_dropped: 0 } : NotificationState.parse(JSON.parse(stored));
    }
    return this.#state;
  }

  /** How somebody else gave the user a place in a conversation, or took it. The user's own leaving ends what was said of it. */
  #place({ chat, member, gone, member_seq, placed }: Notice, record: ChatRecord): void {
    const id = `${chat.id}.place`;
    const of = { id, occurrence: member_seq };
    if (gone === 'deleted' || (gone !== undefined && placed === undefined)) {
      const before = this.#row(id);
      const version = versionOf(member_seq, LEVEL.removed);
      if (before !== undefined && before.version >= version) return;
      this.#write({ id, version, at: before?.at ?? this.#clock(), value: null });
    } else if (placed === undefined || (record.gone === 'deleted' && gone === undefined)) {
      return;
    } else if (placed.how === 'joined') {
      const { at, by: actor_id } = placed;
      this.#happened({ ...of, at, fields: { kind: 'invitation', chat_id: chat.id, workspace_id: null, actor_id } });
    } else {
      const { at, by: actor_id } = placed;
      const what =
        placed.how === 'role'
          ? ({ event: 'role', role: member?.role ?? null } as const)
          : ({ event: 'removed' } as const);
      this.#happened({ ...of, at, fields: { ...SYSTEM, chat_id: chat.id, actor_id, ...what } });
    }
  }

  /** What a message of the conversation, or a Single, made. */
  #lose(chatId: string): void {
    this.#waiting.delete(chatId);
    for (const row of this.#of(chatId).values()) if (!row.id.endsWith('.place')) this.#withdraw(row);
  }

  /** The conversation's history is another one: its seqs are about other messages. */
  #anew(chatId: string): void {
    this.#waiting.delete(chatId);
    for (const row of this.#of(chatId).values()) this.#write({ ...row, version: -1, value: null });
  }

  /** The room names the newest mentions that there are: others are gone, recalled or expired. What was read, is read. */
  #mentions(notice: Notice, { chat_id, item, member_seq }: ChatRecord): void {
    if (item === null) return;
    const rows = this.#of(chat_id);
    if (rows.size === 0 && notice.mentioned === undefined) return;
    const isLatest =
      notice.member !== null &&
      notice.member_seq === member_seq &&
      notice.chat.head_seq === item.head_seq &&
      (notice.hidden ?? 0) === item.hidden;
    if (isLatest) {
      const listed = new Set(notice.mentioned?.map(({ seq }) => seq));
      for (const row of rows.values()) {
        const seq = seqOf(row.id);
        if (!Number.isNaN(seq) && !listed.has(seq)) this.#withdraw(row);
      }
      const quiet = wanted(item) === 'none';
      for (const { seq, at, ...ref } of notice.mentioned ?? []) {
        const id = `${chat_id}.${seq}`;
        if (quiet || rows.get(id)?.value != null) continue;
        this.#happened({
          id,
          occurrence: 0,
          at,
          fields: { kind: 'mention', chat_id, seq, ...ref },
          read: seq <= item.read_seq,
        });
      }
    }
    this.#markAll([...rows.values()].filter((row) => isUnread(row) && seqOf(row.id) <= item.read_seq));
  }

  /** A Single went from read to unread, or was read. Each time that it is read begins another occurrence. */
  #direct(notice: Notice, { chat_id, item }: ChatRecord, listening: boolean): void {
    if (item === null) return;
    const id = `${chat_id}.dm`;
    const { member, messages, last_message } = notice;
    const isUnread = member !== null && messages > member.read_messages && wanted(item) === 'all';
    const news = isUnread ? this.#news(chat_id, item.peer_ids, member.read_seq, last_message) : undefined;
    if (news !== undefined && !isKnown(this.#row(id), news) && !isKnown(this.#waiting.get(chat_id), news)) {
      if (listening && news.occurrence === item.read_seq) this.#wait(chat_id, news);
      else this.#happened({ ...news, read: news.occurrence < item.read_seq });
    }
    const row = this.#row(id);
    if (row !== undefined && occurrenceOf(row) < item.read_seq) this.#markAll([row]);
    if ((this.#waiting.get(chat_id)?.occurrence ?? item.read_seq) < item.read_seq) this.#waiting.delete(chat_id);
  }

  #wait(chatId: string, news: Happened): void {
    this.#waiting.set(chatId, news);
    this.#timer ??= setTimeout(() => this.#settle(), DM_WAIT_MS);
  }

  #news(
    chat_id: string,
    people: readonly string[] | undefined,
    occurrence: number,
    last: Notice['last_message'],
  ): Happened | undefined {
    const actor_id = people?.find((id) => id !== this.#owner);
    if (last === null || last.sender_id === this.#owner || actor_id === undefined) return undefined;
    const at = Date.parse(last.created_at);
    return { id: `${chat_id}.dm`, occurrence, at, fields: { kind: 'dm', chat_id, actor_id } };
  }

  /** What has stayed unread for a moment is notified. */
  #settle(): void {
    this.#timer = undefined;
    for (const news of this.#waiting.values()) this.#happened(news);
    this.#waiting.clear();
    this.#flush();
  }

  #person(id: string): void {
    const stored = this.#timeline.itemAt('contact', id)?.value ?? null;
    const contact = stored === null ? null : Contact.parse(JSON.parse(stored));
    if (contact?.state === 'received' && contact.request !== null) {
      const at = Date.parse(contact.request.created_at);
      this.#happened({ id: `${id}.friend`, occurrence: at, at, fields: { kind: 'friend_request', actor_id: id } });
      return;
    }
    const row = this.#row(`${id}.friend`);
    const holds = row?.value != null && parsed(row)?.kind === 'friend_accepted' && contact?.state === 'friend';
    if (row !== undefined && !holds) this.#withdraw(row);
  }

  #workspace(id: string): void {
    const stored = this.#timeline.itemAt('workspace', id)?.value ?? null;
    const workspace = stored === null ? null : Workspace.parse(JSON.parse(stored));
    const deletion = this.#row(`${id}.deletion`);
    if (workspace?.deleting_at != null) {
      const fields = { ...SYSTEM, event: 'workspace_deletion', workspace_id: id } as const;
      const occurrence = Date.parse(workspace.deleting_at);
      this.#happened({ id: `${id}.deletion`, occurrence, at: occurrence - DELETION_GRACE_MS, fields });
    } else if (deletion !== undefined) {
      this.#withdraw(deletion);
    }
    const place = this.#row(`${id}.place`);
    const value = place === undefined ? null : parsed(place);
    const stays = workspace !== null || (value?.kind === 'system' && value.event === 'removed');
    if (place !== undefined && !stays) this.#withdraw(place);
  }

  #told(version: number, { id, at, read_at: _, ...fields }: NotificationRow): void {
    // Who became a friend may be none any more.
    if (fields.kind === 'friend_accepted' && !this.#timeline.contact(fields.actor_id).friend) return;
    this.#happened({ id, occurrence: Math.floor(version / LEVELS), at: Date.parse(at), fields });
  }

  #happened({ id, occurrence, at, fields, read = false }: Happened): void {
    const { gone_through } = this.state;
    if (gone_through !== null && at <= Date.parse(gone_through)) return;
    const before = this.#row(id);
    const same = before !== undefined && occurrenceOf(before) === occurrence;
    if (before !== undefined && (same ? levelOf(before) === LEVEL.removed : occurrenceOf(before) > occurrence)) return;
    const level = Math.max(same ? levelOf(before) : LEVEL.fresh, read ? LEVEL.read : LEVEL.fresh);
    const first = same ? Math.min(before.at, at) : at;
    const known = same ? parsed(before) : null;
    const read_at = level === LEVEL.read ? (known?.read_at ?? timestamp(this.#clock())) : null;
    const value = JSON.stringify(NotificationRow.parse({ id, at: timestamp(first), read_at, ...fields }));
    const version = versionOf(occurrence, level);
    if (before?.value !== value || before.version !== version) this.#write({ id, version, at: first, value });
  }

  #markAll(rows: readonly NotificationRecord[]): void {
    const unread = rows.filter(isUnread);
    if (unread.length === 0) return;
    const read_at = timestamp(this.#clock());
    for (const row of unread) {
      const value = JSON.stringify({ ...parsed(row), read_at });
      this.#write({ ...row, version: versionOf(occurrenceOf(row), LEVEL.read), value });
    }
  }

  /** It is not so any more. Should it be so again, the row comes back as it was. */
  #withdraw(row: NotificationRecord): void {
    if (row.value !== null) this.#write({ ...row, value: null });
  }

  #write(row: NotificationRecord): void {
    const rows = this.#of(subjectOf(row.id));
    if (this.#count !== undefined && !rows.has(row.id)) this.#count += 1;
    this.#changes.push({ row: `notification/${row.id}`, change: this.#timeline.putNotification(row) });
    rows.set(row.id, row);
  }

  /** The rows about a conversation, a person or a workspace, by id. */
  #of(subject: string): Map<string, NotificationRecord> {
    const kept = this.#subjects.get(subject);
    if (kept !== undefined) return kept;
    if (this.#subjects.size >= SUBJECTS_KEPT) this.#subjects.clear();
    const rows = new Map(this.#timeline.notifications(`${subject}.`).map((row) => [row.id, row]));
    this.#subjects.set(subject, rows);
    return rows;
  }

  #row(id: string): NotificationRecord | undefined {
    return this.#of(subjectOf(id)).get(id);
  }

  #unread(): NotificationRecord[] {
    return this.#timeline.notifications('').filter(isUnread);
  }

  /** Tells of what was stored, after the oldest have gone that are too many. */
  #flush(): void {
    if (this.#changes.length === 0) return;
    this.#count ??= this.#one('SELECT count(*) AS n FROM notifications') ?? 0;
    if (this.#count > LIMITS.notifications) {
      const last = `SELECT at AS n FROM notifications ORDER BY at DESC LIMIT 1 OFFSET ${LIMITS.notifications}`;
      const through = this.#one(last) ?? 0;
      const unread = this.#unread().filter(({ at }) => at <= through).length;
      this.#drop(through, this.state.unread_dropped + unread);
    }
    const changes = this.#changes;
    this.#changes = [];
    this.#stored(changes);
  }

  #drop(through: number, unread_dropped: number): void {
    this.#timeline.sql.exec('DELETE FROM notifications WHERE at <= ?', through);
    this.#subjects.clear();
    this.#count = undefined;
    // Stored after the rows are gone: its position is the highest there was.
    this.#become({ gone_through: timestamp(through), unread_dropped });
  }

  #become(state: NotificationState): void {
    this.#state = state;
    const version = (this.#timeline.itemAt('notification_state', 'me')?.version ?? 0) + 1;
    const value = JSON.stringify(NotificationState.parse(state));
    const change = this.#timeline.putItem({ kind: 'notification_state', id: 'me', version, value });
    this.#changes.push({ row: 'notification_state/me', change });
  }

  #one(query: string): number | null {
    if (!this.#timeline.written) return null;
    return this.#timeline.sql.exec<{ n: number | null }>(query).toArray()[0]?.n ?? null;
  }
}

const NONE = refuse('not_found', 'you have no such notification');

/** The same occurrence, or a later one, is known, and not as later than it was. */
function isKnown(known: NotificationRecord | Happened | undefined, news: Happened): boolean {
  if (known === undefined) return false;
  const occurrence = 'occurrence' in known ? known.occurrence : occurrenceOf(known);
  return occurrence > news.occurrence || (occurrence === news.occurrence && known.at <= news.at);
}
