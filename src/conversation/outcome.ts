import { ok, type Result } from '../protocol/errors.ts';
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
export function pageOf<R extends { user_id: string }, T>(rows: R[], limit: number, item: (row: R) => T): PageOf<T> {
  const shown = rows.slice(0, limit);
  return { items: shown.map(item), next_cursor: rows.length > limit ? (shown.at(-1)?.user_id ?? null) : null };
}
