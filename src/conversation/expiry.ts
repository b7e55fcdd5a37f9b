import { eraseTraces } from './changes.ts';
import type { Commit, Conversation } from './conversation.ts';

/** Messages that go with one event. */
const AT_ONCE = 500;

/**
 * Erases messages whose time has come: their rows in the log, and all that was said in them or of them. One event tells it, so that
 * who holds the log loses them too. Marks and ordinals do not move.
 */
export function expire(conversation: Conversation, now: number): Commit {
  const { sql, log, states, timers } = conversation;
  const nothing: Commit = { events: [], ended: [] };
  if (!conversation.exists) return nothing;
  const due = sql
    .exec<{ seq: number }>('SELECT seq FROM expiring WHERE at <= ? ORDER BY at, seq LIMIT ?', now, AT_ONCE)
    .toArray()
    .map((row) => row.seq);
  if (due.length === 0) return nothing;
  // A thread goes with the message that it is about.
  const replies = sql
    .exec<{ seq: number }>(
      `SELECT seq FROM json_each(?) AS due JOIN replies ON replies.root = due.value JOIN events USING (seq)
       WHERE events.type = 'thread.reply'`,
      JSON.stringify(due),
    )
    .toArray()
    .map((row) => row.seq);
  const targets = [...new Set([...due, ...replies])].sort((a, b) => a - b);
  const commit = conversation.transaction(() => {
    for (const seq of targets) {
      const message = states.at(seq);
      if (message === undefined) continue;
      eraseTraces(conversation, message, 'expired');
      states.forget(seq);
      log.gone(seq, 'expired');
    }
    sql.exec('DELETE FROM expiring WHERE seq IN (SELECT value FROM json_each(?))', JSON.stringify(targets));
    const event = conversation.append(conversation.chat.created_by, 'message.expired', { targets });
    return { events: [event], ended: [] };
  });
  timers.refresh();
  return commit;
}
