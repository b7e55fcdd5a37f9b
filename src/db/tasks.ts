import { asc, eq, lte, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Db } from './client.ts';
import { tasks } from './schema.ts';

/*
 * A task is what must follow from a change in D1 in another place: a row written in the same batch as the change, so
 * that it cannot be lost, and deleted when it is done. Carrying one out twice changes nothing.
 */

/** Milliseconds for which the request that wrote a task has it to itself. */
const GRACE_MS = 10_000;
const MAX_BACKOFF_MS = 60 * 60 * 1000;

export const Task = z.discriminatedUnion('kind', [
  /** Sessions whose `revoked_by` is this task end in the user's inbox. */
  z.object({ kind: z.literal('end_sessions'), user_id: z.string() }),
  /** The inbox learns the status that D1 has. */
  z.object({ kind: z.literal('settle_status'), user_id: z.string() }),
  /** A user who left a workspace leaves its conversations; `after` is the last one that is done. */
  z.object({
    kind: z.literal('expel'),
    workspace_id: z.string(),
    user_id: z.string(),
    after: z.string().default(''),
  }),
  /**
   * Users were let into a conversation of a workspace: those who left the workspace meanwhile leave it again. `new`: the
   * conversation began with this, and the first of the users began it.
   */
  z.object({
    kind: z.literal('settle_members'),
    workspace_id: z.string(),
    chat_id: z.string(),
    user_ids: z.array(z.string()),
    new: z.boolean(),
  }),
  /** The conversations of a deleted workspace are deleted. */
  z.object({ kind: z.literal('dissolve'), workspace_id: z.string(), after: z.string().default('') }),
  /** A member asked to delete a conversation: if the room did, the directory learns it. */
  z.object({ kind: z.literal('settle_deletion'), chat_id: z.string(), user_id: z.string() }),
  /** An object in R2 lost what named it: it is deleted unless something else does. */
  z.object({ kind: z.literal('settle_object'), key: z.string(), multipart_id: z.string().nullable() }),
  /** A mail of the account: what stands in it is made when it is sent, so that no code is ever stored. */
  z.object({
    kind: z.literal('mail'),
    mail: z.enum(['verify', 'reset', 'new_device']),
    to: z.union([z.object({ user_id: z.string() }), z.object({ email: z.string() })]),
    device: z.string().nullish(),
    /** When it was asked for. */
    at: z.number(),
  }),
  /** An invitation to a workspace goes to the address that it is for. */
  z.object({
    kind: z.literal('invitation_mail'),
    invitation_id: z.string(),
    /** When it was made. */
    at: z.number(),
  }),
  /** These users' inboxes learn how they stand to these others, and with `block` the Singles learn who has blocked whom. */
  z.object({
    kind: z.literal('settle_contacts'),
    rows: z.array(z.object({ user_id: z.string(), peer_id: z.string() })),
    block: z.boolean(),
    /** Who did it: the other is notified. */
    by: z.string().optional(),
  }),
  /** The inbox learns a group of friends. */
  z.object({ kind: z.literal('settle_friend_group'), id: z.string() }),
  /** The inbox learns the user's privacy settings. */
  z.object({ kind: z.literal('settle_privacy'), user_id: z.string() }),
  /** These users' inboxes learn how they have a workspace, or that they have it no more. */
  z.object({
    kind: z.literal('settle_seats'),
    workspace_id: z.string(),
    user_ids: z.array(z.string()),
    /** What somebody did about them: others than who did it are notified. */
    news: z.object({ what: z.enum(['invited', 'role', 'removed']), by: z.string(), at: z.number() }).optional(),
  }),
  /** All members' inboxes learn the workspace; `after` is the last one that is done. */
  z.object({ kind: z.literal('settle_workspace'), workspace_id: z.string(), after: z.string().default('') }),
  /** New members enter the default channels; `by` let them in. */
  z.object({
    kind: z.literal('enter_defaults'),
    workspace_id: z.string(),
    user_ids: z.array(z.string()),
    by: z.string(),
  }),
  /** The conversations of a workspace learn how long it keeps messages. */
  z.object({ kind: z.literal('limit_retention'), workspace_id: z.string(), after: z.string().default('') }),
]);
export type Task = z.infer<typeof Task>;
export interface StoredTask {
  id: string;
  task: Task;
}

/** The statement that writes a task; goes into the batch of the change. */
export const inserting = (db: Db, { id, task }: StoredTask, now: number) =>
  db.insert(tasks).values({
    id,
    kind: task.kind,
    payload: JSON.stringify(task),
    created_at: now,
    due_at: now + GRACE_MS,
  });

/** As `inserting`, if the condition holds then; gives back a row if it did. */
export const insertingIf = (db: Db, { id, task }: StoredTask, now: number, condition: SQL) =>
  db
    .insert(tasks)
    .select(sql`SELECT ${id}, ${task.kind}, ${JSON.stringify(task)}, ${now}, ${now + GRACE_MS}, 0 WHERE ${condition}`)
    .returning({ id: tasks.id });

export const deleting = (db: Db, id: string) => db.delete(tasks).where(eq(tasks.id, id));

/** The task, or undefined when it is done. */
export async function findTask(db: Db, id: string): Promise<StoredTask | undefined> {
  const row = await db.select().from(tasks).where(eq(tasks.id, id)).get();
  return row && { id: row.id, task: Task.parse(JSON.parse(row.payload)) };
}

/** Remembers how far a long task has come. */
export const advance = (db: Db, { id, task }: StoredTask, now: number) =>
  db
    .update(tasks)
    .set({ payload: JSON.stringify(task), due_at: now + GRACE_MS, attempts: 0 })
    .where(eq(tasks.id, id));

/** Takes tasks that nobody finished. Each is due again later, and later each time, until it is done. */
export async function takeDue(db: Db, now: number, limit: number): Promise<{ id: string; attempts: number }[]> {
  const due = db
    .select({ id: tasks.id })
    .from(tasks)
    .where(lte(tasks.due_at, now))
    .orderBy(asc(tasks.due_at))
    .limit(limit);
  return db
    .update(tasks)
    .set({
      attempts: sql`${tasks.attempts} + 1`,
      due_at: sql`${now} + min(${MAX_BACKOFF_MS}, ${GRACE_MS} << min(${tasks.attempts}, 16))`,
    })
    .where(sql`${tasks.id} IN ${due}`)
    .returning({ id: tasks.id, attempts: tasks.attempts });
}
