import { and, asc, eq, gt, isNull, ne, sql } from 'drizzle-orm';
import { timestamp } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Workspace, WorkspaceMember } from '../protocol/chats.ts';
import type { Db } from './client.ts';
import { workspaceMembers, workspaces } from './schema.ts';
import { deleting, inserting, type StoredTask } from './tasks.ts';

type Row = typeof workspaces.$inferSelect;
interface Page {
  cursor?: string | undefined;
  limit: number;
}

const toWorkspace = (row: Row): Workspace => ({
  id: row.id,
  name: row.name,
  description: row.description,
  owner_id: row.owner_id,
  created_at: timestamp(row.created_at),
  updated_at: timestamp(row.updated_at),
});

const notFound = () => new ApiError('not_found', 'There is no such workspace, or you are not in it');

export async function createWorkspace(
  db: Db,
  owner: string,
  input: { name: string; description?: string | null | undefined },
  now: number,
): Promise<Workspace> {
  const row: Row = {
    id: newId('ws'),
    name: input.name,
    description: input.description ?? null,
    owner_id: owner,
    created_at: now,
    updated_at: now,
    deleted_at: null,
  };
  await db.batch([
    db.insert(workspaces).values(row),
    db.insert(workspaceMembers).values({ workspace_id: row.id, user_id: owner, role: 'owner', joined_at: now }),
  ]);
  return toWorkspace(row);
}

/** Workspaces that the user is in, by id. */
export async function listWorkspaces(
  db: Db,
  userId: string,
  page: Page,
): Promise<{ items: Workspace[]; next_cursor: string | null }> {
  const rows = await db
    .select({ workspace: workspaces })
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspace_id))
    .where(
      and(
        eq(workspaceMembers.user_id, userId),
        gt(workspaceMembers.workspace_id, page.cursor ?? ''),
        isNull(workspaces.deleted_at),
      ),
    )
    .orderBy(asc(workspaceMembers.workspace_id))
    .limit(page.limit + 1);
  const items = rows.slice(0, page.limit).map((row) => toWorkspace(row.workspace));
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** The workspace and the user's role in it. Throws `not_found` to a stranger. */
async function seen(db: Db, id: string, userId: string): Promise<{ workspace: Row; role: 'owner' | 'member' }> {
  const row = await db
    .select({ workspace: workspaces, role: workspaceMembers.role })
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspace_id))
    .where(
      and(eq(workspaceMembers.workspace_id, id), eq(workspaceMembers.user_id, userId), isNull(workspaces.deleted_at)),
    )
    .get();
  if (row === undefined) throw notFound();
  return row;
}

/** Throws `not_found` to a stranger, `forbidden` to a member who is not the owner. */
async function requireOwner(db: Db, id: string, userId: string): Promise<void> {
  const { role } = await seen(db, id, userId);
  if (role !== 'owner') throw new ApiError('forbidden', 'Only the owner of the workspace may do this');
}

export const getWorkspace = async (db: Db, id: string, userId: string): Promise<Workspace> =>
  toWorkspace((await seen(db, id, userId)).workspace);

export async function updateWorkspace(
  db: Db,
  id: string,
  userId: string,
  patch: { name?: string | undefined; description?: string | null | undefined },
  now: number,
): Promise<Workspace> {
  await requireOwner(db, id, userId);
  const row = await db
    .update(workspaces)
    .set({ ...patch, updated_at: now })
    .where(and(eq(workspaces.id, id), isNull(workspaces.deleted_at)))
    .returning()
    .get();
  if (row === undefined) throw notFound();
  return toWorkspace(row);
}

/** Deletes the workspace at once; the returned task deletes its conversations. */
export async function deleteWorkspace(db: Db, id: string, userId: string, now: number): Promise<StoredTask> {
  await requireOwner(db, id, userId);
  const task: StoredTask = { id: newId('tsk'), task: { kind: 'dissolve', workspace_id: id, after: '' } };
  await db.batch([
    db.update(workspaces).set({ deleted_at: now }).where(eq(workspaces.id, id)),
    db.delete(workspaceMembers).where(eq(workspaceMembers.workspace_id, id)),
    inserting(db, task, now),
  ]);
  return task;
}

export async function listWorkspaceMembers(
  db: Db,
  id: string,
  userId: string,
  page: Page,
): Promise<{ items: WorkspaceMember[]; next_cursor: string | null }> {
  await seen(db, id, userId);
  const rows = await db
    .select()
    .from(workspaceMembers)
    .where(and(eq(workspaceMembers.workspace_id, id), gt(workspaceMembers.user_id, page.cursor ?? '')))
    .orderBy(asc(workspaceMembers.user_id))
    .limit(page.limit + 1);
  const items = rows.slice(0, page.limit).map(toMember);
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.user_id ?? null) : null };
}

const toMember = (row: typeof workspaceMembers.$inferSelect): WorkspaceMember => ({
  user_id: row.user_id,
  role: row.role,
  joined_at: timestamp(row.joined_at),
});

/** Adds users, who must exist. Those who are in it already stay as they are. */
export async function addWorkspaceMembers(
  db: Db,
  id: string,
  userId: string,
  added: string[],
  now: number,
): Promise<{ items: WorkspaceMember[] }> {
  await requireOwner(db, id, userId);
  const list = JSON.stringify(added);
  const [, rows] = await db.batch([
    db
      .insert(workspaceMembers)
      .select(
        sql`SELECT ${id}, value, 'member', ${now} FROM json_each(${list})
          WHERE EXISTS (SELECT 1 FROM workspaces WHERE id = ${id} AND deleted_at IS NULL)`,
      )
      .onConflictDoNothing(),
    db
      .select()
      .from(workspaceMembers)
      .where(
        and(
          eq(workspaceMembers.workspace_id, id),
          sql`${workspaceMembers.user_id} IN (SELECT value FROM json_each(${list}))`,
        ),
      )
      .orderBy(asc(workspaceMembers.user_id)),
  ]);
  if (rows.length === 0) throw notFound();
  return { items: rows.map(toMember) };
}

/**
 * Removes a member, or lets `userId` leave. The returned task takes them out of the workspace's conversations.
 * The owner stays: a workspace without one could not be edited or deleted.
 */
export async function removeWorkspaceMember(
  db: Db,
  id: string,
  userId: string,
  member: string,
  now: number,
): Promise<StoredTask> {
  const { workspace, role } = await seen(db, id, userId);
  if (member !== userId && role !== 'owner') {
    throw new ApiError('forbidden', 'Only the owner of the workspace may remove others');
  }
  if (member === workspace.owner_id) {
    throw new ApiError('forbidden', 'The owner cannot leave the workspace; delete it instead');
  }
  const task: StoredTask = {
    id: newId('tsk'),
    task: { kind: 'expel', workspace_id: id, user_id: member, after: '' },
  };
  const [removed] = await db.batch([
    db
      .delete(workspaceMembers)
      .where(
        and(
          eq(workspaceMembers.workspace_id, id),
          eq(workspaceMembers.user_id, member),
          ne(workspaceMembers.role, 'owner'),
        ),
      )
      .returning({ user_id: workspaceMembers.user_id }),
    inserting(db, task, now),
  ]);
  if (removed.length === 0) {
    await deleting(db, task.id);
    throw new ApiError('not_found', 'This user is not in the workspace');
  }
  return task;
}

/** Those of the users who are not in the workspace; everybody when it is gone. */
export async function outsiders(db: Db, id: string, userIds: string[]): Promise<string[]> {
  const rows = await db
    .select({ user_id: workspaceMembers.user_id })
    .from(workspaceMembers)
    .where(
      and(
        eq(workspaceMembers.workspace_id, id),
        sql`${workspaceMembers.user_id} IN (SELECT value FROM json_each(${JSON.stringify(userIds)}))`,
      ),
    );
  const inside = new Set(rows.map((row) => row.user_id));
  return userIds.filter((userId) => !inside.has(userId));
}

export const isWorkspaceMember = async (db: Db, id: string, userId: string): Promise<boolean> =>
  (await outsiders(db, id, [userId])).length === 0;
