import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { ApiError } from '../errors.ts';
import { inbox } from '../objects/stubs.ts';
import { CreateSubscription, NotificationSettings, PushKey, Subscription, SubscriptionId } from '../protocol/push.ts';
import { isPushService } from '../push/services.ts';
import { body, json, problems, router } from './api.ts';
import { ask, call } from './call.ts';

const tags = ['Notifications'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const key = createRoute({
  method: 'get',
  path: '/api/push/key',
  operationId: 'getPushKey',
  tags,
  summary: 'The key for subscribing',
  description: 'What a browser wants as `applicationServerKey` (VAPID, RFC 8292).',
  security,
  middleware,
  responses: { 200: json(PushKey, 'The key'), ...problems('secured') },
});

const subscribe = createRoute({
  method: 'post',
  path: '/api/push/subscriptions',
  operationId: 'subscribeToPush',
  tags,
  summary: 'Have this device pushed to',
  description:
    'Takes what `PushSubscription.toJSON()` gives. Subscribing again changes nothing but the keys. The subscription ends with the session. Only the push services of browsers are taken.',
  security,
  middleware,
  request: { body: body(CreateSubscription) },
  responses: { 201: json(Subscription, 'The subscription'), ...problems('secured', 'body') },
});

const list = createRoute({
  method: 'get',
  path: '/api/push/subscriptions',
  operationId: 'listPushSubscriptions',
  tags,
  summary: 'List subscriptions',
  description: 'Devices of the caller that are pushed to, the newest first.',
  security,
  middleware,
  responses: {
    200: json(z.object({ items: z.array(Subscription) }).meta({ id: 'SubscriptionList' }), 'The subscriptions'),
    ...problems('secured'),
  },
});

const unsubscribe = createRoute({
  method: 'delete',
  path: '/api/push/subscriptions/{id}',
  operationId: 'unsubscribeFromPush',
  tags,
  summary: 'Push to a device no more',
  description: 'Removes a subscription of the caller.',
  security,
  middleware,
  request: { params: z.object({ id: SubscriptionId }) },
  responses: { 204: { description: 'The subscription is gone' }, ...problems('secured', 'not_found') },
});

const settings = createRoute({
  method: 'get',
  path: '/api/users/me/notifications',
  operationId: 'getNotificationSettings',
  tags,
  summary: 'When one is alerted',
  description: 'What holds for all conversations; what holds for one is in its preferences.',
  security,
  middleware,
  responses: { 200: json(NotificationSettings, 'The settings'), ...problems('secured') },
});

const configure = createRoute({
  method: 'put',
  path: '/api/users/me/notifications',
  operationId: 'setNotificationSettings',
  tags,
  summary: 'Set quiet hours',
  description: 'Nothing is pushed in quiet hours. What came then is in the inbox, and in the next push.',
  security,
  middleware,
  request: { body: body(NotificationSettings) },
  responses: { 200: json(NotificationSettings, 'The settings as they are now'), ...problems('secured', 'body') },
});

async function idOf(endpoint: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const push = router()
  .openapi(key, (c) => c.json({ public_key: c.var.config.vapid?.publicKey ?? null }, 200))
  .openapi(subscribe, async (c) => {
    const input = c.req.valid('json');
    if (!isPushService(input.endpoint)) throw new ApiError('invalid', 'endpoint: not the push service of a browser');
    const { user_id, session_id } = c.var.identity;
    const id = await idOf(input.endpoint);
    return c.json(await call(() => inbox(c.env, user_id).subscribe(session_id, id, input)), 201);
  })
  .openapi(list, async (c) =>
    c.json({ items: await call(() => inbox(c.env, c.var.identity.user_id).subscriptions()) }, 200),
  )
  .openapi(unsubscribe, async (c) => {
    await ask(() => inbox(c.env, c.var.identity.user_id).unsubscribe([c.req.valid('param').id]));
    return c.body(null, 204);
  })
  .openapi(settings, async (c) =>
    c.json(await call(() => inbox(c.env, c.var.identity.user_id).notificationSettings()), 200),
  )
  .openapi(configure, async (c) => {
    const wanted = c.req.valid('json');
    await call(() => inbox(c.env, c.var.identity.user_id).setNotificationSettings(wanted));
    return c.json(wanted, 200);
  });
