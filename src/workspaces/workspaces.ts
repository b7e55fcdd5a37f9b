import { sql } from 'drizzle-orm';
import { refuseUsers } from '../auth/users.ts';
import { type Db, database } from '../db/client.ts';
import { workspaces } from '../db/schema.ts';
import { deleting, inserting, insertingIf, type StoredTask, type Task } from '../db/tasks.ts';
import {
  changingWorkspace,
  dueForDeletion,
  findSeat,
  hasRole,
  listWorkspaces,
  makingWorkspace,
  type Page,
  type PageOf,
  publicChannelsAmong,
  toWorkspace,
  type WorkspaceRow,
} from '../db/workspaces.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { ChatType } from '../protocol/chats.ts';
import type { UpdateWorkspace, Workspace, WorkspaceRole } from '../protocol/workspaces.ts';
import { followUp } from '../tasks/perform.ts';
import { DELETION_GRACE_MS } from './grace.ts';
import { may, rolesThatMay, type WorkspaceAction } from './permissions.ts';

/*
 * Workspaces over D1. Who may is decided on the role as it was read, so that the refusal says why, and is a condition of the
 * write, so that it still holds then. What follows in inboxes and rooms is a task of the same batch.
 */

/** Workspaces that one sweep deletes. */
const SWEEP = 20;

export const pending = (task: Task): StoredTask => ({ id: newId('tsk'), task });

export const noWorkspace = () => new ApiError('not_found', 'There is no such workspace, or you are not in it');

export interface Seat {
  workspace: WorkspaceRow;
  role: WorkspaceRole;
}

/** The workspace and the user's role. Throws `not_found` to a stranger, `forbidden` to whom the role does not let do this. */
export async function requireSeat(db: Db, id: string, userId: string, action: WorkspaceAction): Promise<Seat> {
  const seat = await findSeat(db, id, userId);
  if (seat === undefined) throw noWorkspace();
  if (!may(seat.role, action)) {
    throw new ApiError('forbidden', `This takes another role in the workspace; yours is ${seat.role}`);
  }
  return seat;
}

/** Throws as `requireSeat`, and `forbidden` when the user may make no conversation of this type. */
export async function requireCreator(db: Db, id: string, userId: string, type: ChatType): Promise<void> {
  const { workspace, role } = await requireSeat(db, id, userId, 'create');
  if (type !== 'Group' && workspace.create_channels === 'admins' && !may(role, 'manage')) {
    throw new ApiError('forbidden', 'Only owners and admins make channels in this workspace');
  }
}

export async function createWorkspace(
  env: Env,
  owner: string,
  input: { name: string; description?: string | null | undefined },
  now: number,
): Promise<Workspace> {
  const db = database(env);
  const row: WorkspaceRow = {
    id: newId('ws'),
    name: input.name,
    description: input.description ?? null,
    owner_id: owner,
    created_at: now,
    updated_at: now,
    deleted_at: null,
    create_channels: 'everyone',
    retention_days: null,
    max_file_bytes: null,
    default_chat_ids: '[]',
    deleting_at: null,
    version: 1,
  };
  const task = pending({ kind: 'settle_seats', workspace_id: row.id, user_ids: [owner] });
  await db.batch([...makingWorkspace(db, row), inserting(db, task, now)]);
  // failpoint: workspace.made
  await followUp(env, task);
  return toWorkspace(row, 'owner');
}

export const workspacesOf = (env: Env, userId: string, page: Page): Promise<PageOf<Workspace>> =>
  listWorkspaces(database(env), userId, page);

export async function getWorkspace(env: Env, id: string, userId: string): Promise<Workspace> {
  const { workspace, role } = await requireSeat(database(env), id, userId, 'see');
  return toWorkspace(workspace, role);
}

/** Sets what the patch names. Throws `invalid` for default channels that are not public channels of the workspace. */
export async function updateWorkspace(
  env: Env,
  id: string,
  userId: string,
  patch: UpdateWorkspace,
  now: number,
): Promise<Workspace> {
  const db = database(env);
  const seat = await requireSeat(db, id, userId, 'update');
  const { default_chat_ids: named, ...fields } = patch;
  const chatIds = named && [...new Set(named)];
  if (chatIds !== undefined && chatIds.length > 0) {
    const known = new Set(await publicChannelsAmong(db, id, chatIds));
    const others = chatIds.filter((chatId) => !known.has(chatId));
    refuseUsers(others, 'default_chat_ids', 'no public channel of this workspace');
  }
  const set = { ...fields, ...(chatIds === undefined ? {} : { default_chat_ids: JSON.stringify(chatIds) }) };
  if (Object.values(set).every((value) => value === undefined)) return toWorkspace(seat.workspace, seat.role);
  const tasks = [pending({ kind: 'settle_workspace', workspace_id: id, after: '' })];
  if (set.retention_days !== undefined) tasks.push(pending({ kind: 'limit_retention', workspace_id: id, after: '' }));
  return toWorkspace(await change(env, db, id, userId, 'update', { ...set, updated_at: now }, tasks, now), seat.role);
}

/** Writes a change if the user may make it at that moment, and has follow what follows. Throws as `requireSeat`. */
async function change(
  env: Env,
  db: Db,
  id: string,
  userId: string,
  action: WorkspaceAction,
  set: { [K in keyof WorkspaceRow]?: WorkspaceRow[K] | undefined },
  tasks: StoredTask[],
  now: number,
): Promise<WorkspaceRow> {
  const [[row]] = await db.batch([
    changingWorkspace(db, id, set, hasRole(id, userId, rolesThatMay(action))),
    ...tasks.map((task) => inserting(db, task, now)),
  ]);
  if (row === undefined) {
    // What follows from a change follows from none, too: to carry it out would change nothing.
    for (const task of tasks) await deleting(db, task.id);
    await requireSeat(db, id, userId, action);
    throw new ApiError('unavailable', 'The workspace is changing: try again', { retryAfter: 1 });
  }
  // failpoint: workspace.changed
  for (const task of tasks) await followUp(env, task);
  return row;
}

/** Sets a time for the deletion; one that is set stays. */
export async function deleteWorkspace(env: Env, id: string, userId: string, now: number): Promise<Workspace> {
  const db = database(env);
  const { workspace, role } = await requireSeat(db, id, userId, 'delete');
  if (workspace.deleting_at !== null) return toWorkspace(workspace, role);
  const task = pending({ kind: 'settle_workspace', workspace_id: id, after: '' });
  const set = { deleting_at: now + DELETION_GRACE_MS };
  return toWorkspace(await change(env, db, id, userId, 'delete', set, [task], now), role);
}

/** Takes a deletion back, as long as it has not begun. */
export async function restoreWorkspace(env: Env, id: string, userId: string, now: number): Promise<Workspace> {
  const db = database(env);
  const { workspace, role } = await requireSeat(db, id, userId, 'delete');
  if (workspace.deleting_at === null) return toWorkspace(workspace, role);
  const task = pending({ kind: 'settle_workspace', workspace_id: id, after: '' });
  return toWorkspace(await change(env, db, id, userId, 'delete', { deleting_at: null }, [task], now), role);
}

/** Deletes the workspaces whose time has come. Their conversations are dissolved, and their members told, by tasks. */
export async function deleteDueWorkspaces(env: Env, now: number): Promise<void> {
  const db = database(env);
  for (const { id } of await dueForDeletion(db, now, SWEEP)) {
    const dissolve = pending({ kind: 'dissolve', workspace_id: id, after: '' });
    const tell = pending({ kind: 'settle_workspace', workspace_id: id, after: '' });
    // Restored meanwhile, it stays, and nothing follows.
    const due = sql`${workspaces.deleting_at} <= ${now}`;
    const gone = sql`EXISTS (SELECT 1 FROM ${workspaces} WHERE ${workspaces.id} = ${id} AND ${workspaces.deleted_at} = ${now})`;
    await db.batch([
      changingWorkspace(db, id, { deleted_at: now }, due),
      insertingIf(db, dissolve, now, gone),
      insertingIf(db, tell, now, gone),
    ]);
    // failpoint: workspace.deleted
    await env.TASKS.sendBatch([{ body: { task_id: dissolve.id } }, { body: { task_id: tell.id } }]);
  }
}
