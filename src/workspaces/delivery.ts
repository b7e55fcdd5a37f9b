/// <reference path="../files/node-crypto.d.ts" />
import { createHmac, hkdfSync } from 'node:crypto';
import { base64url } from 'jose';
import { countAttempt } from '../auth/attempts.ts';
import { timestamp } from '../clock.ts';
import { type Config, configOf } from '../config.ts';
import type { Db } from '../db/client.ts';
import type { Task } from '../db/tasks.ts';
import { invitationToMail } from '../db/workspace-invitations.ts';
import { ApiError } from '../errors.ts';
import { MAIL_STALE_MS } from '../mail/account-mails.ts';
import { mailerOf, sendsMail } from '../mail/mailer.ts';
import { invitationText } from '../mail/texts.ts';
import { ATTEMPTS } from '../protocol/limits.ts';

/*
 * How the code of an invitation to an address reaches it: by mail. What is stored names the invitation; the code is made of
 * that name when the mail is sent, so that a mail that is sent twice has one code, and it is stored nowhere.
 */

/** Bytes of a code: 192 bits. */
export const CODE_BYTES = 24;

const MAILS = { ...ATTEMPTS.invitationMails, message: 'Too many invitations by mail' };
const TO_ONE = { ...ATTEMPTS.invitationMailsToOne, message: 'Too many invitations to this address' };

/** The code of an invitation to an address. */
export function codeOf({ signingKeys: [key] }: Config, invitationId: string): string {
  const secret = hkdfSync('sha256', base64url.decode(key.d), new Uint8Array(), 'tideline workspace invitation', 32);
  const mac = createHmac('sha256', new Uint8Array(secret)).update(invitationId).digest();
  return base64url.encode(mac.slice(0, CODE_BYTES));
}

/**
 * Whether an invitation of this user to this address goes out by mail, and whether who makes it sees its code: on one's own
 * machine. Throws `unavailable` where it would reach nobody, `rate_limited`.
 */
export async function requireDelivery(
  env: Env,
  db: Db,
  userId: string,
  email: string,
  now: number,
): Promise<{ mailed: boolean; shown: boolean }> {
  const config = configOf(env);
  const mailed = sendsMail(env, config);
  const shown = config.environment === 'local';
  if (!mailed && !shown) throw new ApiError('unavailable', 'This server sends no mail: invite by a link');
  if (mailed) {
    await countAttempt(db, `invite ${userId}`, now, MAILS);
    await countAttempt(db, `invite ${userId} ${email}`, now, TO_ONE);
  }
  return { mailed, shown };
}

/** Sends the mail of an invitation, unless nobody could use it any more. Throws when it could not be sent. */
export async function sendInvitation(
  env: Env,
  db: Db,
  { invitation_id, at }: Extract<Task, { kind: 'invitation_mail' }>,
): Promise<void> {
  const now = Date.now();
  if (now - at > MAIL_STALE_MS) return;
  const config = configOf(env);
  const code = codeOf(config, invitation_id);
  const letter = await invitationToMail(db, invitation_id, await digestOf(code), now);
  if (letter === undefined) return;
  const { email, expires_at, inviter, workspace } = letter;
  const until = timestamp(expires_at);
  await mailerOf(
    env,
    config,
  )({
    to: email,
    ...invitationText({ url: config.publicUrl, code, inviter, workspace, until }),
  });
}

/** What D1 has of a code. */
export async function digestOf(code: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code));
  return base64url.encode(new Uint8Array(digest));
}
