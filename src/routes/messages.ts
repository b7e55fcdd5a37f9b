import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inChat } from '../chats/directory.ts';
import { PageLimit, Timestamp } from '../protocol/common.ts';
import { EventPage } from '../protocol/events.ts';
import { MessagePage, SendMessage, SentMessage } from '../protocol/messages.ts';
import { body, compact, json, oneDirection, params, passJson, problems, QuerySeq, router } from './api.ts';

const tags = ['Messages'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const send = createRoute({
  method: 'post',
  path: '/api/chats/{id}/messages',
  operationId: 'sendMessage',
  tags,
  summary: 'Send a message',
  description:
    'With a `client_id` a resend is safe at any time: it is answered with the message that exists. The same `client_id` with other content is a conflict.',
  security,
  middleware,
  request: { params: params.chat, body: body(SendMessage) },
  responses: {
    200: json(SentMessage, 'The message was sent before: `duplicate` is true'),
    201: json(SentMessage, 'The message, stored'),
    ...problems('secured', 'body', 'forbidden', 'muted', 'archived', 'not_found', 'conflict', 'rate_limited'),
  },
});

const list = createRoute({
  method: 'get',
  path: '/api/chats/{id}/messages',
  operationId: 'listMessages',
  tags,
  summary: 'Read messages',
  description:
    'Messages as they are now, by ascending seq: the newest page, or the page that ends before `before`, or begins after `after`, or has the message `around` a place or `at` a time in its middle.',
  security,
  middleware,
  request: {
    params: params.chat,
    query: z
      .strictObject({
        before: QuerySeq.optional(),
        after: QuerySeq.optional(),
        around: z
          .union([z.literal('unread'), QuerySeq])
          .optional()
          .meta({ description: 'A seq, or `unread`: the first message behind what you have read' }),
        at: Timestamp.optional().meta({ description: 'The first message at or after this time' }),
        limit: PageLimit,
      })
      .refine(...oneDirection)
      .refine(
        ({ before, after, around, at }) => [before ?? after, around, at].filter((x) => x !== undefined).length < 2,
        {
          error: 'give one place only: before or after, around, or at',
        },
      ),
  },
  responses: { 200: json(MessagePage, 'A page of messages'), ...problems('secured', 'invalid', 'not_found') },
});

const events = createRoute({
  method: 'get',
  path: '/api/chats/{id}/events',
  operationId: 'listEvents',
  tags,
  summary: 'Read the log',
  description:
    'Everything durable that happened after `after`, by ascending seq, without silent holes. With `reset` the page replaces what the reader had.',
  security,
  middleware,
  request: { params: params.chat, query: z.strictObject({ after: QuerySeq.default(0), limit: PageLimit }) },
  responses: { 200: json(EventPage, 'A page of the log'), ...problems('secured', 'invalid', 'not_found') },
});

export const messages = router()
  .openapi(send, async (c) => {
    const { id } = c.req.valid('param');
    const input = c.req.valid('json');
    // Named before the first attempt, so that an attempt made twice is one message.
    const message = { ...input, client_id: input.client_id ?? crypto.randomUUID() };
    const sent = await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.send(user, message));
    return sent.duplicate ? c.json(sent, 200) : c.json(sent, 201);
  })
  .openapi(list, async (c) => {
    const { id } = c.req.valid('param');
    const { at, ...query } = compact(c.req.valid('query'));
    const page = at === undefined ? query : { ...query, at: Date.parse(at) };
    return passJson(c, await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.messages(user, page)));
  })
  .openapi(events, async (c) => {
    const { id } = c.req.valid('param');
    const page = c.req.valid('query');
    return passJson(c, await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.events(user, page)));
  });
