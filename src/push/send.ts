/// <reference path="./env.d.ts" />
import { buildPushPayload } from '@block65/webcrypto-web-push';
import { z } from 'zod';
import { findProfiles } from '../auth/users.ts';
import { configOf } from '../config.ts';
import { database } from '../db/client.ts';
import { logError } from '../log.ts';
import { inbox } from '../objects/stubs.ts';
import { PushPayload } from '../protocol/push.ts';

const Target = z.object({ id: z.string(), endpoint: z.string(), p256dh: z.string(), auth: z.string() });
const Alert = z.object({
  payload: PushPayload,
  urgent: z.boolean(),
  targets: z.array(Target),
});

/** A message of the queue: a conversation of a user is to be pushed. `to`: only to these subscriptions, again. */
export const PushJob = z.object({
  push: z.object({
    user_id: z.string(),
    chat_id: z.string(),
    again: z.object({ to: z.array(z.string()), attempt: z.number(), alert: Alert }).optional(),
  }),
});
export type PushJob = z.infer<typeof PushJob>['push'];

/** Seconds for which a push service keeps a message for a device that is off. */
const TTL = 24 * 60 * 60;
/** A service that was busy is asked again so often, later each time. */
const ATTEMPTS = 5;
const TIMEOUT_MS = 15_000;

/** At most 32 characters of base64url: what tells the service that a later push takes the place of an earlier one. */
async function topicOf(chatId: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(chatId)));
  return btoa(String.fromCharCode(...digest.subarray(0, 24)))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

/** Says who wrote: whoever is away has to be told by a name. Without it the push goes all the same. */
async function named(env: Env, payload: PushPayload): Promise<PushPayload> {
  try {
    const [sender] = await findProfiles(database(env), { ids: [payload.sender_id] });
    return sender === undefined ? payload : { ...payload, sender_name: sender.fullname };
  } catch (error) {
    logError('push.unnamed', error, { chat_id: payload.chat_id });
    return payload;
  }
}

/**
 * Pushes a conversation to the devices of a user, as it is now. A subscription that the service no longer knows is
 * dropped; one whose service is busy is tried again, alone.
 */
export async function push(env: Env, job: PushJob, post: typeof fetch = fetch): Promise<void> {
  const { vapid } = configOf(env);
  if (vapid === null) return;
  const { user_id, chat_id, again } = job;
  // What is tried again is what was to be pushed then: the inbox counts it as pushed.
  const taken = again === undefined ? await inbox(env, user_id).alert(chat_id) : again.alert;
  if (taken === null) return;
  const alert = { ...taken, payload: await named(env, taken.payload) };
  const topic = await topicOf(chat_id);
  const results = await Promise.all(
    alert.targets
      .filter(({ id }) => again === undefined || again.to.includes(id))
      .map(async ({ id, endpoint, p256dh, auth }) => {
        try {
          const { headers, body } = await buildPushPayload(
            {
              data: JSON.stringify(alert.payload),
              options: { ttl: TTL, topic, urgency: alert.urgent ? 'high' : 'normal' },
            },
            { endpoint, expirationTime: null, keys: { p256dh, auth } },
            vapid,
          );
          const response = await post(endpoint, {
            method: 'POST',
            headers,
            body,
            redirect: 'manual',
            signal: AbortSignal.timeout(TIMEOUT_MS),
          });
          await response.body?.cancel();
          return { id, status: response.status };
        } catch (error) {
          logError('push.not_sent', error, { user_id });
          return { id, status: 0 };
        }
      }),
  );
  if (again === undefined) await inbox(env, user_id).alerted(chat_id, alert.payload.seq);
  const gone = results.filter(({ status }) => status === 404 || status === 410).map(({ id }) => id);
  if (gone.length > 0) await inbox(env, user_id).unsubscribe(gone);
  const busy = results.filter(({ status }) => status === 0 || status === 429 || status >= 500).map(({ id }) => id);
  const refused = results.filter(({ status }) => status >= 300 && status < 500 && ![404, 410, 429].includes(status));
  for (const { status } of refused)
    logError('push.refused', new Error(`a push service answered ${status}`), { user_id });
  const attempt = (again?.attempt ?? 0) + 1;
  if (busy.length === 0 || attempt >= ATTEMPTS) return;
  const rest: PushJob = { user_id, chat_id, again: { to: busy, attempt, alert } };
  await env.TASKS.send({ push: rest }, { delaySeconds: 10 * 2 ** attempt });
}
