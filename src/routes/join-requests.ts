import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { manage, see } from '../chats/directory.ts';
import { decideRequest } from '../chats/people.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { DecideJoinRequest, JoinRequest, MakeJoinRequest } from '../protocol/people.ts';
import { body, compact, json, pageOf, params, passJson, problems, router } from './api.ts';

const tags = ['Join requests'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const RequestPage = pageOf(JoinRequest, 'JoinRequestPage');

const make = createRoute({
  method: 'post',
  path: '/api/chats/{id}/requests',
  operationId: 'makeJoinRequest',
  tags,
  summary: 'Ask to be let in',
  description:
    'Into a public channel whose join policy is `approval`. One request for each user: one that is open is answered as it is. After a refusal one may ask again a day later.',
  security,
  middleware,
  request: { params: params.chat, body: body(MakeJoinRequest) },
  responses: {
    200: json(JoinRequest, 'The request'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found', 'conflict', 'rate_limited'),
  },
});

const list = createRoute({
  method: 'get',
  path: '/api/chats/{id}/requests',
  operationId: 'listJoinRequests',
  tags,
  summary: 'List open requests',
  description: 'By user id, for those who decide.',
  security,
  middleware,
  request: { params: params.chat, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(RequestPage, 'A page of requests'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const get = createRoute({
  method: 'get',
  path: '/api/chats/{id}/requests/{user_id}',
  operationId: 'getJoinRequest',
  tags,
  summary: 'A request',
  description: 'The own one, or any for those who decide. Who decided stays to be seen for 90 days.',
  security,
  middleware,
  request: { params: params.chatMember },
  responses: { 200: json(JoinRequest, 'The request'), ...problems('secured', 'forbidden', 'not_found') },
});

const decide = createRoute({
  method: 'put',
  path: '/api/chats/{id}/requests/{user_id}',
  operationId: 'decideJoinRequest',
  tags,
  summary: 'Accept or reject a request',
  description: 'The first decision holds.',
  security,
  middleware,
  request: { params: params.chatMember, body: body(DecideJoinRequest) },
  responses: {
    200: json(JoinRequest, 'The request as it is now'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found', 'conflict'),
  },
});

const cancel = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/requests/{user_id}',
  operationId: 'cancelJoinRequest',
  tags,
  summary: 'Take the own request back',
  description: 'While it is open.',
  security,
  middleware,
  request: { params: params.chatMember },
  responses: { 204: { description: 'The request is cancelled' }, ...problems('secured', 'not_found') },
});

export const joinRequests = router()
  .openapi(make, async (c) => {
    const { id } = c.req.valid('param');
    const { user_id } = c.var.identity;
    await see(c.env, id, user_id);
    const command = { do: 'make_request' as const, text: c.req.valid('json').text ?? null };
    return passJson<JoinRequest>(c, await manage(c.env, id, user_id, command));
  })
  .openapi(list, async (c) => {
    const { id } = c.req.valid('param');
    const command = { do: 'list_requests' as const, page: compact(c.req.valid('query')) };
    return passJson<z.infer<typeof RequestPage>>(c, await manage(c.env, id, c.var.identity.user_id, command));
  })
  .openapi(get, async (c) => {
    const { id, user_id } = c.req.valid('param');
    await see(c.env, id, c.var.identity.user_id);
    return passJson<JoinRequest>(c, await manage(c.env, id, c.var.identity.user_id, { do: 'get_request', user_id }));
  })
  .openapi(decide, async (c) => {
    const { id, user_id } = c.req.valid('param');
    const accept = c.req.valid('json').decision === 'accept';
    return passJson<JoinRequest>(c, await decideRequest(c.env, id, c.var.identity.user_id, user_id, accept));
  })
  .openapi(cancel, async (c) => {
    const { id, user_id } = c.req.valid('param');
    const own = c.var.identity.user_id;
    await see(c.env, id, own);
    await manage(c.env, id, own, { do: 'cancel_request', user_id }, { once: true });
    return c.body(null, 204);
  });
