import type { EventLine, Line, MessageLine } from '../core/protocol.ts';
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
const seqOf = (line: Line): number | null => (line.type === 'message' ? line.message.seq : line.event.seq);

function together(a: Line | undefined, b: Line | undefined): boolean {
  if (a?.type !== 'message' || b?.type !== 'message') return false;
  if (a.message.sender_id !== b.message.sender_id) return false;
  const [from, to] = [a.message.created_at, b.message.created_at];
  return Date.parse(to) - Date.parse(from) < BLOCK && sameDay(from, to);
}

/**
 * Rows are made anew only where a line or its surroundings have changed: the others stay the same objects.
 *
 * @param self the user's own id: what they wrote themselves is never unread
 */
export function rowsOf(
  lines: readonly Line[],
  unreadAfter: number | undefined,
  self: string,
  before: ReadonlyMap<string, Row>,
): Row[] {
  let marked = unreadAfter === undefined;
  return lines.map((line, i) => {
    const [previous, next] = [lines[i - 1], lines[i + 1]];
    const at = timeOf(line);
    const newDay = previous === undefined || !sameDay(timeOf(previous), at);
    const unread =
      !marked && line.type === 'message' && line.message.sender_id !== self && (seqOf(line) ?? 0) > (unreadAfter ?? 0);
    if (unread) marked = true;
    const row: Row = {
      line,
      key: line.key,
      at,
      day: newDay ? dayTitle(at) : undefined,
      unread,
      first: unread || !together(previous, line),
      last: !together(line, next),
    };
    const held = before.get(row.key);
    const same =
      held?.line === line &&
      held.day === row.day &&
      held.unread === unread &&
      held.first === row.first &&
      held.last === row.last;
    return same ? held : row;
  });
}

export const isMessage = (line: Line | EventLine): line is MessageLine => line.type === 'message';
