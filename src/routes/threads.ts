import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { AttendThread, FollowedThreads } from '../protocol/changes.ts';
import { PageLimit } from '../protocol/common.ts';
import { MessagePage } from '../protocol/messages.ts';
import { body, compact, json, noContent, oneDirection, params, problems, QuerySeq, router } from './api.ts';
import { ask } from './ask.ts';

const tags = ['Threads'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const replies = createRoute({
  method: 'get',
  path: '/api/chats/{id}/messages/{seq}/thread',
  operationId: 'listReplies',
  tags,
  summary: 'Read the replies of a thread',
  description: 'By ascending seq: the newest page, or the page that ends before `before`, or begins after `after`.',
  security,
  middleware,
  request: {
    params: params.message,
    query: z
      .strictObject({ before: QuerySeq.optional(), after: QuerySeq.optional(), limit: PageLimit })
      .refine(...oneDirection),
  },
  responses: {
    200: json(MessagePage, 'A page of replies'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const attend = createRoute({
  method: 'put',
  path: '/api/chats/{id}/messages/{seq}/thread',
  operationId: 'attendThread',
  tags,
  summary: 'Follow a thread, or mark it as read',
  description:
    'Whoever replies follows, and so does the author of the first message and whoever is mentioned, until they say otherwise.',
  security,
  middleware,
  request: { params: params.message, body: body(AttendThread) },
  responses: { ...noContent('It is so'), ...problems('secured', 'body', 'forbidden', 'not_found') },
});

const followed = createRoute({
  method: 'get',
  path: '/api/chats/{id}/threads',
  operationId: 'listThreads',
  tags,
  summary: 'Read the threads you follow',
  description: 'With how far you have read in each; `thread_unread` of the conversation in your list is the sum.',
  security,
  middleware,
  request: { params: params.chat },
  responses: {
    200: json(FollowedThreads, 'The hundred with the latest replies, with what is unread'),
    ...problems('secured', 'forbidden', 'not_found'),
  },
});

export const threads = router()
  .openapi(replies, (c) => {
    const { id, seq } = c.req.valid('param');
    return ask(c, id, { type: 'thread', seq, ...compact(c.req.valid('query')) });
  })
  .openapi(attend, async (c) => {
    const { id, seq } = c.req.valid('param');
    await ask(c, id, { type: 'attend', seq, ...c.req.valid('json') });
    return c.body(null, 204);
  })
  .openapi(followed, (c) => ask(c, c.req.valid('param').id, { type: 'threads' }));
