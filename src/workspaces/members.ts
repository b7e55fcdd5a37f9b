import { requireActive } from '../auth/users.ts';
import { type Db, database } from '../db/client.ts';
import { deleting, inserting, type StoredTask } from '../db/tasks.ts';
import {
  changingRole,
  type Deed,
  enteringMembers,
  hasOtherOwner,
  hasRole,
  outsiders,
  peopleAmong,
  removingMember,
  roleIn,
  steppingDown,
  versioning,
} from '../db/workspaces.ts';
import { ApiError } from '../errors.ts';
import { requireUnblocked } from '../friends/friends.ts';
import type { WorkspaceMember, WorkspaceRole } from '../protocol/workspaces.ts';
import { followUp, runTask } from '../tasks/perform.ts';
import { gives, may, rolesThatMay } from './permissions.ts';
import { noWorkspace, pending, requireSeat } from './workspaces.ts';

/*
 * Who is in a workspace, and as what. A change is decided on the roles of who acts and of whom it is about, and written only
 * while both still have them and an owner stays: of two at once one comes second and is decided anew.
 */

/** Times that a change which came second is decided anew. */
const TRIES = 8;

const noMember = () => new ApiError('not_found', 'This user is not in the workspace');

/** Adds users, who must exist. Those who are in it already stay as they are. Throws `invalid` naming who cannot be added. */
export async function addWorkspaceMembers(
  env: Env,
  id: string,
  userId: string,
  { user_ids, role }: { user_ids: string[]; role: WorkspaceRole },
  now: number,
): Promise<{ items: WorkspaceMember[] }> {
  const db = database(env);
  // The right to ask comes first: a stranger learns nothing about the users that they name.
  await requireSeat(db, id, userId, 'add');
  const userIds = [...new Set(user_ids)];
  await requireActive(db, userIds, 'user_ids');
  await requireUnblocked(db, userId, userIds, 'user_ids');
  // Who is in already has chosen their channels: nothing follows for them.
  const newcomers = await outsiders(db, id, userIds);
  if (newcomers.length > 0) {
    const tasks = entryTasks(id, userId, newcomers, role, now);
    const mayAdd = hasRole(id, userId, rolesThatMay('add'));
    const [came] = await db.batch([
      enteringMembers(db, id, newcomers, role, now, mayAdd),
      versioning(db, id),
      ...tasks.map((task) => inserting(db, task, now)),
    ]);
    if (came.length > 0) {
      // failpoint: workspace.entered
      for (const task of tasks) await followUp(env, task);
    } else {
      for (const task of tasks) await deleting(db, task.id);
      await requireSeat(db, id, userId, 'add');
    }
  }
  return { items: await peopleAmong(db, id, userIds) };
}

/** What follows when users come in: their inboxes learn it, and unless they are guests they enter the default channels. */
export function entryTasks(id: string, by: string, userIds: string[], role: WorkspaceRole, now: number): StoredTask[] {
  const news = { what: 'invited', by, at: now } as const;
  const seats = pending({ kind: 'settle_seats', workspace_id: id, user_ids: userIds, news });
  return role === 'guest' ? [seats] : [seats, enteringDefaults(id, by, userIds)];
}

const enteringDefaults = (id: string, by: string, userIds: string[]): StoredTask =>
  pending({ kind: 'enter_defaults', workspace_id: id, user_ids: userIds, by });

/** What follows when a member has another role: those who see it learn it, and who is a guest no more enters the default channels. */
function changeTasks({ id, actor, target, targetRole }: Deed, role: WorkspaceRole, now: number): StoredTask[] {
  const news = { what: 'role', by: actor, at: now } as const;
  const told = [pending({ kind: 'settle_seats', workspace_id: id, user_ids: [target], news })];
  if (role === 'owner' || targetRole === 'owner') {
    told.push(pending({ kind: 'settle_workspace', workspace_id: id, after: '' }));
  }
  return targetRole === 'guest' && role !== 'guest' ? [...told, enteringDefaults(id, actor, [target])] : told;
}

/**
 * Makes a change of one member, deciding anew while others are faster. `ownerGoes`: an owner would be none after it.
 * `write` returns false when it came second.
 */
async function deciding(
  db: Db,
  id: string,
  actor: string,
  target: string,
  ownerGoes: boolean,
  decide: (roles: { actor: WorkspaceRole; target: WorkspaceRole }) => ApiError | undefined,
  write: (deed: Deed) => Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    const actorRole = await roleIn(db, id, actor);
    if (actorRole === undefined) throw noWorkspace();
    // Whether somebody is in it is only for those to know who might do something about it.
    if (actor !== target && !may(actorRole, 'manage')) throw forbidden(actorRole);
    const targetRole = actor === target ? actorRole : await roleIn(db, id, target);
    if (targetRole === undefined) throw noMember();
    const refusal = decide({ actor: actorRole, target: targetRole });
    if (refusal !== undefined) throw refusal;
    if (ownerGoes && targetRole === 'owner' && !(await hasOtherOwner(db, id, target))) throw lastOwner();
    if (await write({ id, actor, actorRole, target, targetRole })) return;
  }
  throw new ApiError('unavailable', 'Much is changing in this workspace at once: try again', { retryAfter: 1 });
}

const forbidden = (role: WorkspaceRole) =>
  new ApiError('forbidden', `This takes another role in the workspace; yours is ${role}`);
const lastOwner = () =>
  new ApiError('conflict', 'The last owner stays one: hand the workspace over, or delete it, before');

/** Gives a member another role. Throws `forbidden`, `not_found`, `conflict` (the last owner stays one). */
export async function setWorkspaceRole(
  env: Env,
  id: string,
  actor: string,
  target: string,
  role: WorkspaceRole,
  now: number,
): Promise<WorkspaceMember> {
  const db = database(env);
  const decide = (roles: { actor: WorkspaceRole; target: WorkspaceRole }) =>
    may(roles.actor, 'manage') && gives(roles.actor, roles.target) && gives(roles.actor, role)
      ? undefined
      : forbidden(roles.actor);
  await deciding(db, id, actor, target, role !== 'owner', decide, async (deed) => {
    if (deed.targetRole === role) return true;
    return written(env, db, id, changingRole(db, deed, role), changeTasks(deed, role, now), now);
  });
  return personIn(db, id, target);
}

async function personIn(db: Db, id: string, userId: string): Promise<WorkspaceMember> {
  const [person] = await peopleAmong(db, id, [userId]);
  if (person === undefined) throw noMember();
  return person;
}

/** Writes the change of a member with what follows from it; false when it did not hold any more. */
async function written(
  env: Env,
  db: Db,
  id: string,
  statement: ReturnType<typeof changingRole> | ReturnType<typeof removingMember>,
  tasks: StoredTask[],
  now: number,
): Promise<boolean> {
  const [changed] = await db.batch([statement, versioning(db, id), ...tasks.map((task) => inserting(db, task, now))]);
  if (changed.length === 0) {
    for (const task of tasks) await deleting(db, task.id);
    return false;
  }
  // failpoint: workspace.member-changed
  for (const task of tasks) await followUp(env, task);
  return true;
}

/** Makes somebody else the owner; who was it becomes an admin. Throws `forbidden`, `not_found`. */
export async function transferWorkspace(
  env: Env,
  id: string,
  actor: string,
  target: string,
  now: number,
): Promise<WorkspaceMember> {
  if (actor === target) throw new ApiError('invalid', 'user_id: that is you');
  const db = database(env);
  const decide = ({ actor: role }: { actor: WorkspaceRole }) => (may(role, 'transfer') ? undefined : forbidden(role));
  await deciding(db, id, actor, target, false, decide, async (deed) => {
    const tasks = changeTasks(deed, 'owner', now);
    const [changed] = await db.batch([
      changingRole(db, deed, 'owner'),
      steppingDown(db, deed),
      versioning(db, id),
      ...tasks.map((task) => inserting(db, task, now)),
    ]);
    if (changed.length === 0) {
      for (const task of tasks) await deleting(db, task.id);
      return false;
    }
    // failpoint: workspace.transferred
    for (const task of tasks) await followUp(env, task);
    return true;
  });
  return personIn(db, id, target);
}

/**
 * Removes a member, or lets `actor` leave; they leave every conversation of the workspace. Throws `forbidden`, `not_found`,
 * `conflict` (the last owner stays).
 */
export async function removeWorkspaceMember(
  env: Env,
  id: string,
  actor: string,
  target: string,
  now: number,
): Promise<void> {
  const db = database(env);
  const decide = (roles: { actor: WorkspaceRole; target: WorkspaceRole }) =>
    actor === target || gives(roles.actor, roles.target) ? undefined : forbidden(roles.actor);
  const expel = pending({ kind: 'expel', workspace_id: id, user_id: target, after: '' });
  await deciding(db, id, actor, target, true, decide, async (deed) => {
    const news = { what: 'removed', by: actor, at: now } as const;
    const told = [pending({ kind: 'settle_seats', workspace_id: id, user_ids: [target], news })];
    // Another may be the named owner now, which everybody sees.
    if (deed.targetRole === 'owner') told.push(pending({ kind: 'settle_workspace', workspace_id: id, after: '' }));
    const [gone] = await db.batch([
      removingMember(db, deed),
      versioning(db, id),
      inserting(db, expel, now),
      ...told.map((task) => inserting(db, task, now)),
    ]);
    if (gone.length === 0) {
      for (const task of [expel, ...told]) await deleting(db, task.id);
      return false;
    }
    // failpoint: workspace.member-removed
    for (const task of told) await followUp(env, task);
    return true;
  });
  // failpoint: workspace.removal-told
  // The answer says that they are out of every conversation: so it waits for that.
  await runTask(env, expel);
}
