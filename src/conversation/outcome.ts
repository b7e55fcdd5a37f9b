import { utf8Length } from '../protocol/common.ts';
import { ok, type Result } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { rowsWithin } from '../wire/bounds.ts';
import type { Commit } from './conversation.ts';
import type { EventRow } from './log.ts';

/** What a command did, and what it answers. */
export interface Outcome<T> {
  commit: Commit;
  value: T;
}

/** An answer to a question: nothing has changed. */
export const answer = <T>(value: T): Result<Outcome<T>> => ok({ commit: { events: [], ended: [] }, value });

export const done = <T>(value: T, events: EventRow[], ended: string[] = []): Outcome<T> => ({
  commit: { events, ended },
  value,
});

export interface PageAfter {
  after?: string;
  limit: number;
}
export interface PageOf<T> {
  items: T[];
  next_cursor: string | null;
}

/** A page of rows that were asked for with one more than `limit`. */
export function pageOf<R extends { user_id: string }, T>(
  all: Iterable<R>,
  limit: number,
  item: (row: R) => T,
): PageOf<T> {
  const { rows, more } = rowsWithin(all, { limit, bytes: LIMITS.pageBytes }, (row) => utf8Length(JSON.stringify(row)));
  return { items: rows.map(item), next_cursor: more ? (rows.at(-1)?.user_id ?? null) : null };
}
