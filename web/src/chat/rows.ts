import type { Line } from '../core/protocol.ts';
import { difference } from '../core/splice.ts';
import { dayTitle, sameDay } from '../i18n/times.ts';

/** Messages of one sender that follow each other within this time are drawn as one block; ms. */
const BLOCK = 5 * 60_000;

/** A line with what its place among the others adds to it. */
export interface Row {
  readonly line: Line;
  readonly key: string;
  readonly at: string;
  /** The day begins here. */
  readonly day: string | undefined;
  /** The first one that was unread when the conversation was opened. */
  readonly unread: boolean;
  readonly first: boolean;
  readonly last: boolean;
}

const timeOf = (line: Line): string => (line.type === 'message' ? line.message.created_at : line.event.created_at);

function together(a: Line | undefined, b: Line | undefined): boolean {
  if (a?.type !== 'message' || b?.type !== 'message') return false;
  if (a.message.sender_id !== b.message.sender_id) return false;
  const [from, to] = [a.message.created_at, b.message.created_at];
  return Date.parse(to) - Date.parse(from) < BLOCK && sameDay(from, to);
}

/** Rows with what they were made of. */
export interface Rows {
  readonly lines: readonly Line[];
  readonly unread: string | undefined;
  readonly rows: readonly Row[];
}

/** The first message of somebody else after `seq`: the one that was unread when the conversation was opened. */
export function firstUnread(lines: readonly Line[], seq: number, self: string): string | undefined {
  return lines.find(
    (line) => line.type === 'message' && line.message.sender_id !== self && (line.message.seq ?? 0) > seq,
  )?.key;
}

/**
 * Makes rows of lines. Where lines and their neighbours are those of before, the rows are too: a page that is joined on
 * to ten thousand lines costs no more than one that is joined on to ten.
 *
 * @param unread key of the line before which the mark stands
 */
export function rowsOf(lines: readonly Line[], unread: string | undefined, before?: Rows): Rows {
  const splice = before?.unread === unread ? difference(before?.lines ?? [], lines) : undefined;
  if (before !== undefined && before.unread === unread && splice === undefined) return before;
  if (before === undefined || splice === undefined) {
    return { lines, unread, rows: lines.map((_, i) => rowAt(lines, i, unread)) };
  }
  // The rows on both sides of what was replaced have other neighbours now.
  const from = Math.max(0, splice.start - 1);
  const upto = Math.min(lines.length, splice.start + splice.insert.length + 1);
  const made = lines.slice(from, upto).map((_, i) => rowAt(lines, from + i, unread));
  const kept = before.rows.length - (lines.length - upto);
  return { lines, unread, rows: [...before.rows.slice(0, from), ...made, ...before.rows.slice(kept)] };
}

function rowAt(lines: readonly Line[], i: number, unread: string | undefined): Row {
  const line = lines[i];
  if (line === undefined) throw new RangeError(`there is no line ${i}`);
  const [previous, next] = [lines[i - 1], lines[i + 1]];
  const at = timeOf(line);
  const marked = line.key === unread;
  return {
    line,
    key: line.key,
    at,
    day: previous === undefined || !sameDay(timeOf(previous), at) ? dayTitle(at) : undefined,
    unread: marked,
    first: marked || !together(previous, line),
    last: !together(line, next),
  };
}
