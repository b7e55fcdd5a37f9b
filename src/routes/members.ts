import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { addMembers, inChat } from '../chats/directory.ts';
import { AddMembers, Member } from '../protocol/chats.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { body, compact, json, pageOf, params, problems, router } from './api.ts';

const tags = ['Members'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const list = createRoute({
  method: 'get',
  path: '/api/chats/{id}/members',
  operationId: 'listMembers',
  tags,
  summary: 'List members',
  description: 'By user id. `next_cursor` is the `after` of the next page.',
  security,
  middleware,
  request: { params: params.chat, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(pageOf(Member, 'MemberPage'), 'A page of members'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const add = createRoute({
  method: 'post',
  path: '/api/chats/{id}/members',
  operationId: 'addMembers',
  tags,
  summary: 'Add members, or join',
  description: 'A user joins a public channel by naming themself. Who is a member already stays as they are.',
  security,
  middleware,
  request: { params: params.chat, body: body(AddMembers) },
  responses: {
    201: json(z.object({ items: z.array(Member) }).meta({ id: 'MemberList' }), 'The members that were named'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/members/{user_id}',
  operationId: 'removeMember',
  tags,
  summary: 'Remove a member, or leave',
  description: 'The sockets of the removed member close; nothing that comes after reaches them.',
  security,
  middleware,
  request: { params: params.chatMember },
  responses: {
    204: { description: 'No longer a member' },
    ...problems('secured', 'forbidden', 'not_found'),
  },
});

export const members = router()
  .openapi(list, async (c) => {
    const { id } = c.req.valid('param');
    const page = compact(c.req.valid('query'));
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.members(user, page)), 200);
  })
  .openapi(add, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await addMembers(c.env, id, c.var.identity.user_id, c.req.valid('json').user_ids), 201);
  })
  .openapi(remove, async (c) => {
    const { id, user_id } = c.req.valid('param');
    await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.removeMember(user, user_id), { once: true });
    return c.body(null, 204);
  });
