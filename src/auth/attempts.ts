import { eq, lt, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { authAttempts } from '../db/schema.ts';
import { ApiError } from '../errors.ts';
import { ATTEMPTS, type Attempts } from '../protocol/limits.ts';

const PASSWORDS = { ...ATTEMPTS.passwordsPerAccount, message: 'Too many wrong passwords for this account' };
/** The longest window: a counter that is older says nothing any more. */
const LONGEST_MS = 1000 * Math.max(...Object.values(ATTEMPTS).map(({ seconds }) => seconds));

/** The counter's name: a digest, so that the table does not collect addresses that somebody typed. */
export async function keyFor(account: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(account));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Counts one attempt before the password is looked at, so that guesses made at the same time cannot outrun the counter.
 * Throws `rate_limited` with the seconds until the window ends. A success clears the counter: `clearing` with the key
 * that this returns.
 * @param account normalised e-mail, or another name of what is counted
 */
export async function countAttempt(
  db: Db,
  account: string,
  now: number,
  { limit, seconds, message }: Attempts & { message: string } = PASSWORDS,
): Promise<string> {
  const key = await keyFor(account);
  const ended = sql`${authAttempts.window_started_at} <= ${now - seconds * 1000}`;
  const rows = await db
    .insert(authAttempts)
    .values({ key, failures: 1, window_started_at: now })
    .onConflictDoUpdate({
      target: authAttempts.key,
      set: {
        failures: sql`iif(${ended}, 1, ${authAttempts.failures} + 1)`,
        window_started_at: sql`iif(${ended}, ${now}, ${authAttempts.window_started_at})`,
      },
    })
    .returning();
  const row = rows[0];
  if (row === undefined || row.failures <= limit) return key;
  const retryAfter = Math.max(1, Math.ceil((row.window_started_at + seconds * 1000 - now) / 1000));
  throw new ApiError('rate_limited', `${message}; try again in ${retryAfter} s`, {
    retryAfter,
  });
}

/** The statement that forgets the failures of an account. */
export const clearing = (db: Db, key: string) => db.delete(authAttempts).where(eq(authAttempts.key, key));

/** Counters whose window has ended say nothing any more. */
export const forgetAttempts = (db: Db, now: number) =>
  db.delete(authAttempts).where(lt(authAttempts.window_started_at, now - LONGEST_MS));
