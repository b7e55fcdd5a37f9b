import { rowsWithin } from '../wire/bounds.ts';
import { rowSize, type StatefulRow } from './log.ts';
import { ftsMatch, indexed, parseQuery, type Query } from './words.ts';

/** Messages read into the index in one go; some 50 ms. */
const CHUNK = 2000;
/** For relevance the newest so many matches are weighed against each other. */
const WEIGHED = 2000;
/** Bytes of the snippet of a hit and of its highlights, at most. */
const SNIPPET_BYTES = 2048;

const COLUMNS = 'e.seq, e.ordinal, e.type, e.actor_id, e.created_at, e.client_id, e.kind, e.content, e.extra, m.state';
/** Not what the reader has deleted for themself. */
const VISIBLE = 'AND e.seq NOT IN (SELECT seq FROM hidden WHERE user_id = ?)';
const EVENTS = 'events e LEFT JOIN message_state m ON m.seq = e.seq';

/** What the index knows of a message. */
export interface Entry {
  sender: string;
  kind: string;
  /** Everything in it that is searched. */
  text: string;
  /** It has one. */
  file: boolean;
  link: boolean;
}

export interface Asked {
  q?: string | undefined;
  sender?: string | undefined;
  kind?: string | undefined;
  has?: 'file' | 'link' | undefined;
  /** Milliseconds since 1970: not before, and before. */
  since?: number | undefined;
  until?: number | undefined;
}

export interface Found {
  rows: StatefulRow[];
  /** Matches lie behind the last row. */
  hasMore: boolean;
}

interface Range {
  /** Every message from here on, both ends included, is in the index. */
  from: number;
  through: number;
}

/**
 * The words of one conversation's messages: an FTS5 index beside the log. It is a projection, made when somebody searches for the
 * first time and caught up by each search, so that a message costs nothing in a room where nobody searches. It keeps tokens only, no text; what is found is read
 * from the log, which says what may be shown. Reading in begins with the newest messages.
 */
export class Search {
  readonly #storage: DurableObjectStorage;
  #range: Range | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#load();
  }

  /** Messages have been read in here: the index has to follow what happens to them. */
  get started(): boolean {
    return this.#range !== undefined;
  }

  /** Reads in the next messages. Returns whether all of them up to `head` are in the index. */
  advance(head: number, entryOf: (row: StatefulRow) => Entry | null): boolean {
    try {
      return this.#storage.transactionSync(() => this.#advance(head, entryOf));
    } catch (fault) {
      this.#load();
      throw fault;
    }
  }

  #advance(head: number, entryOf: (row: StatefulRow) => Entry | null): boolean {
    const range = this.#range ?? this.#create(head);
    let next = range;
    if (range.through < head) {
      const rows = this.#messages('e.seq > ? ORDER BY e.seq', range.through);
      next = { ...range, through: rows.length < CHUNK ? head : (rows.at(-1)?.seq ?? head) };
      for (const row of rows) this.#insert(row.seq, entryOf(row));
    } else if (range.from > 1) {
      // The index takes them fastest in ascending order.
      const rows = this.#messages('e.seq < ? ORDER BY e.seq DESC', range.from).reverse();
      next = { ...range, from: rows.length < CHUNK ? 1 : (rows[0]?.seq ?? 1) };
      for (const row of rows) this.#insert(row.seq, entryOf(row));
    }
    if (next !== range) {
      this.#sql.exec('UPDATE search_range SET "from" = ?, through = ?', next.from, next.through);
      this.#range = next;
    }
    return next.from === 1 && next.through === head;
  }

  /** The text of a message has changed, or is gone (null): at once, in the transaction of the change. */
  replace(seq: number, entry: Entry | null): void {
    const range = this.#range;
    if (range === undefined || seq < range.from || seq > range.through) return;
    this.#sql.exec('DELETE FROM search WHERE rowid = ?', seq);
    this.#insert(seq, entry);
  }

  /** Forgets everything: the log was erased. */
  erase(): void {
    if (this.#range === undefined) return;
    this.#sql.exec('DROP TABLE search; DROP TABLE search_range');
    this.#range = undefined;
  }

  /**
   * Messages that match, from `visibleFrom` to before `before`, the newest first; or, weighed by `relevance`, from `offset` on.
   * Empty when the query has no word and no filter.
   */
  find(
    asked: Asked,
    page: {
      reader: string;
      visibleFrom: number;
      before: number;
      limit: number;
      bytes: number;
      relevance: boolean;
      offset: number;
    },
  ): Found {
    const match = matchOf(asked, parseQuery(asked.q ?? ''));
    if (match === undefined || this.#range === undefined) return { rows: [], hasMore: false };
    const times = [asked.since ?? 0, asked.until ?? Number.MAX_SAFE_INTEGER] as const;
    const limit = page.limit + 1;
    const found = page.relevance
      ? this.#cursor(
          `SELECT ${COLUMNS} FROM (
             SELECT rowid AS hit, bm25(search, 1.0, 0.0) AS score FROM search
             WHERE search MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ${WEIGHED}
           ) JOIN events e ON e.seq = hit LEFT JOIN message_state m ON m.seq = hit
           WHERE e.type IN ('message', 'thread.reply') AND e.created_at >= ? AND e.created_at < ? ${VISIBLE}
           ORDER BY score, e.seq DESC LIMIT ? OFFSET ?`,
          match,
          page.visibleFrom,
          page.before,
          ...times,
          page.reader,
          limit,
          page.offset,
        )
      : this.#cursor(
          `SELECT ${COLUMNS} FROM search CROSS JOIN events e ON e.seq = search.rowid LEFT JOIN message_state m ON m.seq = e.seq
           WHERE search MATCH ? AND search.rowid >= ? AND search.rowid < ?
             AND e.type IN ('message', 'thread.reply') AND e.created_at >= ? AND e.created_at < ? ${VISIBLE}
           ORDER BY search.rowid DESC LIMIT ?`,
          match,
          page.visibleFrom,
          page.before,
          ...times,
          page.reader,
          limit,
        );
    const { rows, more } = rowsWithin(found, page, (row) => rowSize(row) + SNIPPET_BYTES);
    return { rows, hasMore: more };
  }

  #load(): void {
    const exists = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'search_range'").toArray().length > 0;
    this.#range = exists
      ? this.#sql.exec<Record<string, SqlStorageValue> & Range>('SELECT "from", through FROM search_range').toArray()[0]
      : undefined;
  }

  #create(head: number): Range {
    this.#sql.exec(`
      CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5(
        words, facets, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
      );
      CREATE TABLE IF NOT EXISTS search_range ("from" INTEGER NOT NULL, through INTEGER NOT NULL) STRICT`);
    const range = { from: head + 1, through: head };
    this.#sql.exec('INSERT INTO search_range VALUES (?, ?)', range.from, range.through);
    this.#range = range;
    return range;
  }

  #insert(seq: number, entry: Entry | null): void {
    if (entry === null) return;
    const { text } = entry;
    this.#sql.exec('INSERT INTO search (rowid, words, facets) VALUES (?, ?, ?)', seq, indexed(text), facetsOf(entry));
  }

  #messages(where: string, seq: number): StatefulRow[] {
    return this.#cursor(
      `SELECT ${COLUMNS} FROM ${EVENTS} WHERE e.type IN ('message', 'thread.reply') AND ${where} LIMIT ${CHUNK}`,
      seq,
    ).toArray();
  }

  #cursor(query: string, ...bindings: SqlStorageValue[]) {
    return this.#sql.exec<Record<string, SqlStorageValue> & StatefulRow>(query, ...bindings);
  }

  get #sql(): SqlStorage {
    return this.#storage.sql;
  }
}

/** A user's id as one token. */
const senderToken = (id: string): string => `u${id.slice(id.indexOf('_') + 1)}`;

/** What a message is filtered by, as tokens of their own column. */
function facetsOf({ sender, kind, file, link }: Entry): string {
  const facets = [senderToken(sender), `k${kind}`];
  if (file) facets.push('hasfile');
  if (link) facets.push('haslink');
  return facets.join(' ');
}

function matchOf({ sender, kind, has }: Asked, query: Query): string | undefined {
  const parts: string[] = [];
  const words = ftsMatch(query);
  if (words !== undefined) parts.push(`words : ${words}`);
  const facets = [
    ...(sender === undefined ? [] : [senderToken(sender)]),
    ...(kind === undefined ? [] : [`k${kind}`]),
    ...(has === undefined ? [] : [`has${has}`]),
  ];
  if (facets.length > 0) parts.push(`facets : (${facets.map((facet) => `"${facet}"`).join(' AND ')})`);
  return parts.length === 0 ? undefined : parts.join(' AND ');
}
