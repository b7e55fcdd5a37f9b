import { timestamp } from '../clock.ts';
import { utf8Length } from '../protocol/common.ts';
import { Hole } from '../protocol/events.ts';
import { LIMITS } from '../protocol/limits.ts';
import { Message } from '../protocol/messages.ts';
import { jsonSize, rowsWithin } from '../wire/bounds.ts';
import type { RareTables } from './rare.ts';

/** A row of `events` as it is stored. `extra` is a JSON object with the fields that only this type of event has. */
export interface EventRow {
  readonly seq: number;
  readonly ordinal: number;
  readonly type: string;
  readonly actor_id: string;
  readonly created_at: number;
  readonly client_id: string | null;
  readonly kind: string | null;
  readonly content: string | null;
  readonly extra: string | null;
}

/** A message of the log with what has become of it since (see schema.ts); null: nothing has. */
export interface StatefulRow extends EventRow {
  readonly state: string | null;
}

export type NewEvent = Omit<EventRow, 'seq' | 'ordinal'>;

export interface Page<R extends EventRow = EventRow> {
  rows: R[];
  hasMore: boolean;
  /** Bytes of JSON that the rows take, at most. */
  size: number;
}

/** Ordinals remembered. */
const COUNTED = 1000;

const COLUMNS = 'seq, ordinal, type, actor_id, created_at, client_id, kind, content, extra';
const INSERT = `INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (actor_id, client_id) WHERE client_id IS NOT NULL DO NOTHING`;
const Reason = Hole.shape.reason;
const STATEFUL = `SELECT ${COLUMNS}, state FROM events LEFT JOIN message_state USING (seq)`;
/** Not among those that a reader has deleted for themself. */
const VISIBLE = 'AND seq NOT IN (SELECT seq FROM hidden WHERE user_id = ?)';
const MESSAGES = `${STATEFUL} WHERE type = 'message'`;

/** What a row is called of which only the seq is left. A message keeps its ordinal, and still says that its sender has read. */
const GONE = { message: 'message.gone', change: 'change.gone' } as const;

/**
 * The log of one conversation. Invariants: seq is 1..head without holes; ordinal counts messages; a (sender, client_id)
 * stands in it once. Every method is synchronous, so that the caller's transaction is the transaction.
 */
export class Log {
  readonly #sql: SqlStorage;
  readonly #rare: RareTables;
  #head = 0;
  #messages = 0;
  /** The newest message, once one was appended here. */
  #last: StatefulRow | undefined;
  /** Ordinals that were asked for: who does not read has the same one in each notice. */
  readonly #counted = new Map<number, number>();
  #erased = false;
  #rewritten = 0;

  constructor(sql: SqlStorage, rare: RareTables) {
    this.#sql = sql;
    this.#rare = rare;
    this.reload();
  }

  /** Position of the newest event; 0 when there is none. */
  get head(): number {
    return this.#head;
  }

  /** Messages in the log: the ordinal of the newest one. */
  get messages(): number {
    return this.#messages;
  }

  /** How often events that were in the log have become others: a page that was read at another count may be void. */
  get rewritten(): number {
    return this.#rewritten;
  }

  /** Reads head and ordinal from storage again: after a transaction that was rolled back. */
  reload(): void {
    this.#rewritten += 1;
    this.#last = undefined;
    this.#counted.clear();
    const last = this.#sql
      .exec<{ seq: number; ordinal: number }>('SELECT seq, ordinal FROM events ORDER BY seq DESC LIMIT 1')
      .toArray()[0];
    this.#head = last?.seq ?? 0;
    this.#messages = last?.ordinal ?? 0;
  }

  /** Appends an event at the next seq. null: this (actor, client_id) stands in the log already, and no seq was used. */
  append(event: NewEvent): EventRow | null {
    const seq = this.#head + 1;
    const ordinal = this.#messages + (event.type === 'message' ? 1 : 0);
    const { type, actor_id, created_at, client_id, kind, content, extra } = event;
    const cursor = this.#sql.exec(INSERT, seq, ordinal, type, actor_id, created_at, client_id, kind, content, extra);
    if (cursor.rowsWritten === 0) return null;
    this.#head = seq;
    this.#messages = ordinal;
    const row = { seq, ordinal, type, actor_id, created_at, client_id, kind, content, extra };
    if (type === 'message') this.#last = { ...row, state: null };
    return row;
  }

  byClientId(actor: string, clientId: string): EventRow | undefined {
    return this.#rows(`SELECT ${COLUMNS} FROM events WHERE actor_id = ? AND client_id = ?`, actor, clientId)[0];
  }

  at(seq: number): EventRow | undefined {
    return this.#rows(`SELECT ${COLUMNS} FROM events WHERE seq = ?`, seq)[0];
  }

  /** The message with this seq, in the conversation or in a thread. */
  messageAt(seq: number): StatefulRow | undefined {
    return this.#rows<StatefulRow>(`${STATEFUL} WHERE seq = ? AND type IN ('message', 'thread.reply')`, seq)[0];
  }

  /** Something has become of the message with this seq. */
  touched(seq: number): void {
    if (this.#last?.seq === seq) this.#last = undefined;
  }

  /** Leaves nothing of what a message said but its place and `extra`. */
  silence(seq: number, extra: string): void {
    this.#sql.exec("UPDATE events SET content = '', extra = ? WHERE seq = ?", extra, seq);
    this.#rewrote();
    this.touched(seq);
  }

  /** Leaves nothing of what the message quotes. */
  blankQuote(seq: number): void {
    this.#sql.exec(
      `UPDATE events SET extra = json_set(extra, '$.quote.text', '')
       WHERE seq = ? AND json_extract(extra, '$.quote.text') <> ''`,
      seq,
    );
    this.#rewrote();
    this.touched(seq);
  }

  /** Leaves nothing of an event but its seq: it answers with a reason from now on. */
  gone(seq: number, reason: Hole['reason']): void {
    this.#sql.exec(
      `UPDATE events SET type = CASE WHEN type = 'message' THEN '${GONE.message}' ELSE '${GONE.change}' END, kind = ?,
         content = NULL, extra = NULL WHERE seq = ?`,
      reason,
      seq,
    );
    this.#rewrote();
    this.touched(seq);
  }

  #rewrote(): void {
    this.#erased = true;
    this.#rewritten += 1;
  }

  /** Whether anything was erased since the last call: whoever keeps copies of rows drops them. */
  takeErased(): boolean {
    const erased = this.#erased;
    this.#erased = false;
    return erased;
  }

  /** Messages at or before `seq`. */
  messagesUpTo(seq: number): number {
    if (seq >= this.#head) return this.#messages;
    if (seq <= 0) return 0;
    const counted = this.#counted.get(seq);
    if (counted !== undefined) return counted;
    const ordinal =
      this.#sql.exec<{ ordinal: number }>('SELECT ordinal FROM events WHERE seq = ?', seq).toArray()[0]?.ordinal ?? 0;
    if (this.#counted.size >= COUNTED) this.#counted.clear();
    this.#counted.set(seq, ordinal);
    return ordinal;
  }

  /** The newest message not before `from` that the reader has not deleted for themself. */
  lastMessage(from: number, reader = ''): StatefulRow | undefined {
    if (this.#last !== undefined && this.#last.seq < from) return undefined;
    if (this.#last !== undefined && !this.#isHidden(this.#last.seq, reader)) return this.#last;
    return this.#rows<StatefulRow>(`${MESSAGES} AND seq >= ? ${VISIBLE} ORDER BY seq DESC LIMIT 1`, from, reader)[0];
  }

  /** Events after `after`, ascending, at most `limit` rows and `bytes` of JSON (at least one row). */
  after(after: number, limit: number, bytes = Number.POSITIVE_INFINITY): Page {
    const page = this.#page(
      { limit, bytes },
      `SELECT ${COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
      after,
      limit,
    );
    const last = page.rows.at(-1)?.seq ?? after;
    return { ...page, hasMore: last < this.#head };
  }

  /** The newest events not before `from`, ascending, at most `limit` rows and `bytes` of JSON (at least one row). */
  newest(from: number, limit: number, bytes: number): EventRow[] {
    const query = `SELECT ${COLUMNS} FROM events WHERE seq >= ? ORDER BY seq DESC LIMIT ?`;
    return this.#page({ limit, bytes }, query, from, limit).rows.reverse();
  }

  /**
   * Messages before or after a seq (exclusive), or the newest, ascending; not before `from`. A page of long messages is
   * shorter than `limit`.
   */
  messagePage(
    from: number,
    page: { before?: number; after?: number; limit: number; bytes?: number },
    reader = '',
  ): Page<StatefulRow> {
    const { after, before = Number.MAX_SAFE_INTEGER, limit, bytes = LIMITS.pageBytes } = page;
    const query = `${MESSAGES} AND seq > ? AND seq < ? ${VISIBLE} ORDER BY seq ${after === undefined ? 'DESC' : 'ASC'} LIMIT ?`;
    const place = [Math.max(after ?? 0, from - 1), before, reader, limit + 1] as const;
    const found = this.#page<StatefulRow>({ limit, bytes }, query, ...place);
    return after === undefined ? { ...found, rows: found.rows.reverse() } : found;
  }

  /** The first seq at or after a time, in ms since 1970. Times of a log ascend, but for clocks that were set back. */
  seqAt(time: number): number {
    let [low, high] = [1, this.#head + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.at(middle)?.created_at ?? 0) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Messages after a seq, ascending, those of threads among them. */
  everyMessage(from: number, after: number, limit: number, reader: string): Page<StatefulRow> {
    return this.#page<StatefulRow>(
      { limit, bytes: LIMITS.pageBytes },
      `${STATEFUL} WHERE type IN ('message', 'thread.reply') AND seq >= ? AND seq > ? ${VISIBLE} ORDER BY seq LIMIT ?`,
      from,
      after,
      reader,
      limit + 1,
    );
  }

  /** Replies of a thread that a reader may see, ascending: the newest page, or the one before or after a seq. */
  replyPage(
    root: number,
    from: number,
    page: { before?: number; after?: number; limit: number },
    reader: string,
  ): Page<StatefulRow> {
    const forwards = page.after !== undefined;
    const found = this.#page<StatefulRow>(
      { limit: page.limit, bytes: LIMITS.pageBytes },
      `SELECT ${COLUMNS}, state FROM replies JOIN events USING (seq) LEFT JOIN message_state USING (seq)
       WHERE root = ? AND type IN ('message', 'thread.reply') AND seq >= ? AND seq > ? AND seq < ? ${VISIBLE}
       ORDER BY number ${forwards ? 'ASC' : 'DESC'} LIMIT ?`,
      root,
      from,
      page.after ?? 0,
      page.before ?? Number.MAX_SAFE_INTEGER,
      reader,
      page.limit + 1,
    );
    return forwards ? found : { ...found, rows: found.rows.reverse() };
  }

  #isHidden(seq: number, reader: string): boolean {
    if (reader === '' || !this.#rare.has('hidden')) return false;
    const hidden = this.#sql.exec('SELECT 1 FROM hidden WHERE user_id = ? AND seq = ?', reader, seq);
    return hidden.toArray().length > 0;
  }

  /** The newest message of each sender after `seq`: what sends imply for read marks that are not stored yet. */
  lastSentAfter(seq: number): Map<string, number> {
    const rows = this.#sql
      .exec<{ actor_id: string; seq: number }>(
        "SELECT actor_id, max(seq) AS seq FROM events WHERE seq > ? AND type IN ('message', ?) GROUP BY actor_id",
        seq,
        GONE.message,
      )
      .toArray();
    return new Map(rows.map((row) => [row.actor_id, row.seq]));
  }

  erase(): void {
    this.#rewritten += 1;
    this.#sql.exec('DELETE FROM events');
  }

  #page<R extends EventRow = EventRow>(
    bounds: { limit: number; bytes: number },
    query: string,
    ...bindings: SqlStorageValue[]
  ): Page<R> {
    const cursor = this.#sql.exec<Record<string, SqlStorageValue> & R>(query, ...bindings);
    const { rows, more, size } = rowsWithin(cursor, bounds, rowSize);
    return { rows, hasMore: more, size };
  }

  #rows<R extends EventRow = EventRow>(query: string, ...bindings: SqlStorageValue[]): R[] {
    return this.#sql.exec<Record<string, SqlStorageValue> & R>(query, ...bindings).toArray();
  }
}

/** Names, ids, numbers and times of a message as JSON, at most. */
const FIXED = 320;
/** `mine` at each of the reader's own reactions. */
const OWN = LIMITS.reactionsPerMessage * ',"mine":true'.length;

/** Bytes of JSON that a row takes in a page, at most, be it shown as an event or as a message as it is now. */
export function rowSize({ client_id, content, extra, state }: EventRow & { state?: string | null }): number {
  const said = FIXED + (client_id?.length ?? 0) + jsonSize(content) + utf8Length(extra ?? '');
  return state == null ? said : said + utf8Length(state) + OWN;
}

const tail = (extra: string | null): string => (extra === null ? '}' : `,${extra.slice(1)}`);

/** The event as JSON, written once and shared by every socket and page. Matches `ChatEvent`. */
export function eventJson(row: EventRow): string {
  const base = `{"seq":${row.seq},"type":"${row.type}","actor_id":"${row.actor_id}","created_at":"${timestamp(row.created_at)}"`;
  if (row.type !== 'message' && row.type !== 'thread.reply') return base + tail(row.extra);
  return (
    `${base},"ordinal":${row.ordinal},"client_id":${JSON.stringify(row.client_id)}` +
    `,"kind":"${row.kind}","content":${JSON.stringify(row.content)}${tail(row.extra)}`
  );
}

/** The message as JSON. Matches `Message`. */
export function messageJson(chatId: string, row: EventRow): string {
  return (
    `{"chat_id":"${chatId}","seq":${row.seq},"ordinal":${row.ordinal},"sender_id":"${row.actor_id}"` +
    `,"client_id":${JSON.stringify(row.client_id)},"kind":"${row.kind}","content":${JSON.stringify(row.content)}` +
    `,"created_at":"${timestamp(row.created_at)}"${tail(row.extra)}`
  );
}

/** The message as a value: the one that `messageJson` writes. A text without anything else, as most are, needs no schema. */
export function messageOf(chatId: string, row: EventRow): Message {
  const { seq, ordinal, client_id, actor_id: sender_id, kind, content, extra } = row;
  if (kind === 'text' && extra === null && client_id !== null && content !== null) {
    return {
      chat_id: chatId,
      seq,
      ordinal,
      sender_id,
      client_id,
      kind,
      content,
      created_at: timestamp(row.created_at),
    };
  }
  return Message.parse(JSON.parse(messageJson(chatId, row)));
}

const reasonOf = (row: EventRow): Hole['reason'] | null =>
  row.type === GONE.message || row.type === GONE.change ? Reason.parse(row.kind) : null;

/** Whether what the row said is gone, all of it or all but its place. */
export const isErased = (row: EventRow): boolean =>
  reasonOf(row) !== null || (row.extra?.includes('"recalled":') ?? false);

/** Events as JSON, and the holes between them, neighbours with one reason together. Ascending as the rows are. */
export function eventsAndHoles(rows: EventRow[]): { events: string[]; holes: Hole[] } {
  const events: string[] = [];
  const holes: Hole[] = [];
  for (const row of rows) {
    const reason = reasonOf(row);
    const last = holes.at(-1);
    if (reason === null) events.push(eventJson(row));
    else if (last?.to_seq === row.seq - 1 && last.reason === reason) last.to_seq = row.seq;
    else holes.push({ from_seq: row.seq, to_seq: row.seq, reason });
  }
  return { events, holes };
}

/** What lies before a member's first visible seq answers with a reason. */
export const holesBefore = (after: number, visibleFrom: number): Hole[] =>
  after + 1 < visibleFrom ? [{ from_seq: after + 1, to_seq: visibleFrom - 1, reason: 'before_join' }] : [];
