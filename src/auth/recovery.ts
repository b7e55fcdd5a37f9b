import { and, eq, sql } from 'drizzle-orm';
import { timestamp } from '../clock.ts';
import { type Db, database } from '../db/client.ts';
import { accountCodes, credentials, users, verifiedEmails } from '../db/schema.ts';
import { inserting } from '../db/tasks.ts';
import { ApiError } from '../errors.ts';
import { mailTask, soon } from '../mail/account-mails.ts';
import { hashOf, isGood, normalised, type Purpose, usingUp } from '../mail/codes.ts';
import { ATTEMPTS } from '../protocol/limits.ts';
import type { EmailState } from '../protocol/users.ts';
import { runTask } from '../tasks/perform.ts';
import { clearing, countAttempt, keyFor } from './attempts.ts';
import { hashPassword } from './password.ts';
import { revoking } from './sessions.ts';

const MAILS = { ...ATTEMPTS.mailsPerAccount, message: 'Too many mails were asked for' };

const badCode = () => new ApiError('invalid_code', 'The code is wrong, was used, or has ended: ask for a new one');

/** Whether the user's address was confirmed. */
export async function emailState(db: Db, userId: string): Promise<EmailState> {
  const row = await db
    .select({ email: users.email, verified_at: verifiedEmails.verified_at })
    .from(users)
    .leftJoin(verifiedEmails, and(eq(verifiedEmails.user_id, users.id), eq(verifiedEmails.email, users.email)))
    .where(eq(users.id, userId))
    .get();
  if (row === undefined) throw new ApiError('unauthenticated', 'The account of this token does not exist');
  return { email: row.email, verified_at: row.verified_at === null ? null : timestamp(row.verified_at) };
}

/** Sends a code to the user's address, unless it is confirmed already. Throws `rate_limited`. */
export async function requestVerification(env: Env, userId: string, now: number): Promise<void> {
  const db = database(env);
  await countAttempt(db, `verify ${userId}`, now, MAILS);
  const task = mailTask({ mail: 'verify', to: { user_id: userId } }, now);
  await inserting(db, task, now);
  soon(env, task);
}

/** The account whose code this is. Throws `invalid_code`. */
async function holderOf(db: Db, purpose: Purpose, code: string, now: number) {
  const hash = await hashOf(normalised(code));
  const found = await db
    .select()
    .from(accountCodes)
    .where(isGood(hash, purpose, now))
    .get();
  if (found === undefined) throw badCode();
  return found;
}

/** Confirms the address to which the code was sent. Throws `invalid_code`. */
export async function verifyEmail(env: Env, code: string, now: number): Promise<EmailState> {
  const db = database(env);
  const { hash, user_id, email } = await holderOf(db, 'verify', code, now);
  const [confirmed] = await db.batch([
    db
      .insert(verifiedEmails)
      .select(sql`SELECT user_id, email, ${now} FROM ${accountCodes} WHERE ${isGood(hash, 'verify', now)}`)
      .onConflictDoUpdate({
        target: [verifiedEmails.user_id, verifiedEmails.email],
        set: { verified_at: sql`${verifiedEmails.verified_at}` },
      })
      .returning(),
    usingUp(db, user_id, 'verify'),
  ]);
  const [row] = confirmed;
  if (row === undefined) throw badCode();
  return { email, verified_at: timestamp(row.verified_at) };
}

/**
 * Sends a code for a new password to an address, if it has an account. Does the same, and takes as long, if it has none.
 * Throws `rate_limited`, likewise.
 * @param email normalised
 */
export async function requestReset(env: Env, email: string, now: number): Promise<void> {
  const db = database(env);
  await countAttempt(db, `reset ${email}`, now, MAILS);
  const task = mailTask({ mail: 'reset', to: { email } }, now);
  await inserting(db, task, now);
  soon(env, task);
}

/**
 * Sets a new password by a code, once, and ends every session. Whoever read the mail has the address, so it is confirmed
 * by this. Throws `invalid_code`.
 */
export async function resetPassword(
  env: Env,
  input: { code: string; new_password: string },
  now: number,
): Promise<void> {
  const db = database(env);
  const { hash, user_id, email } = await holderOf(db, 'reset', input.code, now);
  const password = hashPassword(input.new_password);
  const changed = sql`EXISTS (SELECT 1 FROM ${credentials}
    WHERE ${credentials.user_id} = ${user_id} AND ${credentials.password_hash} = ${password})`;
  const { task, statements } = revoking(db, user_id, changed, now);
  const good = isGood(hash, 'reset', now);
  const [updated] = await db.batch([
    db
      .update(credentials)
      .set({ password_hash: password, updated_at: now })
      .where(and(eq(credentials.user_id, user_id), sql`EXISTS (SELECT 1 FROM ${accountCodes} WHERE ${good})`))
      .returning({ user_id: credentials.user_id }),
    ...statements,
    db.insert(verifiedEmails).select(sql`SELECT ${user_id}, ${email}, ${now} WHERE ${changed}`).onConflictDoNothing(),
    usingUp(db, user_id, 'reset'),
    clearing(db, await keyFor(email)),
  ]);
  // failpoint: password.reset
  await runTask(env, task);
  if (updated.length === 0) throw badCode();
}
