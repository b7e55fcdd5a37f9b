import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';

export type Db = DrizzleD1Database;

/** D1 with the schema's types. `batch()` is its only transaction. */
export const database = (env: Pick<Env, 'DB'>): Db => drizzle(env.DB);

/**
 * The unique index that a write ran into (`users.email`), or undefined when the error is of another kind.
 * The driver and drizzle wrap the engine's error, so the chain of causes is searched.
 */
export function uniqueViolation(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const found = /UNIQUE constraint failed: ([\w.]+)/.exec(cause.message);
    if (found) return found[1];
  }
  return undefined;
}
