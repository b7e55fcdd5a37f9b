import { z } from 'zod';
import { forgetAttempts } from '../auth/attempts.ts';
import { forgetSessions } from '../auth/sessions.ts';
import { database } from '../db/client.ts';
import { findTask, takeDue } from '../db/tasks.ts';
import { forgettingInvitations } from '../db/workspace-invitations.ts';
import { sweepFiles } from '../files/sweep.ts';
import { logError } from '../log.ts';
import { forgetCodes } from '../mail/codes.ts';
import { DigestJob, sendDigest } from '../mail/digest.ts';
import { PushJob, push } from '../push/send.ts';
import { deleteDueWorkspaces } from '../workspaces/workspaces.ts';
import { runTask } from './perform.ts';

const TaskMessage = z.object({ task_id: z.string() });
/** Tasks that one sweep puts on the queue. */
const SWEEP = 100;
/** From here on a task that fails is worth a look. */
const STUCK_AFTER = 8;

/** Consumer of the TASKS queue: each message names a task; one that is done already is acknowledged. */
export async function consume(batch: MessageBatch, env: Env): Promise<void> {
  for (const message of batch.messages) {
    const alert = PushJob.safeParse(message.body);
    if (alert.success) {
      const { user_id } = alert.data.push;
      await attempt(message, 'push.failed', { user_id }, () => push(env, alert.data.push));
      continue;
    }
    const digest = DigestJob.safeParse(message.body);
    if (digest.success) {
      const { user_id } = digest.data.digest;
      await attempt(message, 'digest.failed', { user_id }, () => sendDigest(env, digest.data.digest));
      continue;
    }
    const named = TaskMessage.safeParse(message.body);
    if (!named.success) {
      logError('task.unknown_message', new Error('a message on the queue names no task'));
      message.ack();
      continue;
    }
    const { task_id } = named.data;
    await attempt(message, 'task.failed', { task_id }, async () => {
      const stored = await findTask(database(env), task_id);
      if (stored !== undefined) await runTask(env, stored);
    });
  }
}

/** Acknowledges a message that was carried out; one that was not comes again, later each time. */
async function attempt(
  message: Message,
  fault: string,
  about: Record<string, string>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    message.ack();
  } catch (error) {
    logError(fault, error, about);
    message.retry({ delaySeconds: Math.min(2 ** message.attempts, 300) });
  }
}

/** Every minute: tasks that a request or the queue left behind go to the queue, rows that say nothing any more go. */
export async function sweep(env: Env, now: number): Promise<void> {
  const db = database(env);
  const due = await takeDue(db, now, SWEEP);
  for (const { id, attempts } of due) {
    if (attempts >= STUCK_AFTER)
      logError('task.stuck', new Error('not done after several attempts'), { task_id: id, attempts });
  }
  if (due.length > 0) await env.TASKS.sendBatch(due.map(({ id }) => ({ body: { task_id: id } })));
  await db.batch([
    forgetAttempts(db, now),
    forgetSessions(db, now),
    forgetCodes(db, now),
    forgettingInvitations(db, now),
  ]);
  await sweepFiles(env, now);
  await deleteDueWorkspaces(env, now);
}
