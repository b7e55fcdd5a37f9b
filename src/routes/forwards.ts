import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inChat, tryInChat } from '../chats/directory.ts';
import { linkFile } from '../files/files.ts';
import { Reader } from '../protocol/chats.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import type { FileInfo } from '../protocol/files.ts';
import { ForwardMessage, SentMessage } from '../protocol/messages.ts';
import { type ApiContext, body, compact, json, pageOf, params, problems, router } from './api.ts';

const tags = ['Messages'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const forward = createRoute({
  method: 'post',
  path: '/api/chats/{id}/forwards',
  operationId: 'forwardMessage',
  tags,
  summary: 'Forward a message into this conversation',
  description:
    'Copies a message that the caller can see in another conversation, with its origin. Mentions call nobody again. With a `client_id` repeating the request is safe at any time.',
  security,
  middleware,
  request: { params: params.chat, body: body(ForwardMessage) },
  responses: {
    200: json(SentMessage, 'It was forwarded before: `duplicate` is true'),
    201: json(SentMessage, 'The copy, stored'),
    ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict'),
  },
});

const readers = createRoute({
  method: 'get',
  path: '/api/chats/{id}/messages/{seq}/readers',
  operationId: 'listReaders',
  tags,
  summary: 'Who has read a message',
  description:
    'By user id: members whose read watermark has passed it, without its sender and those who came later. `next_cursor` is the `after` of the next page.',
  security,
  middleware,
  request: { params: params.message, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(pageOf(Reader, 'ReaderPage'), 'A page of readers'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

/** Leave to bring the files of a message into another conversation: they may lie there from now on. */
async function ticketsFor(c: ApiContext, chatId: string, from_chat_id: string, files: FileInfo[]): Promise<string[]> {
  const { config, identity } = c.var;
  const tickets: string[] = [];
  for (const { id } of files) {
    const input = { file_id: id, from_chat_id };
    tickets.push((await linkFile(c.env, config, identity.user_id, chatId, input, Date.now())).ticket);
  }
  return tickets;
}

export const forwards = router()
  .openapi(forward, async (c) => {
    const { id } = c.req.valid('param');
    const { from_chat_id, seq, client_id = crypto.randomUUID() } = c.req.valid('json');
    const { user_id } = c.var.identity;
    // The room of the original says what it says: neither the caller nor this place is believed.
    const attested = await tryInChat(c.env, from_chat_id, user_id, (chat, user) => chat.attest(user, seq));
    const tickets = attested.ok ? await ticketsFor(c, id, from_chat_id, attested.value.files ?? []) : [];
    const copy = { client_id, attested, tickets };
    const sent = await inChat(c.env, id, user_id, (chat, user) => chat.forward(user, copy));
    return sent.duplicate ? c.json(sent, 200) : c.json(sent, 201);
  })
  .openapi(readers, async (c) => {
    const { id, seq } = c.req.valid('param');
    const page = compact(c.req.valid('query'));
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.readers(user, seq, page)), 200);
  });
