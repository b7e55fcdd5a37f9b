import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inbox } from '../objects/stubs.ts';
import { PageLimit } from '../protocol/common.ts';
import { NotificationId, NotificationPage, ReadNotifications } from '../protocol/notifications.ts';
import { body, compact, json, noContent, passJson, problems, router } from './api.ts';
import { ask } from './call.ts';

const tags = ['Notifications'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const list = createRoute({
  method: 'get',
  path: '/api/notifications',
  operationId: 'listNotifications',
  tags,
  summary: 'List notifications',
  description:
    'The newest first: mentions, Singles with something unread, invitations, friend requests, and what the system says. They refer to messages and repeat nothing of them. Devices get each as a row of kind `notification`.',
  security,
  middleware,
  request: { query: z.strictObject({ cursor: z.string().max(128).optional(), limit: PageLimit }) },
  responses: { 200: json(NotificationPage, 'A page'), ...problems('secured', 'invalid') },
});

const read = createRoute({
  method: 'post',
  path: '/api/notifications/read',
  operationId: 'readNotifications',
  tags,
  summary: 'Mark notifications as read',
  description:
    'One of them, one and all that are older, or all. Reading a conversation marks those about what was read by itself; marking one reads no message.',
  security,
  middleware,
  request: { body: body(ReadNotifications) },
  responses: { ...noContent('They are read'), ...problems('secured', 'body', 'not_found') },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/notifications/{id}',
  operationId: 'removeNotification',
  tags,
  summary: 'Remove a notification',
  description: 'For good: told again, it does not come back. One that is removed stays so.',
  security,
  middleware,
  request: { params: z.object({ id: NotificationId }) },
  responses: { ...noContent('It is gone'), ...problems('secured', 'not_found') },
});

const removeAll = createRoute({
  method: 'delete',
  path: '/api/notifications',
  operationId: 'removeNotifications',
  tags,
  summary: 'Remove all notifications',
  description:
    'All that there are now. Devices learn by the row of kind `notification_state` up to when they are gone.',
  security,
  middleware,
  responses: { ...noContent('They are gone'), ...problems('secured') },
});

/** What concerns the user, in their inbox. */
export const inboxNotifications = router()
  .openapi(list, async (c) =>
    passJson(c, await ask(() => inbox(c.env, c.var.identity.user_id).notifications(compact(c.req.valid('query'))))),
  )
  .openapi(read, async (c) => {
    const which = c.req.valid('json');
    await ask(() => inbox(c.env, c.var.identity.user_id).readNotifications(which));
    return c.body(null, 204);
  })
  .openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    await ask(() => inbox(c.env, c.var.identity.user_id).removeNotifications(id));
    return c.body(null, 204);
  })
  .openapi(removeAll, async (c) => {
    await ask(() => inbox(c.env, c.var.identity.user_id).removeNotifications(null));
    return c.body(null, 204);
  });
