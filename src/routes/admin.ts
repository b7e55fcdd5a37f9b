import { createRoute, z } from '@hono/zod-openapi';
import { adminOnly } from '../auth/middleware.ts';
import { setStatus } from '../auth/users.ts';
import { room } from '../objects/stubs.ts';
import { ClientId } from '../protocol/common.ts';
import { Content, SentMessage } from '../protocol/messages.ts';
import { User, UserStatus } from '../protocol/users.ts';
import { body, json, params, problems, router } from './api.ts';
import { ask } from './call.ts';

const SetStatus = z.strictObject({ status: UserStatus }).meta({ id: 'SetUserStatus' });

const status = createRoute({
  method: 'put',
  path: '/api/admin/users/{id}/status',
  operationId: 'setUserStatus',
  tags: ['Administration'],
  summary: 'Suspend or restore a user',
  description:
    'A suspended user is refused on every path, and their sockets are closed when this answers. Takes the admin token.',
  security: [{ admin: [] }],
  middleware: adminOnly,
  request: { params: params.user, body: body(SetStatus) },
  responses: {
    200: json(User, 'The account as it is now'),
    ...problems('unauthenticated', 'body', 'not_found'),
  },
});

const Announcement = z.strictObject({ client_id: ClientId.optional(), content: Content }).meta({ id: 'Announcement' });

const announce = createRoute({
  method: 'post',
  path: '/api/admin/chats/{id}/messages',
  operationId: 'announce',
  tags: ['Administration'],
  summary: 'Send a system message',
  description:
    'A message of kind `system`, which nobody else can send. With a `client_id` a resend is safe at any time.',
  security: [{ admin: [] }],
  middleware: adminOnly,
  request: { params: params.chat, body: body(Announcement) },
  responses: {
    200: json(SentMessage, 'The message was sent before: `duplicate` is true'),
    201: json(SentMessage, 'The message, stored'),
    ...problems('unauthenticated', 'body', 'not_found', 'conflict'),
  },
});

export const admin = router()
  .openapi(status, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await setStatus(c.env, id, c.req.valid('json').status, Date.now()), 200);
  })
  .openapi(announce, async (c) => {
    const { client_id = crypto.randomUUID(), content } = c.req.valid('json');
    const sent = await ask(() => room(c.env, c.req.valid('param').id).announce({ client_id, content }));
    return sent.duplicate ? c.json(sent, 200) : c.json(sent, 201);
  });
