import type { z } from 'zod';
import { refuseUsers, requireActive } from '../auth/users.ts';
import type { RoomApi, Sight } from '../conversation/api.ts';
import type { Command } from '../conversation/commands.ts';
import { NOT_FOUND } from '../conversation/permissions.ts';
import { policyProblem } from '../conversation/settings.ts';
import { findDm, markDeleted, registerChat, registerDm } from '../db/chats.ts';
import { type Db, database } from '../db/client.ts';
import { deleting, inserting, type StoredTask } from '../db/tasks.ts';
import { isFullMember, outsiders } from '../db/workspaces.ts';
import { ApiError } from '../errors.ts';
import { requireUnblocked, singleRefused } from '../friends/friends.ts';
import { beginWithBlocks } from '../friends/settle.ts';
import { newId } from '../ids.ts';
import { room } from '../objects/stubs.ts';
import type { Chat, CreateChat, Member } from '../protocol/chats.ts';
import type { Result } from '../protocol/errors.ts';
import { unwrap } from '../routes/api.ts';
import { ask, call } from '../routes/call.ts';
import { settleMembers } from '../tasks/perform.ts';
import { noWorkspace, requireCreator, requireSeat } from '../workspaces/workspaces.ts';

/*
 * What the door adds to the rooms: it knows the users and the workspaces, they know the members. A room is never
 * asked to take in somebody whom this side has not checked.
 */

type NewChat = z.output<typeof CreateChat>;
type Created = { chat: Chat; created: boolean };

/** Word for word what a room says that does not exist: a difference would tell that it does. */
const noChat = () => ApiError.fromRefusal(NOT_FOUND.refusal);
const OUTSIDE = 'not a member of the workspace';

/** Creates a conversation, or returns the Single of the pair. Throws `invalid`, `not_found` (the workspace). */
export const createChat = (env: Env, creator: string, input: NewChat, now: number): Promise<Created> =>
  input.type === 'Single' ? createSingle(env, creator, input, now) : createShared(env, creator, input, now);

async function createSingle(env: Env, creator: string, input: NewChat, now: number): Promise<Created> {
  const [other, ...more] = [...new Set(input.members)].filter((id) => id !== creator);
  if (other === undefined || more.length > 0) {
    throw new ApiError('invalid', 'members: a Single names exactly one other person');
  }
  if (input.workspace_id != null) {
    throw new ApiError('invalid', 'workspace_id: a Single belongs to two people and to no workspace');
  }
  if (input.name != null || input.history !== undefined || input.join_policy !== undefined) {
    throw new ApiError('invalid', 'a Single has neither a name nor settings of its own');
  }
  const db = database(env);
  let entry = await findDm(db, creator, other);
  if (entry === undefined) await requireActive(db, [other], 'members');
  const refused = await singleRefused(db, creator, other);
  if (refused !== undefined) {
    // One that has begun is there for both, whatever either thinks of the other since.
    const known = entry?.id;
    const begun = known === undefined ? undefined : await call(() => room(env, known).describe(creator));
    if (begun?.ok) return { chat: begun.value.chat, created: false };
    throw refused;
  }
  entry ??= await registerDm(db, creator, other, now);
  // failpoint: create.registered-pair
  const { id, created_by } = entry;
  await call(() => beginWithBlocks(env, db, id, creator, other));
  // failpoint: create.blocks-told
  return ask(() =>
    room(env, id).create({
      chat_id: id,
      type: 'Single',
      name: null,
      workspace_id: null,
      created_by,
      members: [created_by, created_by === creator ? other : creator],
      history: 'all',
    }),
  );
}

async function createShared(env: Env, creator: string, input: NewChat, now: number): Promise<Created> {
  const db = database(env);
  const name = input.name ?? null;
  if (name === null && input.type !== 'Group') throw new ApiError('invalid', 'name: a channel needs a name');
  const problem = input.join_policy === undefined ? null : policyProblem(input.type, input.join_policy);
  if (problem !== null) throw new ApiError('invalid', problem);
  const workspace_id = input.workspace_id ?? null;
  if (workspace_id !== null) await requireCreator(db, workspace_id, creator, input.type);
  const others = [...new Set(input.members)].filter((id) => id !== creator);
  await requireWelcome(db, workspace_id, others, 'members');
  await requireUnblocked(db, creator, others, 'members');
  const entry = await registerChat(db, { type: input.type, workspace_id, created_by: creator }, now);
  if (entry === null) throw noWorkspace();
  // failpoint: create.registered
  const members = [creator, ...others];
  const { value, out } = await entering(
    env,
    db,
    workspace_id,
    { chat_id: entry.id, user_ids: members, new: true },
    () =>
      ask(() =>
        room(env, entry.id).create({
          chat_id: entry.id,
          type: input.type,
          name,
          workspace_id,
          created_by: creator,
          members,
          history: input.history ?? (input.type === 'Group' ? 'joined' : 'all'),
          ...(input.join_policy === undefined ? {} : { join_policy: input.join_policy }),
        }),
      ),
  );
  if (out.includes(creator)) throw noWorkspace();
  return value;
}

/** Throws `invalid` unless all exist, are active, and are in the workspace, if there is one. */
export async function requireWelcome(
  db: Db,
  workspaceId: string | null,
  userIds: string[],
  path: string,
): Promise<void> {
  if (userIds.length === 0) return;
  await requireActive(db, userIds, path);
  if (workspaceId !== null) refuseUsers(await outsiders(db, workspaceId, userIds), path, OUTSIDE);
}

/**
 * Lets users into a conversation of a workspace by `enter`, and takes those out again who left the workspace meanwhile.
 * The task stands before and falls after, so that this holds although the request may end anywhere in between.
 */
export async function entering<T>(
  env: Env,
  db: Db,
  workspaceId: string | null,
  entry: { chat_id: string; user_ids: string[]; new: boolean },
  enter: () => Promise<T>,
): Promise<{ value: T; out: string[] }> {
  if (workspaceId === null) return { value: await enter(), out: [] };
  const task = { kind: 'settle_members' as const, workspace_id: workspaceId, ...entry };
  const id = newId('tsk');
  await inserting(db, { id, task }, Date.now());
  // failpoint: enter.noted
  const value = await enter().catch(async (error: unknown) => {
    // A refusal let nobody in. After anything else the room may or may not have: the task finds out.
    if (error instanceof ApiError && error.code !== 'unavailable') await deleting(db, id);
    throw error;
  });
  // failpoint: enter.entered
  const out = await settleMembers(env, db, task);
  // failpoint: enter.settled
  await deleting(db, id);
  return { value, out };
}

/** The conversation as the user may see it: a member, or a public channel that is open to them. Throws `not_found`. */
export async function see(env: Env, chatId: string, userId: string): Promise<Sight> {
  const sight = await ask(() => room(env, chatId).describe(userId));
  const { workspace_id } = sight.chat;
  if (!sight.member && workspace_id !== null && !(await isFullMember(database(env), workspace_id, userId))) {
    throw noChat();
  }
  return sight;
}

/** Throws `forbidden` to a guest of the workspace: they bring nobody in, whatever the conversation lets its members do. */
export async function requireHost(db: Db, workspaceId: string | null, userId: string): Promise<void> {
  if (workspaceId !== null) await requireSeat(db, workspaceId, userId, 'create');
}

/** Adds users, or lets the caller join a public channel. Throws `invalid` naming who cannot be added, and the room's refusals. */
export async function addMembers(
  env: Env,
  chatId: string,
  userId: string,
  added: string[],
): Promise<{ items: Member[] }> {
  const { chat } = await see(env, chatId, userId);
  const db = database(env);
  await requireHost(db, chat.workspace_id, userId);
  const userIds = [...new Set(added)];
  await requireWelcome(db, chat.workspace_id, userIds, 'user_ids');
  await requireUnblocked(db, userId, userIds, 'user_ids');
  const { value } = await entering(env, db, chat.workspace_id, { chat_id: chatId, user_ids: userIds, new: false }, () =>
    inChat(env, chatId, userId, (room, user) => room.addMembers(user, userIds)),
  );
  return value;
}

/**
 * Calls a room for a user. Its `forbidden` says that the conversation exists: somebody who may not even know that is told
 * `not_found`.
 */
export async function tryInChat<T>(
  env: Env,
  chatId: string,
  userId: string,
  attempt: (chat: RoomApi, userId: string) => Promise<Result<T>>,
  options?: { once?: boolean },
): Promise<Result<T>> {
  const answer = await call(() => attempt(room(env, chatId), userId), options);
  if (answer.ok || answer.refusal.code !== 'forbidden') return answer;
  try {
    await see(env, chatId, userId);
    return answer;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return NOT_FOUND;
    throw error;
  }
}

/** As `tryInChat`; throws its refusals. */
export const inChat = async <T>(...args: Parameters<typeof tryInChat<T>>): Promise<T> =>
  unwrap(await tryInChat<T>(...args));

/** What is done about the people of a conversation. The answer is JSON; what is done twice is not always done once. */
export const manage = (
  env: Env,
  chatId: string,
  userId: string,
  command: Command,
  options?: { once?: boolean },
): Promise<string> => inChat(env, chatId, userId, (chat, user) => chat.manage(user, command), options);

/** Deletes a conversation: the room decides, the directory follows. Throws the room's refusals. */
export async function deleteChat(env: Env, chatId: string, userId: string, now: number): Promise<void> {
  const sight = await see(env, chatId, userId);
  if (!sight.member) throw new ApiError('forbidden', 'Only its owner may delete a conversation');
  const db = database(env);
  const task: StoredTask = {
    id: newId('tsk'),
    task: { kind: 'settle_deletion', chat_id: chatId, user_id: userId },
  };
  await inserting(db, task, now);
  // failpoint: delete.noted
  const answer = await call(() => room(env, chatId).destroy(userId), { once: true });
  // failpoint: delete.destroyed
  if (answer.ok) await db.batch([markDeleted(db, chatId, now), deleting(db, task.id)]);
  else await deleting(db, task.id);
  unwrap(answer);
}
