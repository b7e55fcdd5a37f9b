import { waitUntil } from 'cloudflare:workers';
import { and, eq } from 'drizzle-orm';
import { timestamp } from '../clock.ts';
import { configOf } from '../config.ts';
import type { Db } from '../db/client.ts';
import { users, verifiedEmails } from '../db/schema.ts';
import type { StoredTask, Task } from '../db/tasks.ts';
import { newId } from '../ids.ts';
import { notificationItem, SYSTEM } from '../inbox/notifications.ts';
import { logError } from '../log.ts';
import { inbox } from '../objects/stubs.ts';
import { CODE_TTL_MS, issueCode } from './codes.ts';
import { mailerOf } from './mailer.ts';
import { newDeviceText, resetText, verifyText } from './texts.ts';

type MailTask = Extract<Task, { kind: 'mail' }>;

/** A mail that could not be sent for so long, in milliseconds, is given up: it would only confuse. */
export const MAIL_STALE_MS = 24 * 60 * 60 * 1000;

/** The task of a mail. The statement that writes it goes into the batch of what it follows from. */
export const mailTask = (mail: Omit<MailTask, 'kind' | 'at'>, now: number): StoredTask => ({
  id: newId('tsk'),
  task: { kind: 'mail', at: now, ...mail },
});

/** Has the queue carry out a task that is stored: the request does not wait. What gets lost here the cron finds. */
export function soon(env: Env, task: StoredTask): void {
  const sent = env.TASKS.send({ task_id: task.id });
  waitUntil(sent.catch((error: unknown) => logError('task.not_queued', error, { task_id: task.id })));
}

/** Sends a mail of the account. Throws when it could not be sent. Sent twice it does no harm. */
export async function sendAccountMail(env: Env, db: Db, { id, task }: { id: string; task: MailTask }): Promise<void> {
  const now = Date.now();
  if (now - task.at > MAIL_STALE_MS) return;
  const who = 'user_id' in task.to ? eq(users.id, task.to.user_id) : eq(users.email, task.to.email);
  const user = await db.select().from(users).where(who).get();
  // To an address that has no account nothing is sent, and the one who asked is not told.
  if (user === undefined || user.status !== 'Active') return;
  const config = configOf(env);
  const send = mailerOf(env, config);
  const url = config.publicUrl;
  switch (task.mail) {
    case 'verify': {
      const { id, email } = user;
      const known = await db
        .select({ at: verifiedEmails.verified_at })
        .from(verifiedEmails)
        .where(and(eq(verifiedEmails.user_id, id), eq(verifiedEmails.email, email)))
        .get();
      if (known !== undefined) return;
      const code = await issueCode(db, 'verify', user, now);
      await send({ to: email, ...verifyText({ url, code, hours: CODE_TTL_MS.verify / 3_600_000 }) });
      return;
    }
    case 'reset': {
      const code = await issueCode(db, 'reset', user, now);
      // failpoint: mail.coded
      await send({ to: user.email, ...resetText({ url, code, minutes: CODE_TTL_MS.reset / 60_000 }) });
      return;
    }
    case 'new_device': {
      const fields = { ...SYSTEM, event: 'new_device', device: task.device ?? null } as const;
      await inbox(env, user.id).put([notificationItem(`${id}.device`, task.at, task.at, fields)]);
      await send({
        to: user.email,
        ...newDeviceText({ url, device: task.device ?? null, at: timestamp(task.at) }),
      });
    }
  }
}
