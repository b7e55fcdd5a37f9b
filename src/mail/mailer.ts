/// <reference path="./env.d.ts" />
import { connect as connectPlainly } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { createTransport } from 'nodemailer';
import type { Config } from '../config.ts';
import { logError } from '../log.ts';

/** A mail to one person, in plain text. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** Sends a mail, or throws: then it may be sent again. */
export type Mailer = (mail: Mail) => Promise<void>;

/** Milliseconds in which a server has to answer. */
const PATIENCE_MS = 20_000;

/** Whether mails go anywhere. */
export const sendsMail = (env: Env, config: Config): boolean => env.MAIL !== undefined || config.mail.smtp !== null;

/** By Cloudflare's binding, by SMTP, or, when the operator has set up neither, not at all. */
export function mailerOf(env: Env, config: Config): Mailer {
  const { from, smtp } = config.mail;
  const { MAIL } = env;
  if (MAIL !== undefined) {
    return async (mail) => {
      await MAIL.send({ from, ...mail });
    };
  }
  if (smtp !== null) return (mail) => sendBySmtp(smtp, from, mail);
  return async () => {
    if (config.environment === 'production') {
      logError('mail.not_set_up', new Error('a mail was not sent: set SMTP_URL or bind MAIL'));
    }
  };
}

async function sendBySmtp(smtp: NonNullable<Config['mail']['smtp']>, from: string, mail: Mail): Promise<void> {
  const { host, port, secure, user, password } = smtp;
  const transport = createTransport({
    host,
    port,
    secure,
    // Whoever wants encryption says `smtps`: there is no half-way that somebody between could talk us out of.
    ignoreTLS: true,
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    // By name: the platform resolves it, and checks the certificate against it.
    getSocket: (_options, callback) => {
      const failed = (error: Error) => callback(error);
      const connected = () => {
        socket.off('error', failed);
        callback(null, { connection: socket, secured: secure });
      };
      const socket = (secure ? connectSecurely : connectPlainly)({ host, port }, connected);
      socket.once('error', failed);
      // The library sets its time-out anew at each step, which the platform counts as another listener.
      socket.setMaxListeners(0);
    },
  });
  try {
    await transport.sendMail({ from, ...mail });
  } finally {
    transport.close();
  }
}
