import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { createChat, deleteChat, inChat, see } from '../chats/directory.ts';
import { inbox } from '../objects/stubs.ts';
import {
  Chat,
  ChatDetail,
  ChatListItem,
  CreateChat,
  Preferences,
  UpdateChat,
  UpdateRetention,
} from '../protocol/chats.ts';
import { PageLimit } from '../protocol/common.ts';
import { body, compact, json, pageOf, params, passJson, problems, router } from './api.ts';
import { ask } from './call.ts';

const tags = ['Chats'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const list = createRoute({
  method: 'get',
  path: '/api/chats',
  operationId: 'listChats',
  tags,
  summary: 'List the own conversations',
  description: 'Latest activity first, each as the reader has it: unread, mentions, last message, preferences.',
  security,
  middleware,
  request: { query: z.strictObject({ cursor: z.string().max(256).optional(), limit: PageLimit }) },
  responses: {
    200: json(pageOf(ChatListItem, 'ChatPage'), 'A page of conversations'),
    ...problems('secured', 'invalid'),
  },
});

const create = createRoute({
  method: 'post',
  path: '/api/chats',
  operationId: 'createChat',
  tags,
  summary: 'Create a conversation',
  description:
    'The caller is a member without being named, and the owner of a group or channel. A `Single` names the other person; it exists once for each pair and is returned as it is when it does.',
  security,
  middleware,
  request: { body: body(CreateChat) },
  responses: {
    200: json(Chat, 'The Single that exists'),
    201: json(Chat, 'The conversation'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const get = createRoute({
  method: 'get',
  path: '/api/chats/{id}',
  operationId: 'getChat',
  tags,
  summary: 'A conversation',
  description:
    'For members; a public channel for everybody, and in a workspace for its members. With who may do what in it, and the own place in it.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 200: json(ChatDetail, 'The conversation'), ...problems('secured', 'not_found') },
});

const update = createRoute({
  method: 'put',
  path: '/api/chats/{id}',
  operationId: 'updateChat',
  tags,
  summary: 'Change a conversation',
  description:
    'Changes what the body names and leaves the rest, all in one event or nothing. Each part asks for its permission: name, topic, avatar and history for `update`; join policy, slow mode, silence and overrides for `configure`; `archived` for `archive`.',
  security,
  middleware,
  request: { params: params.chat, body: body(UpdateChat) },
  responses: {
    200: json(ChatDetail, 'The conversation as it is now'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found'),
  },
});

const retain = createRoute({
  method: 'put',
  path: '/api/chats/{id}/retention',
  operationId: 'setRetention',
  tags,
  summary: 'Set how long messages may be changed, and how long they last',
  description:
    'Changes what the body names and leaves the rest. A timer holds for messages that are sent from then on: they are erased everywhere when their time has come.',
  security,
  middleware,
  request: { params: params.chat, body: body(UpdateRetention) },
  responses: {
    200: json(Chat, 'The conversation as it is now'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/chats/{id}',
  operationId: 'deleteChat',
  tags,
  summary: 'Delete a conversation',
  description: 'For its owner. The sockets of all members close.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 204: { description: 'The conversation is gone' }, ...problems('secured', 'forbidden', 'not_found') },
});

const prefer = createRoute({
  method: 'put',
  path: '/api/chats/{id}/preferences',
  operationId: 'setChatPreferences',
  tags,
  summary: 'Mute, pin or archive',
  description: 'For the caller alone. Changes what the body names and leaves the rest.',
  security,
  middleware,
  request: { params: params.chat, body: body(Preferences) },
  responses: {
    200: json(ChatListItem, 'The conversation as the caller has it now'),
    ...problems('secured', 'body', 'not_found'),
  },
});

export const chats = router()
  .openapi(list, async (c) => {
    const page = compact(c.req.valid('query'));
    return passJson(c, await ask(() => inbox(c.env, c.var.identity.user_id).chats(page)));
  })
  .openapi(create, async (c) => {
    const { chat, created } = await createChat(c.env, c.var.identity.user_id, c.req.valid('json'), Date.now());
    return created ? c.json(chat, 201) : c.json(chat, 200);
  })
  .openapi(get, async (c) => {
    const { chat } = await see(c.env, c.req.valid('param').id, c.var.identity.user_id);
    return c.json(chat, 200);
  })
  .openapi(update, async (c) => {
    const { id } = c.req.valid('param');
    const patch = compact(c.req.valid('json'));
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.update(user, patch)), 200);
  })
  .openapi(retain, async (c) => {
    const { id } = c.req.valid('param');
    const patch = compact(c.req.valid('json'));
    return c.json(await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.retain(user, patch)), 200);
  })
  .openapi(remove, async (c) => {
    await deleteChat(c.env, c.req.valid('param').id, c.var.identity.user_id, Date.now());
    return c.body(null, 204);
  })
  .openapi(prefer, async (c) => {
    const { id } = c.req.valid('param');
    const preferences = c.req.valid('json');
    return c.json(await ask(() => inbox(c.env, c.var.identity.user_id).prefer(id, preferences)), 200);
  });
