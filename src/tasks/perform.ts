import { and, eq } from 'drizzle-orm';
import { chatsOfWorkspace, markDeleted } from '../db/chats.ts';
import { type Db, database } from '../db/client.ts';
import { sessions, users } from '../db/schema.ts';
import { advance, deleting, type StoredTask, type Task } from '../db/tasks.ts';
import { isWorkspaceMember, outsiders } from '../db/workspaces.ts';
import { settleObject } from '../files/uploads.ts';
import { settleContacts, settleFriendGroup, settlePrivacy } from '../friends/settle.ts';
import { logError } from '../log.ts';
import { sendAccountMail } from '../mail/account-mails.ts';
import { inbox, room } from '../objects/stubs.ts';
import { sendInvitation } from '../workspaces/delivery.ts';
import { enterDefaults, settleRetention, settleSeats, settleWorkspace } from '../workspaces/settle.ts';

/** Conversations that one run of a task visits; the rest comes with the next run. */
const CHUNK = 100;
/** Calls to rooms at the same time. */
const WIDTH = 10;

/**
 * Carries a task out, or a part of it. Throws when another place cannot be reached: the task stays.
 * @returns the rest, or null when it is done
 */
async function perform(env: Env, db: Db, { id, task }: StoredTask): Promise<Task | null> {
  switch (task.kind) {
    case 'end_sessions': {
      const ended = await db
        .select({ id: sessions.id })
        .from(sessions)
        .where(and(eq(sessions.user_id, task.user_id), eq(sessions.revoked_by, id)));
      if (ended.length > 0) await inbox(env, task.user_id).endSessions({ sessions: ended.map((row) => row.id) });
      return null;
    }
    case 'settle_status':
      await settleStatus(env, db, task.user_id);
      return null;
    case 'expel': {
      // One who came back in the meantime keeps what they are in.
      if (await isWorkspaceMember(db, task.workspace_id, task.user_id)) return null;
      const after = await eachChat(db, task, (chatId) => room(env, chatId).expel(task.user_id));
      return after === null ? null : { ...task, after };
    }
    case 'settle_members':
      await settleMembers(env, db, task);
      return null;
    case 'dissolve': {
      const after = await eachChat(db, task, async (chatId) => {
        await room(env, chatId).dissolve();
        // failpoint: task.dissolved
        await markDeleted(db, chatId, Date.now());
      });
      return after === null ? null : { ...task, after };
    }
    case 'settle_deletion': {
      // The user was a member: a room that no longer knows them was deleted and has told everybody.
      const notice = await room(env, task.chat_id).look(task.user_id);
      if (notice === null || notice.gone === 'deleted') await markDeleted(db, task.chat_id, Date.now());
      return null;
    }
    case 'settle_object':
      await settleObject(env, db, task);
      return null;
    case 'mail':
      await sendAccountMail(env, db, { id, task });
      return null;
    case 'invitation_mail':
      await sendInvitation(env, db, task);
      return null;
    case 'settle_contacts':
      await settleContacts(env, db, task);
      return null;
    case 'settle_friend_group':
      await settleFriendGroup(env, db, task.id);
      return null;
    case 'settle_privacy':
      await settlePrivacy(env, db, task.user_id);
      return null;
    case 'settle_seats':
      await settleSeats(env, db, task.workspace_id, task.user_ids, task.news);
      return null;
    case 'settle_workspace':
      return settleWorkspace(env, db, task);
    case 'enter_defaults':
      await enterDefaults(env, db, task);
      return null;
    case 'limit_retention': {
      const ids = await chatsOfWorkspace(db, task.workspace_id, task.after, CHUNK);
      await settleRetention(env, db, task.workspace_id, ids);
      const last = ids.at(-1);
      return ids.length < CHUNK || last === undefined ? null : { ...task, after: last };
    }
  }
}

/**
 * Brings the inbox to the status that D1 has. Two changes at once may tell the inbox in the wrong order, so the status is
 * read again after telling: whoever tells last tells what holds.
 */
export async function settleStatus(env: Env, db: Db, userId: string): Promise<void> {
  const read = async () =>
    (await db.select({ status: users.status }).from(users).where(eq(users.id, userId)).get())?.status;
  let status = await read();
  for (;;) {
    await inbox(env, userId).setSuspended(status === 'Suspended');
    const now = await read();
    if (now === status) return;
    status = now;
  }
}

/**
 * Only members of its workspace are in a conversation. Somebody may have been removed between the check and the room's
 * write, and their removal may have visited the room before it had them: so the check is made again after the write.
 * A new conversation whose creator is out (perhaps because the workspace is gone) does not begin.
 * @returns those who are out
 */
export async function settleMembers(
  env: Env,
  db: Db,
  { workspace_id, chat_id, user_ids, new: isNew }: Extract<Task, { kind: 'settle_members' }>,
): Promise<string[]> {
  const out = await outsiders(db, workspace_id, user_ids);
  for (const userId of out) await room(env, chat_id).expel(userId);
  const [creator] = user_ids;
  if (isNew && creator !== undefined && out.includes(creator)) {
    await room(env, chat_id).dissolve();
    await markDeleted(db, chat_id, Date.now());
  } else if (isNew) {
    // A change of the retention may have visited the room before it was.
    await settleRetention(env, db, workspace_id, [chat_id]);
  }
  return out;
}

/** Visits the next chunk of a workspace's conversations. Returns the last id visited, or null when there is no more. */
async function eachChat(
  db: Db,
  { workspace_id, after }: { workspace_id: string; after: string },
  visit: (chatId: string) => Promise<void>,
): Promise<string | null> {
  const ids = await chatsOfWorkspace(db, workspace_id, after, CHUNK);
  for (let start = 0; start < ids.length; start += WIDTH) {
    await Promise.all(ids.slice(start, start + WIDTH).map(visit));
  }
  return ids.length < CHUNK ? null : (ids.at(-1) ?? null);
}

/** Carries a task out as far as one run goes: done tasks are deleted, the rest of a long one goes to the queue. */
export async function runTask(env: Env, stored: StoredTask): Promise<void> {
  const db = database(env);
  // failpoint: task.performing
  const rest = await perform(env, db, stored);
  // failpoint: task.performed
  if (rest === null) {
    await deleting(db, stored.id);
    return;
  }
  await advance(db, { id: stored.id, task: rest }, Date.now());
  // failpoint: task.advanced
  await env.TASKS.send({ task_id: stored.id });
}

/** As `runTask`, for a change that is made and answered whatever becomes of what follows: the queue goes on with it. */
export async function followUp(env: Env, stored: StoredTask): Promise<void> {
  try {
    // failpoint: task.following
    await runTask(env, stored);
  } catch (error) {
    logError('task.deferred', error, { task_id: stored.id });
    // failpoint: task.queueing
    await env.TASKS.send({ task_id: stored.id });
  }
}
