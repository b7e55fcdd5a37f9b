import { and, eq, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { Config } from '../config.ts';
import { type Db, database } from '../db/client.ts';
import { credentials, knownDevices, sessions, users } from '../db/schema.ts';
import { inserting, insertingIf } from '../db/tasks.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import { mailTask, soon } from '../mail/account-mails.ts';
import { hashOf } from '../mail/codes.ts';
import type { SignIn, SignUp, Tokens } from '../protocol/users.ts';
import { runTask } from '../tasks/perform.ts';
import { clearing, countAttempt } from './attempts.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { newSession, others, revoking, tokensFor } from './sessions.ts';
import { conflictOf, type UserRow } from './users.ts';

/** Throws `email_taken`, `handle_taken`. */
export async function signUp(env: Env, config: Config, input: z.output<typeof SignUp>, now: number): Promise<Tokens> {
  const db = database(env);
  // Looked up first only to spare the hash; the index decides.
  const taken = await db.select({ id: users.id }).from(users).where(eq(users.email, input.email)).get();
  if (taken !== undefined) throw new ApiError('email_taken', 'This e-mail address has an account; sign in instead');
  const user: UserRow = {
    id: newId('usr'),
    email: input.email,
    handle: input.handle ?? null,
    fullname: input.fullname,
    avatar: null,
    status: 'Active',
    created_at: now,
    updated_at: now,
  };
  const session = newSession(user.id, input.device, now);
  const welcome = mailTask({ mail: 'verify', to: { user_id: user.id } }, now);
  try {
    await db.batch([
      db.insert(users).values(user),
      db.insert(credentials).values({ user_id: user.id, password_hash: hashPassword(input.password), updated_at: now }),
      db.insert(sessions).values(session),
      inserting(db, welcome, now),
      remembering(db, session, await deviceHash(input.device_key), now),
    ]);
  } catch (error) {
    throw conflictOf(error);
  }
  soon(env, welcome);
  return tokensFor(config, session, user);
}

/** What a device is known by. One that has no key of its own is never known. */
const deviceHash = (key: string | undefined): Promise<string> | null => (key === undefined ? null : hashOf(key));

/** The statement that knows a device from now on, if its session has opened. */
const remembering = (db: Db, session: { id: string; user_id: string }, hash: string | null, now: number) =>
  db
    .insert(knownDevices)
    .select(
      sql`SELECT ${session.user_id}, ${hash}, ${now} WHERE ${hash} IS NOT NULL
        AND EXISTS (SELECT 1 FROM ${sessions} WHERE ${sessions.id} = ${session.id})`,
    )
    .onConflictDoNothing();

const WRONG = 'E-mail or password is wrong';

/**
 * The same answer, after the same work, for an unknown address and a wrong password.
 * Throws `invalid_credentials`, `rate_limited`, and `suspended` to one who knows the password.
 */
export async function signIn(env: Env, config: Config, input: z.output<typeof SignIn>, now: number): Promise<Tokens> {
  const db = database(env);
  const email = input.email.trim().toLowerCase();
  const attempt = await countAttempt(db, email, now);
  const found = await withPassword(db, eq(users.email, email));
  if (!verifyPassword(found?.password_hash, input.password) || found === undefined) {
    throw new ApiError('invalid_credentials', WRONG);
  }
  if (found.user.status === 'Suspended') throw new ApiError('suspended', 'This account is suspended');
  const session = newSession(found.user.id, input.device, now);
  const hash = await deviceHash(input.device_key);
  const news = mailTask({ mail: 'new_device', to: { user_id: found.user.id }, device: input.device ?? null }, now);
  const opens = sql`EXISTS (SELECT 1 FROM ${sessions} WHERE ${sessions.id} = ${session.id})`;
  const isNew = sql`NOT EXISTS (SELECT 1 FROM ${knownDevices}
    WHERE ${knownDevices.user_id} = ${found.user.id} AND ${knownDevices.key_hash} = ${hash})`;
  // The session opens only if the password is still the one that was verified and the account still active.
  const [opened, , [told]] = await db.batch([
    db
      .insert(sessions)
      .select(
        sql`SELECT ${sql.join(
          Object.values(session).map((value) => sql`${value}`),
          sql`, `,
        )} WHERE EXISTS (
          SELECT 1 FROM ${users} JOIN ${credentials} ON ${credentials.user_id} = ${users.id}
          WHERE ${users.id} = ${found.user.id} AND ${users.status} = 'Active'
            AND ${credentials.password_hash} = ${found.password_hash})`,
      )
      .returning({ id: sessions.id }),
    clearing(db, attempt),
    insertingIf(db, news, now, sql`${opens} AND ${isNew}`),
    remembering(db, session, hash, now),
  ]);
  if (opened.length === 0) throw new ApiError('invalid_credentials', WRONG);
  if (told !== undefined) soon(env, news);
  return tokensFor(config, session, found.user);
}

const withPassword = (db: Db, who: ReturnType<typeof eq>) =>
  db
    .select({ user: users, password_hash: credentials.password_hash })
    .from(users)
    .innerJoin(credentials, eq(credentials.user_id, users.id))
    .where(who)
    .get();

/**
 * Sets a new password and ends every other session of the user. Throws `invalid_credentials` when the current password
 * is wrong, `rate_limited` after too many of these, `conflict` when another change came first.
 */
export async function changePassword(
  env: Env,
  caller: { user_id: string; session_id: string },
  input: { current_password: string; new_password: string },
  now: number,
): Promise<void> {
  const db = database(env);
  const found = await withPassword(db, eq(users.id, caller.user_id));
  if (found === undefined) throw new ApiError('not_found', 'There is no such user');
  const attempt = await countAttempt(db, found.user.email, now);
  if (!verifyPassword(found.password_hash, input.current_password)) {
    throw new ApiError('invalid_credentials', 'The current password is wrong');
  }
  const next = hashPassword(input.new_password);
  const changed = sql`EXISTS (SELECT 1 FROM ${credentials}
    WHERE ${credentials.user_id} = ${caller.user_id} AND ${credentials.password_hash} = ${next})`;
  const { task, statements } = revoking(db, caller.user_id, and(others(caller.session_id), changed), now);
  const [updated] = await db.batch([
    db
      .update(credentials)
      .set({ password_hash: next, updated_at: now })
      .where(and(eq(credentials.user_id, caller.user_id), eq(credentials.password_hash, found.password_hash)))
      .returning({ user_id: credentials.user_id }),
    ...statements,
    clearing(db, attempt),
  ]);
  await runTask(env, task);
  if (updated.length === 0) throw new ApiError('conflict', 'The password was changed elsewhere at the same time');
}
