import { and, eq, gte, lt, or, sql } from 'drizzle-orm';
import { timestamp } from '../clock.ts';
import { type Db, database, uniqueViolation } from '../db/client.ts';
import { users } from '../db/schema.ts';
import { deleting, inserting, type StoredTask } from '../db/tasks.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Profile, User } from '../protocol/users.ts';
import { runTask } from '../tasks/perform.ts';

export type UserRow = typeof users.$inferSelect;

export const toUser = (row: UserRow): User => ({
  id: row.id,
  fullname: row.fullname,
  email: row.email,
  handle: row.handle,
  avatar: row.avatar,
  status: row.status,
  created_at: timestamp(row.created_at),
  updated_at: timestamp(row.updated_at),
});

const toProfile = ({ id, fullname, handle, avatar }: Profile): Profile => ({ id, fullname, handle, avatar });

/** The conflict that a write to `users` ran into, if it is one; else the error itself. */
export function conflictOf(error: unknown): unknown {
  const column = uniqueViolation(error);
  if (column === 'users.email')
    return new ApiError('email_taken', 'This e-mail address has an account; sign in instead');
  if (column === 'users.handle') return new ApiError('handle_taken', 'This handle is taken; choose another');
  return error;
}

const noAccount = () => new ApiError('unauthenticated', 'The account of this token does not exist');

/** The account of a token's holder. */
export async function getUser(db: Db, id: string): Promise<User> {
  const row = await db.select().from(users).where(eq(users.id, id)).get();
  if (row === undefined) throw noAccount();
  return toUser(row);
}

/** Sets what the patch names; null empties. Throws `handle_taken`. */
export async function updateUser(
  db: Db,
  id: string,
  patch: { fullname?: string | undefined; handle?: string | null | undefined; avatar?: string | null | undefined },
  now: number,
): Promise<User> {
  try {
    const row = await db
      .update(users)
      .set({ ...patch, updated_at: now })
      .where(eq(users.id, id))
      .returning()
      .get();
    if (row === undefined) throw noAccount();
    return toUser(row);
  } catch (error) {
    throw conflictOf(error);
  }
}

/** Profiles by exact e-mail or handle (both normalised), or by ids; unknown ones are left out. */
export async function findProfiles(
  db: Db,
  by: { email?: string | undefined; handle?: string | undefined; ids?: string[] | undefined },
): Promise<Profile[]> {
  const rows = await db
    .select()
    .from(users)
    .where(
      and(
        by.email === undefined ? undefined : eq(users.email, by.email),
        by.handle === undefined ? undefined : eq(users.handle, by.handle),
        by.ids === undefined ? undefined : idIn(by.ids),
      ),
    )
    .limit(by.ids?.length ?? 1);
  return rows.map(toProfile);
}

/** A pattern of LIKE for texts that hold this one. */
const like = (text: string): string => text.replaceAll(/[\\%_]/g, (mark) => `\\${mark}`);

/**
 * Users by the beginning of their handle or a part of their full name: among these ids, or by the handle alone among all
 * (`ids` null). At most `limit`.
 */
export async function idsByName(db: Db, query: string, ids: string[] | null, limit: number): Promise<string[]> {
  const handle = query.toLowerCase();
  const within =
    ids === null
      ? and(gte(users.handle, handle), lt(users.handle, `${handle}\u{10ffff}`))
      : and(
          idIn(ids),
          or(
            sql`${users.handle} LIKE ${`${like(handle)}%`} ESCAPE '\\'`,
            sql`${users.fullname} LIKE ${`%${like(query)}%`} ESCAPE '\\'`,
          ),
        );
  const rows = await db.select({ id: users.id }).from(users).where(within).limit(limit);
  return rows.map((row) => row.id);
}

/** One parameter for any number of ids: D1 allows 100 in a statement. */
const idIn = (ids: string[]) => sql`${users.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;

/** Throws `invalid` naming the users who cannot be added to anything: unknown or suspended. */
export async function requireActive(db: Db, ids: string[], path: string): Promise<void> {
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .where(and(idIn(ids), eq(users.status, 'Active')));
  const known = new Set(rows.map((row) => row.id));
  refuseUsers(
    ids.filter((id) => !known.has(id)),
    path,
    'there is no such user, or the account is suspended',
  );
}

/** Throws `invalid` with one entry for each of the users, if there are any. */
export function refuseUsers(ids: string[], path: string, reason: string): void {
  if (ids.length === 0) return;
  throw new ApiError('invalid', `${path}: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ' …' : ''}: ${reason}`, {
    errors: ids.map((id) => ({ path, message: `${id}: ${reason}` })),
  });
}

/** Suspends or restores. When this returns the user's inbox has it: sockets are closed, every path refuses. */
export async function setStatus(env: Env, id: string, status: UserRow['status'], now: number): Promise<User> {
  const db = database(env);
  const task: StoredTask = { id: newId('tsk'), task: { kind: 'settle_status', user_id: id } };
  const [[row]] = await db.batch([
    db.update(users).set({ status, updated_at: now }).where(eq(users.id, id)).returning(),
    inserting(db, task, now),
  ]);
  if (row === undefined) {
    await deleting(db, task.id);
    throw new ApiError('not_found', 'There is no such user');
  }
  await runTask(env, task);
  return toUser(row);
}
