import { z } from 'zod';
import type { RareTables } from './rare.ts';
import { RECEIPTS_PUSHED_UP_TO, TIER_LIMITS } from './tiers.ts';

/** Watermarks of one member. */
export interface Marked {
  readonly user_id: string;
  readonly read_seq: number;
  readonly delivered_seq: number;
}

const Stored = z.record(z.string(), z.tuple([z.int(), z.int()]));
type Part = Map<string, readonly [read: number, delivered: number]>;

/** The row that all members share; in rooms of more than a few hundred there are several. */
const ALL = 0;
const PARTS = 16;
const partOf = (user: string): number =>
  1 + ((user.charCodeAt(user.length - 1) + 7 * user.charCodeAt(user.length - 2)) % PARTS);

/**
 * Watermarks that moved together, many to a row: where thirty members confirm a message, one row is written and not thirty.
 * They only grow; so those of a member are the greatest that are stored anywhere, here or in the member's own row, and what
 * stands here may be behind that.
 */
export class Marks {
  readonly #sql: SqlStorage;
  readonly #rare: RareTables;
  #held: Map<number, Part> | undefined;

  constructor(sql: SqlStorage, rare: RareTables) {
    this.#sql = sql;
    this.#rare = rare;
  }

  /** The watermarks, where those stored here are greater: these. */
  newest(row: Marked): Marked {
    const parts = this.#parts;
    if (parts.size === 0) return row;
    const { user_id } = row;
    const [read, delivered] = parts.get(ALL)?.get(user_id) ?? [0, 0];
    const [readToo, deliveredToo] = parts.get(partOf(user_id))?.get(user_id) ?? [0, 0];
    return {
      user_id,
      read_seq: Math.max(row.read_seq, read, readToo),
      delivered_seq: Math.max(row.delivered_seq, delivered, deliveredToo),
    };
  }

  /**
   * Stores watermarks of a conversation with so many members. False: it did not, because rows of their own are hardly more; in
   * a huge room too many members would share a row.
   */
  store(rows: readonly Marked[], members: number): boolean {
    if (members > TIER_LIMITS.large) return false;
    const moved = Map.groupBy(rows, ({ user_id }) => (members > RECEIPTS_PUSHED_UP_TO ? partOf(user_id) : ALL));
    if (rows.length <= moved.size * 2) return false;
    this.#rare.write('marks');
    for (const [key, list] of moved) {
      const part: Part = this.#parts.get(key) ?? new Map();
      this.#parts.set(key, part);
      for (const { user_id, read_seq, delivered_seq } of list.map((row) => this.newest(row))) {
        part.set(user_id, [read_seq, delivered_seq]);
      }
      this.#sql.exec(
        'INSERT INTO marks VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET marks = excluded.marks',
        key,
        JSON.stringify(Object.fromEntries(part)),
      );
    }
    return true;
  }

  /** The user has left: their own row has what is newest. */
  forget(user: string): void {
    for (const part of [ALL, partOf(user)]) this.#parts.get(part)?.delete(user);
  }

  get #parts(): Map<number, Part> {
    this.#held ??= new Map(
      this.#rare.has('marks')
        ? this.#sql
            .exec<{ part: number; marks: string }>('SELECT part, marks FROM marks')
            .toArray()
            .map(({ part, marks }) => [part, new Map(Object.entries(Stored.parse(JSON.parse(marks))))])
        : [],
    );
    return this.#held;
  }
}
