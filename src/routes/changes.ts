import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inChat } from '../chats/directory.ts';
import {
  ChangedMessage,
  EditList,
  EditMessage,
  type MessageChange,
  PinList,
  ReactorPage,
} from '../protocol/changes.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { type ApiContext, body, compact, json, params, problems, router } from './api.ts';
import { ask } from './ask.ts';

const tags = ['Messages'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const changed = { 200: json(ChangedMessage, 'The message as it is now. What was so already is answered alike') };
const refusals = problems('secured', 'forbidden', 'not_found', 'conflict', 'rate_limited');

const edit = createRoute({
  method: 'patch',
  path: '/api/chats/{id}/messages/{seq}',
  operationId: 'editMessage',
  tags,
  summary: 'Edit a message',
  description:
    'One of your own, within the window that the conversation sets. What the body does not name is gone from the message. With a `client_id` repeating the request is safe at any time.',
  security,
  middleware,
  request: { params: params.message, body: body(EditMessage) },
  responses: { ...changed, ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict', 'rate_limited') },
});

const recall = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/messages/{seq}',
  operationId: 'recallMessage',
  tags,
  summary: 'Recall a message for everyone',
  description:
    'One of your own within the window that the conversation sets, or anybody’s by permission. What it said is erased everywhere; its place stays.',
  security,
  middleware,
  request: { params: params.message },
  responses: { ...changed, ...problems('secured', 'forbidden', 'not_found', 'rate_limited') },
});

const edits = createRoute({
  method: 'get',
  path: '/api/chats/{id}/messages/{seq}/edits',
  operationId: 'listEdits',
  tags,
  summary: 'Read the wordings of a message',
  description: 'What it said before each edit, and what it says now. One that was recalled has none.',
  security,
  middleware,
  request: { params: params.message },
  responses: { 200: json(EditList, 'Its wordings, oldest first'), ...problems('secured', 'forbidden', 'not_found') },
});

const react = createRoute({
  method: 'put',
  path: '/api/chats/{id}/messages/{seq}/reactions/{emoji}',
  operationId: 'addReaction',
  tags,
  summary: 'React to a message',
  description: 'Once with each emoji. Doing it again changes nothing.',
  security,
  middleware,
  request: { params: params.reaction },
  responses: { ...changed, ...refusals },
});

const unreact = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/messages/{seq}/reactions/{emoji}',
  operationId: 'removeReaction',
  tags,
  summary: 'Take a reaction back',
  description: 'Your own. Doing it again changes nothing.',
  security,
  middleware,
  request: { params: params.reaction },
  responses: { ...changed, ...refusals },
});

const reactors = createRoute({
  method: 'get',
  path: '/api/chats/{id}/messages/{seq}/reactions/{emoji}',
  operationId: 'listReactors',
  tags,
  summary: 'Read who reacted',
  description: 'By user id. `next_cursor` is the `after` of the next page.',
  security,
  middleware,
  request: { params: params.reaction, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: { 200: json(ReactorPage, 'A page of users'), ...problems('secured', 'invalid', 'forbidden', 'not_found') },
});

const pin = createRoute({
  method: 'put',
  path: '/api/chats/{id}/pins/{seq}',
  operationId: 'pinMessage',
  tags,
  summary: 'Pin a message',
  description: 'For everybody in the conversation, by permission. Doing it again changes nothing.',
  security,
  middleware,
  request: { params: params.message },
  responses: { ...changed, ...refusals },
});

const unpin = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/pins/{seq}',
  operationId: 'unpinMessage',
  tags,
  summary: 'Unpin a message',
  description: 'By the same permission as pinning. Doing it again changes nothing.',
  security,
  middleware,
  request: { params: params.message },
  responses: { ...changed, ...refusals },
});

const pins = createRoute({
  method: 'get',
  path: '/api/chats/{id}/pins',
  operationId: 'listPins',
  tags,
  summary: 'Read pinned messages',
  description: 'As they are now.',
  security,
  middleware,
  request: { params: params.chat },
  responses: {
    200: json(PinList, 'All of them, the last one pinned first'),
    ...problems('secured', 'forbidden', 'not_found'),
  },
});

const change = async (c: ApiContext, at: { id: string; seq: number }, change: MessageChange, client_id?: string) => {
  const request = { seq: at.seq, change, ...(client_id === undefined ? {} : { client_id }) };
  return c.json(await inChat(c.env, at.id, c.var.identity.user_id, (chat, user) => chat.change(user, request)), 200);
};

export const changes = router()
  .openapi(edit, (c) => {
    const { client_id, ...fields } = c.req.valid('json');
    return change(c, c.req.valid('param'), { type: 'edit', ...fields }, client_id);
  })
  .openapi(recall, (c) => change(c, c.req.valid('param'), { type: 'recall' }))
  .openapi(edits, (c) => {
    const { id, seq } = c.req.valid('param');
    return ask(c, id, { type: 'edits', seq });
  })
  .openapi(react, (c) => {
    const { emoji, ...at } = c.req.valid('param');
    return change(c, at, { type: 'react', emoji });
  })
  .openapi(unreact, (c) => {
    const { emoji, ...at } = c.req.valid('param');
    return change(c, at, { type: 'unreact', emoji });
  })
  .openapi(reactors, (c) => {
    const { id, ...which } = c.req.valid('param');
    return ask(c, id, { type: 'reactors', ...which, ...compact(c.req.valid('query')) });
  })
  .openapi(pin, (c) => change(c, c.req.valid('param'), { type: 'pin' }))
  .openapi(unpin, (c) => change(c, c.req.valid('param'), { type: 'unpin' }))
  .openapi(pins, (c) => ask(c, c.req.valid('param').id, { type: 'pins' }));
