import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { addMembers, inChat, manage } from '../chats/directory.ts';
import { findMembers } from '../chats/people.ts';
import { AddMembers, Member, UpdateMember } from '../protocol/chats.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { LIMITS } from '../protocol/limits.ts';
import { TransferOwnership } from '../protocol/people.ts';
import { body, compact, json, pageOf, params, passJson, problems, router } from './api.ts';

const tags = ['Members'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const MemberPage = pageOf(Member, 'MemberPage');

const list = createRoute({
  method: 'get',
  path: '/api/chats/{id}/members',
  operationId: 'listMembers',
  tags,
  summary: 'List members',
  description:
    'By user id. `next_cursor` is the `after` of the next page. With `q`, one page of those whose nickname or handle begins with it or whose full name holds it; in a conversation of more than 5,000, by the beginnings of nickname and handle alone.',
  security,
  middleware,
  request: {
    params: params.chat,
    query: z
      .strictObject({
        after: UserId.optional(),
        limit: PageLimit,
        q: z.string().trim().min(1).max(LIMITS.nicknameLength).optional(),
      })
      .refine((query) => query.q === undefined || query.after === undefined, { error: 'give q or after, not both' }),
  },
  responses: {
    200: json(MemberPage, 'A page of members'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const add = createRoute({
  method: 'post',
  path: '/api/chats/{id}/members',
  operationId: 'addMembers',
  tags,
  summary: 'Add members, or join',
  description:
    'A user joins an open public channel by naming themself alone. Who is a member already stays as they are; who is banned is not added.',
  security,
  middleware,
  request: { params: params.chat, body: body(AddMembers) },
  responses: {
    201: json(z.object({ items: z.array(Member) }).meta({ id: 'MemberList' }), 'The members that were named'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found'),
  },
});

const get = createRoute({
  method: 'get',
  path: '/api/chats/{id}/members/{user_id}',
  operationId: 'getMember',
  tags,
  summary: 'A member',
  description: 'For members.',
  security,
  middleware,
  request: { params: params.chatMember },
  responses: { 200: json(Member, 'The member'), ...problems('secured', 'forbidden', 'not_found') },
});

const update = createRoute({
  method: 'put',
  path: '/api/chats/{id}/members/{user_id}',
  operationId: 'updateMember',
  tags,
  summary: 'Change role, nickname or mute of a member',
  description:
    'Changes what the body names, all or nothing. Roles and mutes are for those of a higher role, and for owners; a nickname also for the member. Nobody gives a role that is not below their own, but an owner. The last owner stays one.',
  security,
  middleware,
  request: { params: params.chatMember, body: body(UpdateMember) },
  responses: {
    200: json(Member, 'The member as it is now'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found', 'conflict'),
  },
});

const transfer = createRoute({
  method: 'post',
  path: '/api/chats/{id}/transfer',
  operationId: 'transferOwnership',
  tags,
  summary: 'Hand a conversation over',
  description: 'For an owner: the named member becomes owner, the caller admin, at once.',
  security,
  middleware,
  request: { params: params.chat, body: body(TransferOwnership) },
  responses: {
    200: json(Member, 'The new owner'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/members/{user_id}',
  operationId: 'removeMember',
  tags,
  summary: 'Remove a member, or leave',
  description:
    'The sockets of the removed member close; nothing that comes after reaches them. The last owner hands the conversation over before leaving others behind.',
  security,
  middleware,
  request: { params: params.chatMember },
  responses: {
    204: { description: 'No longer a member' },
    ...problems('secured', 'forbidden', 'not_found', 'conflict'),
  },
});

export const members = router()
  .openapi(list, async (c) => {
    const { id } = c.req.valid('param');
    const { q, ...page } = compact(c.req.valid('query'));
    const { user_id } = c.var.identity;
    if (q !== undefined) {
      return passJson<z.infer<typeof MemberPage>>(c, await findMembers(c.env, id, user_id, q, page.limit));
    }
    return c.json(await inChat(c.env, id, user_id, (chat, user) => chat.members(user, page)), 200);
  })
  .openapi(add, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await addMembers(c.env, id, c.var.identity.user_id, c.req.valid('json').user_ids), 201);
  })
  .openapi(get, async (c) => {
    const { id, user_id } = c.req.valid('param');
    return passJson<Member>(c, await manage(c.env, id, c.var.identity.user_id, { do: 'get_member', user_id }));
  })
  .openapi(update, async (c) => {
    const { id, user_id } = c.req.valid('param');
    const patch = c.req.valid('json');
    return passJson<Member>(c, await manage(c.env, id, c.var.identity.user_id, { do: 'set_member', user_id, patch }));
  })
  .openapi(transfer, async (c) => {
    const { id } = c.req.valid('param');
    const command = { do: 'transfer' as const, user_id: c.req.valid('json').user_id };
    return passJson<Member>(c, await manage(c.env, id, c.var.identity.user_id, command, { once: true }));
  })
  .openapi(remove, async (c) => {
    const { id, user_id } = c.req.valid('param');
    await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.removeMember(user, user_id), { once: true });
    return c.body(null, 204);
  });
