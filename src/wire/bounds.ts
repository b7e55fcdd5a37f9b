import { utf8Length } from '../protocol/common.ts';
import { LIMITS } from '../protocol/limits.ts';

/*
 * Everything that goes out in parts is bounded by bytes, not by a count of rows alone: what a call between objects carries ends
 * at 32 MiB, and a client or a proxy may take no message on a socket beyond 1 MiB. A part holds at least one row, so that whoever
 * asks gets on; a row is at most some 100 KiB, since it came in a frame of 64.
 */

/** Bytes of rows or frames in one message on a socket: half of what it may have, so that a row more and its envelope fit. */
export const MESSAGE_BYTES = LIMITS.serverMessageBytes / 2;

export interface Bounds {
  limit: number;
  bytes: number;
}

/**
 * The first rows of a query: at most `limit`, and so many that they stay within `bytes`, but at least one. Rows are read one by one,
 * so that a cursor reads no more than it gives. `more`: the query had another row, for which it has to ask for `limit + 1`.
 *
 * @param sizeOf bytes of UTF-8 that a row takes in the answer, at most
 */
export function rowsWithin<R>(
  rows: Iterable<R>,
  { limit, bytes }: Bounds,
  sizeOf: (row: R) => number,
): { rows: R[]; more: boolean; size: number } {
  const taken: R[] = [];
  let size = 0;
  for (const row of rows) {
    const next = sizeOf(row);
    if (taken.length === limit || (size + next > bytes && taken.length > 0)) return { rows: taken, more: true, size };
    size += next;
    taken.push(row);
  }
  return { rows: taken, more: false, size };
}

/** Texts in groups of at most `bytes` each, or of one text. Their order stays. */
export function groupsWithin(texts: readonly string[], bytes: number): string[][] {
  if (fits(texts, bytes - texts.length)) return texts.length === 0 ? [] : [[...texts]];
  const groups: string[][] = [];
  let size = 0;
  for (const text of texts) {
    const next = utf8Length(text) + 1;
    const last = groups.at(-1);
    if (last !== undefined && size + next <= bytes) last.push(text);
    else groups.push([text]);
    size = last !== undefined && size + next <= bytes ? size + next : next;
  }
  return groups;
}

/** Whether texts take at most `bytes` together. Most are so short that they need not be measured. */
export function fits(texts: readonly string[], bytes: number): boolean {
  const units = texts.reduce((size, text) => size + text.length, 0);
  return units * 3 <= bytes || texts.reduce((size, text) => size + utf8Length(text), 0) <= bytes;
}

/** Bytes of a text as JSON. */
export const jsonSize = (text: string | null): number => (text === null ? 4 : utf8Length(JSON.stringify(text)));
