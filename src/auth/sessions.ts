import { and, desc, eq, gt, isNull, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import { timestamp } from '../clock.ts';
import type { Config } from '../config.ts';
import { type Db, database } from '../db/client.ts';
import { sessions, users } from '../db/schema.ts';
import { deleting, inserting, type StoredTask } from '../db/tasks.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import { logError } from '../log.ts';
import type { Session, Tokens } from '../protocol/users.ts';
import { runTask } from '../tasks/perform.ts';
import { ACCESS_TTL, REFRESH_TTL, signPair, verifyRefresh } from './tokens.ts';
import { toUser, type UserRow } from './users.ts';

type SessionRow = typeof sessions.$inferSelect;

/** Milliseconds for which a refresh may be asked for again by the attempt that made it. */
export const REPLAY_MS = 60_000;
/** Milliseconds for which an ended session's row is kept. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1000;

export function newSession(userId: string, device: string | undefined, now: number): SessionRow {
  return {
    id: newId('ses'),
    user_id: userId,
    device: device ?? null,
    created_at: now,
    last_used_at: now,
    expires_at: now + REFRESH_TTL * 1000,
    generation: 1,
    issued_at: Math.floor(now / 1000),
    attempt: null,
    revoked_at: null,
    revoked_by: null,
  };
}

/** What sign-up, sign-in and refresh answer for a session at its current generation. */
export async function tokensFor(config: Config, session: SessionRow, user: UserRow): Promise<Tokens> {
  return { ...(await signPair(config, session)), expires_in: ACCESS_TTL, user: toUser(user) };
}

/**
 * Exchanges a refresh token for the next generation. The exchange is one conditional write, so of two at once one wins;
 * the other has shown an old token, which ends the session, unless it is the same attempt asking for its lost answer.
 * Throws `unauthenticated`, `session_ended`, `suspended`.
 */
export async function refresh(
  env: Env,
  config: Config,
  input: { refresh_token: string; attempt?: string | undefined },
  now: number,
): Promise<Tokens> {
  const ended = new ApiError('session_ended', 'This session has ended; sign in again');
  const verified = await verifyRefresh(config, input.refresh_token, now);
  if (!verified.ok) throw verified.refusal.code === 'token_expired' ? ended : ApiError.fromRefusal(verified.refusal);
  const { sub, sid, gen } = verified.value;
  const db = database(env);
  const active = sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${sub} AND ${users.status} = 'Active')`;
  const [rotated, [session], [user]] = await db.batch([
    db
      .update(sessions)
      .set({
        generation: gen + 1,
        issued_at: Math.floor(now / 1000),
        attempt: input.attempt ?? null,
        last_used_at: now,
        expires_at: now + REFRESH_TTL * 1000,
      })
      .where(
        and(
          eq(sessions.id, sid),
          eq(sessions.user_id, sub),
          eq(sessions.generation, gen),
          isNull(sessions.revoked_at),
          gt(sessions.expires_at, now),
          active,
        ),
      )
      .returning({ id: sessions.id }),
    db
      .select()
      .from(sessions)
      .where(and(eq(sessions.id, sid), eq(sessions.user_id, sub))),
    db.select().from(users).where(eq(users.id, sub)),
  ]);
  if (session === undefined || user === undefined || session.revoked_at !== null) throw ended;
  if (user.status === 'Suspended') throw new ApiError('suspended', 'This account is suspended');
  if (rotated.length > 0 || isReplay(session, gen, input.attempt, now)) return tokensFor(config, session, user);
  if (session.generation > gen) await endAfterReuse(env, sub, sid, now);
  throw ended;
}

function isReplay(session: SessionRow, gen: number, attempt: string | undefined, now: number): boolean {
  return (
    attempt !== undefined &&
    session.attempt === attempt &&
    session.generation === gen + 1 &&
    now - session.last_used_at <= REPLAY_MS
  );
}

/** The family ends whether or not the inbox can be told now: its task stays until it is. */
async function endAfterReuse(env: Env, userId: string, sessionId: string, now: number): Promise<void> {
  const task = await revoke(database(env), userId, eq(sessions.id, sessionId), now);
  if (task === null) return;
  try {
    await runTask(env, task);
  } catch (error) {
    logError('session.end_delayed', error, { task_id: task.id });
  }
}

/** Which of a user's live sessions end. */
export const only = (sessionId: string): SQL => eq(sessions.id, sessionId);
export const others = (sessionId: string): SQL => ne(sessions.id, sessionId);

/** The statements that end live sessions of a user and write the task that tells the inbox. */
export function revoking(db: Db, userId: string, which: SQL | undefined, now: number) {
  const task: StoredTask = { id: newId('tsk'), task: { kind: 'end_sessions', user_id: userId } };
  const statements = [
    db
      .update(sessions)
      .set({ revoked_at: now, revoked_by: task.id })
      .where(and(eq(sessions.user_id, userId), isNull(sessions.revoked_at), which))
      .returning({ id: sessions.id }),
    inserting(db, task, now),
  ] as const;
  return { task, statements };
}

/** Returns the task that is left to run, or null when no session was live. */
async function revoke(db: Db, userId: string, which: SQL | undefined, now: number): Promise<StoredTask | null> {
  const { task, statements } = revoking(db, userId, which, now);
  const [ended] = await db.batch(statements);
  if (ended.length > 0) return task;
  await deleting(db, task.id);
  return null;
}

/**
 * Ends live sessions of a user, all of them without `which`. When this returns their sockets are closed and their tokens
 * refused everywhere. Returns false when there was none.
 */
export async function endSessions(env: Env, userId: string, which: SQL | undefined, now: number): Promise<boolean> {
  const task = await revoke(database(env), userId, which, now);
  if (task === null) return false;
  // failpoint: sessions.revoked
  await runTask(env, task);
  return true;
}

/** Live sessions, newest first. */
export async function listSessions(
  db: Db,
  caller: { user_id: string; session_id: string },
  page: { cursor?: string | undefined; limit: number },
  now: number,
): Promise<{ items: Session[]; next_cursor: string | null }> {
  const rows = await db
    .select()
    .from(sessions)
    .where(
      and(
        eq(sessions.user_id, caller.user_id),
        isNull(sessions.revoked_at),
        gt(sessions.expires_at, now),
        page.cursor === undefined ? undefined : lt(sessions.id, page.cursor),
      ),
    )
    .orderBy(desc(sessions.id))
    .limit(page.limit + 1);
  const items = rows.slice(0, page.limit).map((row) => ({
    id: row.id,
    device: row.device,
    created_at: timestamp(row.created_at),
    last_used_at: timestamp(row.last_used_at),
    current: row.id === caller.session_id,
  }));
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** Rows of sessions that ended long ago: no token of theirs is left that could be shown again. */
export const forgetSessions = (db: Db, now: number) =>
  db.delete(sessions).where(or(lt(sessions.expires_at, now - KEEP_MS), lt(sessions.revoked_at, now - KEEP_MS)));
