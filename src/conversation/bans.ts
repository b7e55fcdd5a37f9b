import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Ban } from '../protocol/people.ts';
import type { Conversation } from './conversation.ts';
import { answer, done, type Outcome, type PageAfter, type PageOf, pageOf } from './outcome.ts';
import { outranks } from './permissions.ts';
import { closeRequest, hasOpenRequest } from './requests.ts';

interface BanRow extends Record<string, SqlStorageValue> {
  user_id: string;
  banned_by: string;
  banned_at: number;
  reason: string | null;
}

const toBan = (row: BanRow): Ban => ({
  user_id: row.user_id,
  banned_by: row.banned_by,
  banned_at: timestamp(row.banned_at),
  reason: row.reason,
});

const banOf = (sql: SqlStorage, userId: string): BanRow | undefined =>
  sql.exec<BanRow>('SELECT * FROM bans WHERE user_id = ?', userId).toArray()[0];

/** Who is banned comes in by no way: not by joining, asking or a link, and nobody adds them. */
export const isBanned = (sql: SqlStorage, userId: string): boolean => banOf(sql, userId) !== undefined;

/** Bans somebody who is, was or asks to be in the conversation; a member is removed by it. A ban that stands stays as it is. */
export function ban(
  conversation: Conversation,
  user: string,
  userId: string,
  reason: string | null,
): Result<Outcome<Ban>> {
  const actor = conversation.actor(user, 'ban');
  if (!actor.ok) return actor;
  if (user === userId) return refuse('invalid', 'user_id: names yourself');
  const known = conversation.members.known(userId);
  if (known === undefined && !hasOpenRequest(conversation.sql, userId)) {
    return refuse('not_found', 'this user has never been in the conversation');
  }
  const member = conversation.members.current(userId);
  if (member !== undefined && !outranks(actor.value.role, member.role)) {
    return refuse('forbidden', `as ${actor.value.role} you may not ban a member who is ${member.role}`);
  }
  const standing = banOf(conversation.sql, userId);
  if (standing !== undefined) return answer(toBan(standing));
  const row: BanRow = { user_id: userId, banned_by: user, banned_at: conversation.now, reason };
  const commit = conversation.change(() => {
    const event = conversation.append(user, 'member.banned', { user_id: userId });
    conversation.sql.exec('INSERT INTO bans VALUES (?, ?, ?, ?)', userId, user, row.banned_at, reason);
    const closed = closeRequest(conversation, user, userId, 'rejected');
    const gone = member === undefined ? [] : conversation.membership.eject(user, member);
    return { events: [event, ...closed, ...gone], ended: member === undefined ? [] : [userId] };
  });
  return ok({ commit, value: toBan(row) });
}

export function unban(conversation: Conversation, user: string, userId: string): Result<Outcome<null>> {
  const actor = conversation.actor(user, 'ban');
  if (!actor.ok) return actor;
  if (!isBanned(conversation.sql, userId)) return refuse('not_found', 'this user is not banned');
  const commit = conversation.change(() => {
    conversation.sql.exec('DELETE FROM bans WHERE user_id = ?', userId);
    return done(null, [conversation.append(user, 'member.unbanned', { user_id: userId })]).commit;
  });
  return ok({ commit, value: null });
}

export function listBans(conversation: Conversation, user: string, page: PageAfter): Result<Outcome<PageOf<Ban>>> {
  const actor = conversation.actor(user, 'ban');
  if (!actor.ok) return actor;
  const rows = conversation.sql
    .exec<BanRow>('SELECT * FROM bans WHERE user_id > ? ORDER BY user_id LIMIT ?', page.after ?? '', page.limit + 1)
    .toArray();
  return answer(pageOf(rows, page.limit, toBan));
}
