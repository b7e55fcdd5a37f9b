import { createRoute, z } from '@hono/zod-openapi';
import { adminOnly } from '../auth/middleware.ts';
import { setStatus } from '../auth/users.ts';
import { User, UserStatus } from '../protocol/users.ts';
import { body, json, params, problems, router } from './api.ts';

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

export const admin = router().openapi(status, async (c) => {
  const { id } = c.req.valid('param');
  return c.json(await setStatus(c.env, id, c.req.valid('json').status, Date.now()), 200);
});
