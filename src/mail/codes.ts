import { and, eq, gt, lt, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { accountCodes, users } from '../db/schema.ts';

export type Purpose = 'verify' | 'reset';

/** Milliseconds for which a code is good. */
export const CODE_TTL_MS: Record<Purpose, number> = { verify: 48 * 60 * 60 * 1000, reset: 30 * 60 * 1000 };

/** Digits that are not mistaken for one another. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 32;

/** A new code: 160 random bits, so that nobody guesses one however often they try. */
const newCode = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(LENGTH)), (byte) => ALPHABET[byte & 31]).join('');

/** A code as somebody typed it. */
export const normalised = (text: string): string => text.toLowerCase().replace(/[\s-]/g, '');

export async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Makes a code for the user and this address of theirs. Codes given before stay good: mails overtake one another. */
export async function issueCode(
  db: Db,
  purpose: Purpose,
  user: { id: string; email: string },
  now: number,
): Promise<string> {
  const code = newCode();
  await db.insert(accountCodes).values({
    hash: await hashOf(code),
    user_id: user.id,
    purpose,
    email: user.email,
    expires_at: now + CODE_TTL_MS[purpose],
  });
  return code;
}

/** Holds as long as the code of this digest is good: not used, not ended, and the address still the account's. */
export const isGood = (hash: string, purpose: Purpose, now: number) =>
  and(
    eq(accountCodes.hash, hash),
    eq(accountCodes.purpose, purpose),
    gt(accountCodes.expires_at, now),
    sql`EXISTS (SELECT 1 FROM ${users} WHERE ${users.id} = ${accountCodes.user_id}
      AND ${users.email} = ${accountCodes.email} AND ${users.status} = 'Active')`,
  );

/** The statement that uses up every code of the user for this purpose, the one that was shown too. */
export const usingUp = (db: Db, userId: string, purpose: Purpose) =>
  db.delete(accountCodes).where(and(eq(accountCodes.user_id, userId), eq(accountCodes.purpose, purpose)));

/** Codes that have ended. */
export const forgetCodes = (db: Db, now: number) => db.delete(accountCodes).where(lt(accountCodes.expires_at, now));
