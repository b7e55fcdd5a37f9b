import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { manage } from '../chats/directory.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { Ban, BanUser } from '../protocol/people.ts';
import { body, compact, json, pageOf, params, passJson, problems, router } from './api.ts';

const tags = ['Members'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const BanPage = pageOf(Ban, 'BanPage');

const list = createRoute({
  method: 'get',
  path: '/api/chats/{id}/bans',
  operationId: 'listBans',
  tags,
  summary: 'List who is banned',
  description: 'By user id, for those who may ban.',
  security,
  middleware,
  request: { params: params.chat, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(BanPage, 'A page of bans'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const ban = createRoute({
  method: 'put',
  path: '/api/chats/{id}/bans/{user_id}',
  operationId: 'banUser',
  tags,
  summary: 'Ban somebody',
  description:
    'Somebody who is, was or asks to be in the conversation, below the own role. A member is removed by it. Who is banned is not added, does not join, and no invitation lets them in.',
  security,
  middleware,
  request: { params: params.chatMember, body: body(BanUser) },
  responses: { 200: json(Ban, 'The ban'), ...problems('secured', 'body', 'forbidden', 'not_found') },
});

const unban = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/bans/{user_id}',
  operationId: 'unbanUser',
  tags,
  summary: 'Lift a ban',
  description: 'Lets them come again; it does not bring them back.',
  security,
  middleware,
  request: { params: params.chatMember },
  responses: { 204: { description: 'No longer banned' }, ...problems('secured', 'forbidden', 'not_found') },
});

export const bans = router()
  .openapi(list, async (c) => {
    const { id } = c.req.valid('param');
    const command = { do: 'list_bans' as const, page: compact(c.req.valid('query')) };
    return passJson<z.infer<typeof BanPage>>(c, await manage(c.env, id, c.var.identity.user_id, command));
  })
  .openapi(ban, async (c) => {
    const { id, user_id } = c.req.valid('param');
    const command = { do: 'ban' as const, user_id, reason: c.req.valid('json').reason ?? null };
    return passJson<Ban>(c, await manage(c.env, id, c.var.identity.user_id, command));
  })
  .openapi(unban, async (c) => {
    const { id, user_id } = c.req.valid('param');
    await manage(c.env, id, c.var.identity.user_id, { do: 'unban', user_id }, { once: true });
    return c.body(null, 204);
  });
