import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inChat } from '../chats/directory.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { CastVote, PollView, Vote } from '../protocol/kinds.ts';
import { body, compact, json, pageOf, params, problems, router } from './api.ts';

const tags = ['Polls'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const path = '/api/chats/{id}/messages/{seq}/poll';
const view = json(PollView, 'How the poll stands');

const get = createRoute({
  method: 'get',
  path,
  operationId: 'getPoll',
  tags,
  summary: 'A poll, and the own vote',
  description: 'How many have chosen each option, and what the caller has chosen.',
  security,
  middleware,
  request: { params: params.message },
  responses: { 200: view, ...problems('secured', 'forbidden', 'not_found') },
});

const vote = createRoute({
  method: 'put',
  path: `${path}/vote`,
  operationId: 'votePoll',
  tags,
  summary: 'Vote, or take a vote back',
  description:
    'The body names all options that the caller chooses; it takes the place of what they chose before. Repeating it changes nothing.',
  security,
  middleware,
  request: { params: params.message, body: body(CastVote) },
  responses: { 200: view, ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict', 'rate_limited') },
});

const close = createRoute({
  method: 'post',
  path: `${path}/close`,
  operationId: 'closePoll',
  tags,
  summary: 'Close a poll',
  description: 'For its sender, and for whoever may recall it. Closing it again changes nothing.',
  security,
  middleware,
  request: { params: params.message },
  responses: { 200: view, ...problems('secured', 'forbidden', 'not_found') },
});

const votes = createRoute({
  method: 'get',
  path: `${path}/votes`,
  operationId: 'listVotes',
  tags,
  summary: 'Who voted what',
  description: 'By user id; of an anonymous poll nobody is told. `next_cursor` is the `after` of the next page.',
  security,
  middleware,
  request: { params: params.message, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(pageOf(Vote, 'VotePage'), 'A page of votes'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

export const polls = router()
  .openapi(get, async (c) => {
    const { id, seq } = c.req.valid('param');
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.poll(user, seq)), 200);
  })
  .openapi(vote, async (c) => {
    const { id, seq } = c.req.valid('param');
    const { options } = c.req.valid('json');
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.vote(user, seq, options)), 200);
  })
  .openapi(close, async (c) => {
    const { id, seq } = c.req.valid('param');
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.closePoll(user, seq)), 200);
  })
  .openapi(votes, async (c) => {
    const { id, seq } = c.req.valid('param');
    const page = compact(c.req.valid('query'));
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.votes(user, seq, page)), 200);
  });
