import type { Db } from '../db/client.ts';
import { inserting, type Task } from '../db/tasks.ts';
import {
  defaultChatsOf,
  findWorkspace,
  forgettingMembers,
  memberIds,
  outsiders,
  publicChannelsAmong,
  readSeats,
  toWorkspace,
  type WorkspaceRow,
} from '../db/workspaces.ts';
import { newId } from '../ids.ts';
import type { Item } from '../inbox/items.ts';
import { notificationItem, SYSTEM } from '../inbox/notifications.ts';
import { parallel } from '../inbox/parallel.ts';
import { inbox, room } from '../objects/stubs.ts';
import type { WorkspaceRole } from '../protocol/workspaces.ts';

/*
 * What follows from a change of a workspace in inboxes and rooms. All of it tells what D1 has now, with its version: to tell
 * it twice, late, or in another order ends the same.
 */

type SeatNews = NonNullable<Extract<Task, { kind: 'settle_seats' }>['news']>;

/** Members that one run tells; the rest comes with the next run. */
const CHUNK = 200;
/** Calls to objects at the same time. */
const WIDTH = 10;
const DAY_SECONDS = 24 * 60 * 60;

/** These users' inboxes learn the workspace as they have it, or that they have it no more. */
export async function settleSeats(
  env: Env,
  db: Db,
  id: string,
  userIds: readonly string[],
  news?: SeatNews,
): Promise<void> {
  const { workspace, roles } = await readSeats(db, id, userIds);
  if (workspace === undefined) return;
  await parallel(userIds, WIDTH, async (userId) => {
    const role = roles.get(userId);
    const value = role === undefined || workspace.deleted_at !== null ? null : toWorkspace(workspace, role);
    const items: Item[] = [{ kind: 'workspace', id, version: workspace.version, value }];
    if (news !== undefined && news.by !== userId) items.push(...newsOf(workspace, news, role));
    await inbox(env, userId).put(items);
  });
}

/** What somebody is notified of, as long as it is so. */
function newsOf({ id }: WorkspaceRow, { what, by, at }: SeatNews, role: WorkspaceRole | undefined): Item[] {
  const [row, of] = [`${id}.place`, { workspace_id: id, actor_id: by }];
  if ((what === 'removed') !== (role === undefined)) return [];
  if (what === 'invited') return [notificationItem(row, at, at, { kind: 'invitation', chat_id: null, ...of })];
  const event = what === 'role' ? { event: what, role: role ?? null } : { event: what };
  return [notificationItem(row, at, at, { ...SYSTEM, ...of, ...event })];
}

/** All members' inboxes learn the workspace, a chunk at a time. Those of a deleted workspace are forgotten then. */
export async function settleWorkspace(
  env: Env,
  db: Db,
  task: Extract<Task, { kind: 'settle_workspace' }>,
): Promise<Task | null> {
  const { workspace_id } = task;
  const userIds = await memberIds(db, workspace_id, task.after, CHUNK);
  await settleSeats(env, db, workspace_id, userIds);
  // failpoint: workspace.told
  const { workspace } = await readSeats(db, workspace_id, []);
  if (workspace !== undefined && workspace.deleted_at !== null) await forgettingMembers(db, workspace_id, userIds);
  const last = userIds.at(-1);
  return userIds.length < CHUNK || last === undefined ? null : { ...task, after: last };
}

/**
 * New members enter the default channels. Somebody may have left since: the channels let go of them again, and so does every
 * other conversation, should an earlier attempt have brought them into what is no default any more.
 */
export async function enterDefaults(
  env: Env,
  db: Db,
  { workspace_id, user_ids, by }: Extract<Task, { kind: 'enter_defaults' }>,
): Promise<void> {
  const { workspace, roles } = await readSeats(db, workspace_id, user_ids);
  // Of a workspace that is gone the conversations go too.
  if (workspace === undefined || workspace.deleted_at !== null) return;
  const entering = [...roles].flatMap(([userId, role]) => (role === 'guest' ? [] : [userId]));
  const chatIds = entering.length === 0 ? [] : await publicChannelsAmong(db, workspace_id, defaultChatsOf(workspace));
  await parallel(chatIds, WIDTH, (chatId) => room(env, chatId).enroll(by, entering));
  // failpoint: workspace.defaults-entered
  for (const user_id of await outsiders(db, workspace_id, user_ids)) {
    await parallel(chatIds, WIDTH, (chatId) => room(env, chatId).expel(user_id));
    const task = { id: newId('tsk'), task: { kind: 'expel' as const, workspace_id, user_id, after: '' } };
    // failpoint: workspace.defaults-left
    await inserting(db, task, Date.now());
    await env.TASKS.send({ task_id: task.id });
  }
}

/** These conversations learn how long the workspace keeps messages. */
export async function settleRetention(env: Env, db: Db, id: string, chatIds: readonly string[]): Promise<void> {
  const workspace = await findWorkspace(db, id);
  if (workspace === undefined) return;
  const limit = retentionOf(workspace);
  await parallel(chatIds, WIDTH, (chatId) => room(env, chatId).limitRetention(limit));
}

/** How long a workspace keeps messages at most, as its rooms are told. */
export const retentionOf = ({
  retention_days,
  version,
}: Pick<WorkspaceRow, 'retention_days' | 'version'>): { seconds: number | null; version: number } => ({
  seconds: retention_days === null ? null : retention_days * DAY_SECONDS,
  version,
});
