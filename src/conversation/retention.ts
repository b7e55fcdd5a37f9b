import { z } from 'zod';
import { Retention, type UpdateRetention } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Commit, Conversation } from './conversation.ts';

/** How a conversation begins: two days to change one's mind, and nothing disappears. */
const INITIAL: Retention = { edit_window: 48 * 3600, recall_window: 48 * 3600, message_timer: null };

/** What its workspace says: messages last `seconds` at most. `own`: the timer that the conversation has set itself. */
const Limit = z.object({ seconds: z.number().nullable(), own: z.number().nullable(), version: z.number() });
type Limit = z.infer<typeof Limit>;

const NOTHING: Commit = { events: [], ended: [] };

export function loadRetention(sql: SqlStorage): Retention {
  const row = sql.exec('SELECT * FROM retention').toArray()[0];
  return row === undefined ? INITIAL : Retention.parse(row);
}

function limitOf(sql: SqlStorage): Limit | undefined {
  const row = sql.exec('SELECT * FROM retention_limit').toArray()[0];
  return row && Limit.parse(row);
}

function setLimit(sql: SqlStorage, { seconds, own, version }: Limit): void {
  sql.exec('DELETE FROM retention_limit');
  sql.exec('INSERT INTO retention_limit VALUES (?, ?, ?)', seconds, own, version);
}

/** Sets windows and timer. A timer holds for what is sent from now on, and is no longer than the workspace says. */
export function updateRetention(conversation: Conversation, user: string, patch: UpdateRetention): Result<Commit> {
  const actor = conversation.actor(user, 'retain');
  if (!actor.ok) return actor;
  const limit = limitOf(conversation.sql);
  const timer = patch.message_timer;
  if (timer !== undefined && shorter(timer, limit?.seconds ?? null) !== timer) {
    return refuse('forbidden', `the workspace keeps messages for ${limit?.seconds} seconds at most`);
  }
  const keep = timer !== undefined && limit !== undefined ? { ...limit, own: timer } : undefined;
  const own = keep && (() => setLimit(conversation.sql, keep));
  return ok(retain(conversation, user, patch, own));
}

/** The workspace has set how long it keeps messages at most. When it lifts that, the conversation has its own timer again. */
export function limitRetention(
  conversation: Conversation,
  { seconds, version }: { seconds: number | null; version: number },
): Commit {
  if (!conversation.exists) return NOTHING;
  const limit = limitOf(conversation.sql);
  if (limit !== undefined && limit.version >= version) return NOTHING;
  const own = limit === undefined ? conversation.retention.message_timer : limit.own;
  const set = () => setLimit(conversation.sql, { seconds, own, version });
  return retain(conversation, conversation.chat.created_by, { message_timer: shorter(own, seconds) }, set);
}

/** What the workspace has said so far, for an audit; null: nothing. */
export function heldRetention({ sql }: Conversation): { seconds: number | null; version: number } | null {
  const limit = limitOf(sql);
  return limit === undefined ? null : { seconds: limit.seconds, version: limit.version };
}

/** As `limitRetention`, whatever version is stored: D1 was restored to an earlier state. */
export function mendRetention(conversation: Conversation, limit: { seconds: number | null; version: number }): Commit {
  conversation.sql.exec('UPDATE retention_limit SET version = -1');
  return limitRetention(conversation, limit);
}

const shorter = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

/** `also` is done in the same transaction, whether or not a window or the timer changes. */
function retain(conversation: Conversation, actor: string, patch: UpdateRetention, also?: () => void): Commit {
  const now = conversation.retention;
  const retention = Retention.parse({ ...now, ...patch });
  const same = JSON.stringify(retention) === JSON.stringify(now);
  if (same && also === undefined) return NOTHING;
  return conversation.change(() => {
    also?.();
    if (same) return NOTHING;
    const event = conversation.append(actor, 'chat.updated', { retention });
    conversation.chat.updated_at = event.created_at;
    conversation.retain(retention);
    const { edit_window, recall_window, message_timer } = retention;
    conversation.sql.exec('DELETE FROM retention');
    conversation.sql.exec('INSERT INTO retention VALUES (?, ?, ?)', edit_window, recall_window, message_timer);
    return { events: [event], ended: [] };
  });
}
