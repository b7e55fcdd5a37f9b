import { and, eq, inArray } from 'drizzle-orm';
import { z } from 'zod';
import { configOf } from '../config.ts';
import { database } from '../db/client.ts';
import { users, verifiedEmails } from '../db/schema.ts';
import { inbox } from '../objects/stubs.ts';
import { mailerOf } from './mailer.ts';
import { digestText } from './texts.ts';

/** A message of the queue: somebody has been away for long. */
export const DigestJob = z.object({ digest: z.object({ user_id: z.string() }) });
export type DigestJob = z.infer<typeof DigestJob>['digest'];

/** Tells somebody by mail what waits for them, at an address that is confirmed. Throws when it could not be sent. */
export async function sendDigest(env: Env, { user_id }: DigestJob): Promise<void> {
  const waiting = await inbox(env, user_id).digest();
  if (waiting.length === 0) return;
  const db = database(env);
  const to = await db
    .select({ email: users.email })
    .from(users)
    .innerJoin(verifiedEmails, and(eq(verifiedEmails.user_id, users.id), eq(verifiedEmails.email, users.email)))
    .where(and(eq(users.id, user_id), eq(users.status, 'Active')))
    .get();
  if (to !== undefined) {
    const peers = waiting.flatMap(({ peer_id }) => peer_id ?? []);
    const known =
      peers.length === 0
        ? []
        : await db.select({ id: users.id, name: users.fullname }).from(users).where(inArray(users.id, peers));
    const names = new Map(known.map(({ id, name }) => [id, name]));
    const chats = waiting.map(({ name, peer_id, unread }) => ({
      name: name ?? names.get(peer_id ?? '') ?? null,
      unread,
    }));
    const config = configOf(env);
    await mailerOf(env, config)({ to: to.email, ...digestText({ url: config.publicUrl, chats }) });
  }
  await inbox(env, user_id).digested();
}
