import { createRoute, z } from '@hono/zod-openapi';
import { auditChats, auditUsers } from '../audit/audit.ts';
import { auditFiles, auditObjects } from '../audit/files.ts';
import { adminOnly } from '../auth/middleware.ts';
import { setStatus } from '../auth/users.ts';
import { ApiError } from '../errors.ts';
import { room } from '../objects/stubs.ts';
import { AuditAnswer, type AuditPart, AuditRequest } from '../protocol/audit.ts';
import { ClientId } from '../protocol/common.ts';
import { Content, SentMessage } from '../protocol/messages.ts';
import { User, UserStatus } from '../protocol/users.ts';
import { body, json, params, problems, router } from './api.ts';
import { ask, call } from './call.ts';

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

const SystemMessage = z
  .strictObject({ client_id: ClientId.optional(), content: Content })
  .meta({ id: 'SendSystemMessage' });

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
  request: { params: params.chat, body: body(SystemMessage) },
  responses: {
    200: json(SentMessage, 'The message was sent before: `duplicate` is true'),
    201: json(SentMessage, 'The message, stored'),
    ...problems('unauthenticated', 'body', 'not_found', 'conflict'),
  },
});

const audit = createRoute({
  method: 'post',
  path: '/api/admin/audit',
  operationId: 'audit',
  tags: ['Administration'],
  summary: 'Compare what D1, rooms, inboxes and R2 hold, and repair it',
  description:
    'A page at a time: call again with `next_cursor` until it is null. What is under way at this moment may show up. Takes the admin token.',
  security: [{ admin: [] }],
  middleware: adminOnly,
  request: { body: body(AuditRequest) },
  responses: { 200: json(AuditAnswer, 'What disagrees, in this page'), ...problems('unauthenticated', 'body') },
});

const epoch = createRoute({
  method: 'post',
  path: '/api/admin/chats/{id}/epoch',
  operationId: 'renewEpoch',
  tags: ['Administration'],
  summary: 'Begin another history, after a restore',
  description:
    'For a conversation whose log was put back to an earlier state: it takes a new `epoch`, and every client drops what it holds of the former one. Takes the admin token.',
  security: [{ admin: [] }],
  middleware: adminOnly,
  request: { params: params.chat },
  responses: {
    204: { description: 'Everybody is being told' },
    ...problems('unauthenticated', 'malformed', 'not_found'),
  },
});

const AUDITS: Record<
  AuditPart,
  (env: Env, page: { after: string; repair: boolean }, now: number) => Promise<AuditAnswer>
> = { files: auditFiles, objects: auditObjects, chats: auditChats, users: auditUsers };

export const admin = router()
  .openapi(status, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await setStatus(c.env, id, c.req.valid('json').status, Date.now()), 200);
  })
  .openapi(announce, async (c) => {
    const { client_id = crypto.randomUUID(), content } = c.req.valid('json');
    const sent = await ask(() => room(c.env, c.req.valid('param').id).announce({ client_id, content }));
    return sent.duplicate ? c.json(sent, 200) : c.json(sent, 201);
  })
  .openapi(audit, async (c) => {
    const { part, ...page } = c.req.valid('json');
    return c.json(await call(() => AUDITS[part](c.env, page, Date.now()), { once: true }), 200);
  })
  .openapi(epoch, async (c) => {
    const { id } = c.req.valid('param');
    const report = await call(() => room(c.env, id).inspect({ after: '', limit: 1 }));
    if (report === null || report.deleted) throw new ApiError('not_found', 'There is no such conversation');
    await call(() => room(c.env, id).renew());
    return c.body(null, 204);
  });
