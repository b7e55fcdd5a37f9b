import type { HiddenPage } from '../protocol/changes.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Conversation } from './conversation.ts';
import type { MemberRow } from './members.ts';

/*
 * Messages that somebody has deleted for themself. They are numbered for each user: a device that knows the first n asks for those
 * behind n, and the user's row of the inbox says how many there are.
 */

export const hiddenCount = ({ rare, sql }: Conversation, user: string): number =>
  rare.has('hidden')
    ? sql.exec<{ n: number }>('SELECT coalesce(max(number), 0) AS n FROM hidden WHERE user_id = ?', user).one().n
    : 0;

/** Deletes a message for one member alone. Doing it again changes nothing. */
export function hide(conversation: Conversation, member: MemberRow, seq: number): Result<null> {
  const { log, sql } = conversation;
  if (seq < member.visible_from || log.messageAt(seq) === undefined) {
    return refuse('not_found', `there is no message with seq ${seq}`);
  }
  conversation.transaction(() => {
    conversation.rare.write('hidden');
    const { rowsWritten } = sql.exec(
      'INSERT INTO hidden VALUES (?1, ?2, ?3) ON CONFLICT (user_id, seq) DO NOTHING',
      member.user_id,
      hiddenCount(conversation, member.user_id) + 1,
      seq,
    );
    if (rowsWritten > 0) conversation.owe(member.user_id);
  });
  return ok(null);
}

export function hiddenPage({ sql }: Conversation, member: MemberRow, after: number, limit: number): HiddenPage {
  const rows = sql
    .exec<{ number: number; seq: number }>(
      'SELECT number, seq FROM hidden WHERE user_id = ? AND number > ? ORDER BY number LIMIT ?',
      member.user_id,
      after,
      limit + 1,
    )
    .toArray();
  const items = rows.slice(0, limit);
  return { items: items.map((row) => row.seq), next: items.at(-1)?.number ?? after, has_more: rows.length > limit };
}
