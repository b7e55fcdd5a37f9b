import { env } from 'cloudflare:workers';
import { database } from '../../src/db/client.ts';
import { findTask } from '../../src/db/tasks.ts';
import type { Mail } from '../../src/mail/mailer.ts';
import { runTask } from '../../src/tasks/perform.ts';

/** The environment with a mail binding that keeps what it is given, and a queue that the test empties. */
export class Mailbox {
  readonly mails: Mail[] = [];
  readonly queued: string[] = [];
  /** Set: sending fails. */
  broken = false;

  readonly env: Env = {
    ...env,
    MAIL: {
      send: async (mail) => {
        if (this.broken) throw new Error('the mail server is away');
        if (!('subject' in mail) || typeof mail.to !== 'string') throw new Error('a mail to one person');
        this.mails.push({ to: mail.to, subject: mail.subject, text: mail.text ?? '' });
        return { messageId: 'x' };
      },
    },
    TASKS: new Proxy(env.TASKS, {
      get: (target, property) =>
        property === 'send'
          ? async ({ task_id }: { task_id: string }) => void this.queued.push(task_id)
          : Reflect.get(target, property),
    }),
  };

  /** Carries out what is on the queue, and gives the mails that came of it. */
  async deliver(): Promise<Mail[]> {
    const before = this.mails.length;
    for (const id of this.queued.splice(0)) {
      const stored = await findTask(database(env), id);
      if (stored !== undefined) await runTask(this.env, stored);
    }
    return this.mails.slice(before);
  }
}

/** The code of a mail. */
export const codeIn = (mail: Mail | undefined): string => /^[0-9a-z]{32}$/m.exec(mail?.text ?? '')?.[0] ?? '';
