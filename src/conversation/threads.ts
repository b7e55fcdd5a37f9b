import type { AttendThread, FollowedThreads } from '../protocol/changes.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Conversation } from './conversation.ts';
import type { MemberRow } from './members.ts';
import { currentOf, ownReactions } from './state.ts';

/*
 * Who follows which thread, and how far they have read in it. Unread in a thread is arithmetic, as in the conversation: replies
 * are numbered, a mark says up to which number one has read.
 */

/** Replies of a thread, from the index alone. */
const REPLIES = '(SELECT coalesce(max(number), 0) FROM replies WHERE replies.root = follows.root)';
/** Not of a message that the user has deleted for themself. */
const SHOWN = 'root NOT IN (SELECT seq FROM hidden WHERE hidden.user_id = follows.user_id)';
/** Threads in one list. */
const LISTED = 100;

/**
 * Follows a thread, or stops. Whoever begins has read what `read` says; what was read before stays read.
 *
 * @param quietly only who has never said anything about the thread follows it
 */
export function follow(
  conversation: Conversation,
  user: string,
  root: number,
  { following = true, read, quietly = false }: { following?: boolean; read: number; quietly?: boolean },
): void {
  const conflict = quietly
    ? 'DO NOTHING'
    : 'DO UPDATE SET following = excluded.following, read = max(read, excluded.read)';
  conversation.rare.write('follows');
  const { rowsWritten } = conversation.sql.exec(
    `INSERT INTO follows VALUES (?, ?, ?, ?) ON CONFLICT (user_id, root) ${conflict}`,
    user,
    root,
    following ? 1 : 0,
    read,
  );
  if (rowsWritten > 0) conversation.owe(user);
}

/** The seq of the thread's first message if the member may see it; how many replies it has. */
function threadAt({ log, sql }: Conversation, member: MemberRow, root: number): Result<number> {
  const row = root >= member.visible_from ? log.messageAt(root) : undefined;
  if (row === undefined) return refuse('not_found', `there is no message with seq ${root}`);
  return ok(sql.exec<{ n: number }>('SELECT coalesce(max(number), 0) AS n FROM replies WHERE root = ?', root).one().n);
}

/** Follows or unfollows a thread, or marks it as read up to a reply's ordinal. Nothing of it goes to anybody else. */
export function attendThread(
  conversation: Conversation,
  member: MemberRow,
  root: number,
  { following, read }: AttendThread,
): Result<null> {
  const replies = threadAt(conversation, member, root);
  if (!replies.ok) return replies;
  const { sql } = conversation;
  const mark = Math.min(read ?? 0, replies.value);
  conversation.transaction(() => {
    if (following !== undefined) follow(conversation, member.user_id, root, { following, read: mark });
    else {
      const query = 'UPDATE follows SET read = max(read, ?) WHERE user_id = ? AND root = ? AND read < ?';
      if (sql.exec(query, mark, member.user_id, root, mark).rowsWritten > 0) conversation.owe(member.user_id);
    }
  });
  return ok(null);
}

/** Unread replies in all the threads that the user follows. */
export function unreadReplies({ rare, sql }: Conversation, user: string): number {
  if (!rare.has('follows')) return 0;
  return sql
    .exec<{ n: number }>(
      `SELECT coalesce(sum(max(0, ${REPLIES} - read)), 0) AS n FROM follows
       WHERE user_id = ? AND following = 1 AND ${SHOWN}`,
      user,
    )
    .one().n;
}

/** The threads that a member follows, the one with the latest reply first. */
export function followed({ chat, log, sql }: Conversation, member: MemberRow): FollowedThreads {
  const threads = sql
    .exec<{ root: number; read: number; replies: number }>(
      `SELECT root, read, ${REPLIES} AS replies,
         (SELECT max(seq) FROM replies WHERE replies.root = follows.root) AS latest
       FROM follows WHERE user_id = ? AND following = 1 AND root >= ? AND ${SHOWN} ORDER BY latest DESC, root DESC LIMIT ?`,
      member.user_id,
      member.visible_from,
      LISTED,
    )
    .toArray();
  const items = threads.flatMap(({ root, read, replies }) => {
    const row = log.messageAt(root);
    if (row === undefined) return [];
    const message = currentOf(chat.id, row, ownReactions(sql, member.user_id, [row]));
    return [{ message, read, unread: Math.max(0, replies - read) }];
  });
  return { items };
}
