import { z } from 'zod';
import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { JoinRequest } from '../protocol/people.ts';
import { isBanned } from './bans.ts';
import type { Conversation } from './conversation.ts';
import type { EventRow } from './log.ts';
import { answer, type Outcome, type PageAfter, type PageOf, pageOf } from './outcome.ts';
import { NOT_FOUND } from './permissions.ts';
import { joinPolicyOf } from './settings.ts';

/** How soon one may ask again, in ms: after a refusal, and after one took one's request back. */
const AGAIN_MS = { rejected: 24 * 60 * 60 * 1000, cancelled: 60 * 1000, accepted: 60 * 1000 } as const;
/** Requests that were decided are kept so long, in ms. */
const KEPT_MS = 90 * 24 * 60 * 60 * 1000;

const State = JoinRequest.shape.state;
const Row = z.object({
  user_id: z.string(),
  text: z.string().nullable(),
  state: State,
  created_at: z.number(),
  decided_by: z.string().nullable(),
  decided_at: z.number().nullable(),
});
type Row = z.infer<typeof Row>;

const toRequest = (row: Row): JoinRequest => ({
  ...row,
  created_at: timestamp(row.created_at),
  decided_at: row.decided_at === null ? null : timestamp(row.decided_at),
});

const requestOf = (sql: SqlStorage, userId: string): Row | undefined =>
  sql
    .exec('SELECT * FROM requests WHERE user_id = ?', userId)
    .toArray()
    .map((row) => Row.parse(row))[0];

export const hasOpenRequest = (sql: SqlStorage, userId: string): boolean => requestOf(sql, userId)?.state === 'open';

/** Closes the user's request, if one is open; the caller's transaction holds it. */
export function closeRequest(
  conversation: Conversation,
  actor: string,
  userId: string,
  outcome: Exclude<Row['state'], 'open'>,
): EventRow[] {
  if (!hasOpenRequest(conversation.sql, userId)) return [];
  const now = conversation.now;
  conversation.sql.exec(
    'UPDATE requests SET state = ?, decided_by = ?, decided_at = ? WHERE user_id = ?',
    outcome,
    actor,
    now,
    userId,
  );
  conversation.sql.exec("DELETE FROM requests WHERE state <> 'open' AND decided_at < ?", now - KEPT_MS);
  return [conversation.append(actor, 'request.closed', { user_id: userId, outcome })];
}

/** Asks to be let in. One request for each user: one that is open is answered as it is. */
export function makeRequest(
  conversation: Conversation,
  user: string,
  text: string | null,
): Result<Outcome<JoinRequest>> {
  if (!conversation.exists || conversation.chat.type !== 'PublicChannel') {
    const member = conversation.actor(user);
    return member.ok ? refuse('conflict', 'you are in this conversation') : member;
  }
  const { sql, chat } = conversation;
  if (conversation.members.current(user) !== undefined) return refuse('conflict', 'you are in this channel');
  if (isBanned(sql, user)) return refuse('forbidden', 'you are banned from this channel');
  if (joinPolicyOf(chat) !== 'approval') return refuse('forbidden', 'this channel takes no requests to join');
  if (chat.settings.archived_at !== null) return refuse('archived', 'the channel is archived: nobody joins it');
  const now = conversation.now;
  const earlier = requestOf(sql, user);
  if (earlier?.state === 'open') return answer(toRequest(earlier));
  const wait = earlier === undefined ? 0 : (earlier.decided_at ?? 0) + AGAIN_MS[earlier.state] - now;
  if (wait > 0) return refuse('rate_limited', 'you have asked lately: ask again later', Math.ceil(wait / 1000));
  const open = sql.exec<{ n: number }>("SELECT count(*) AS n FROM requests WHERE state = 'open'").one().n;
  if (open >= LIMITS.openRequests) return refuse('rate_limited', 'too many have asked: ask again later', 3600);
  const row: Row = { user_id: user, text, state: 'open', created_at: now, decided_by: null, decided_at: null };
  const commit = conversation.change(() => {
    sql.exec(
      `INSERT INTO requests VALUES (?, ?, 'open', ?, NULL, NULL) ON CONFLICT (user_id) DO UPDATE SET
         text = excluded.text, state = 'open', created_at = excluded.created_at, decided_by = NULL, decided_at = NULL`,
      user,
      text,
      now,
    );
    return { events: [conversation.append(user, 'request.made', { user_id: user })], ended: [] };
  });
  return ok({ commit, value: toRequest(row) });
}

/** One request: one's own, or for those who decide. */
export function getRequest(conversation: Conversation, user: string, userId: string): Result<Outcome<JoinRequest>> {
  if (!conversation.exists) return NOT_FOUND;
  if (user !== userId) {
    const actor = conversation.actor(user, 'requests');
    if (!actor.ok) return actor;
  }
  const row = requestOf(conversation.sql, userId);
  return row === undefined ? refuse('not_found', 'there is no such request') : answer(toRequest(row));
}

/** Requests that are open, by user id, for those who decide. */
export function listRequests(
  conversation: Conversation,
  user: string,
  page: PageAfter,
): Result<Outcome<PageOf<JoinRequest>>> {
  const actor = conversation.actor(user, 'requests');
  if (!actor.ok) return actor;
  const rows = conversation.sql
    .exec(
      "SELECT * FROM requests WHERE state = 'open' AND user_id > ? ORDER BY user_id LIMIT ?",
      page.after ?? '',
      page.limit + 1,
    )
    .toArray()
    .map((row) => Row.parse(row));
  return answer(pageOf(rows, page.limit, toRequest));
}

/** Lets in who has asked, or does not. One decision: a second one is a conflict, unless it is the same. */
export function decideRequest(
  conversation: Conversation,
  user: string,
  userId: string,
  accept: boolean,
): Result<Outcome<JoinRequest>> {
  const actor = conversation.actor(user, 'requests');
  if (!actor.ok) return actor;
  const row = requestOf(conversation.sql, userId);
  if (row === undefined) return refuse('not_found', 'there is no such request');
  const outcome = accept ? 'accepted' : 'rejected';
  if (row.state === outcome) return answer(toRequest(row));
  if (row.state !== 'open') return refuse('conflict', `the request is ${row.state} already`);
  const commit = conversation.change(() => ({
    events: accept
      ? conversation.membership.admit(user, [userId])
      : closeRequest(conversation, user, userId, 'rejected'),
    ended: [],
  }));
  return ok({ commit, value: toRequest(requestOf(conversation.sql, userId) ?? row) });
}

/** Takes one's own request back. */
export function cancelRequest(conversation: Conversation, user: string, userId: string): Result<Outcome<null>> {
  if (!conversation.exists) return NOT_FOUND;
  const own = user === userId && hasOpenRequest(conversation.sql, user);
  if (!own) return refuse('not_found', 'you have no such request here');
  const commit = conversation.change(() => ({
    events: closeRequest(conversation, user, user, 'cancelled'),
    ended: [],
  }));
  return ok({ commit, value: null });
}
