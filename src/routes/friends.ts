import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import {
  acceptFriend,
  blockUser,
  changeFriendGroup,
  contactsOf,
  createFriendGroup,
  declineFriend,
  friendGroups,
  getPrivacy,
  removeFriend,
  requestFriend,
  unblockUser,
  updateFriend,
  updatePrivacy,
} from '../friends/friends.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import {
  Contact,
  FriendGroup,
  NameFriendGroup,
  Privacy,
  RequestFriend,
  UpdateFriend,
  UpdatePrivacy,
} from '../protocol/friends.ts';
import { body, json, pageOf, params, problems, router } from './api.ts';

const security = [{ bearer: [] }];
const middleware = authenticated;
const friendsOf = { tags: ['Friends'], security, middleware };
const blocksOf = { tags: ['Blocks and privacy'], security, middleware };

const page = { query: z.strictObject({ cursor: UserId.optional(), limit: PageLimit }) };
const ContactPage = pageOf(Contact, 'ContactPage');
const done = (description: string) => ({ 204: { description } });

const list = createRoute({
  method: 'get',
  path: '/api/friends',
  operationId: 'listFriends',
  ...friendsOf,
  summary: 'List friends',
  description: 'By id. The same rows come with the inbox, as changes of type `contact`.',
  request: page,
  responses: { 200: json(ContactPage, 'A page of friends'), ...problems('secured', 'invalid') },
});

const update = createRoute({
  method: 'put',
  path: '/api/friends/{id}',
  operationId: 'updateFriend',
  ...friendsOf,
  summary: 'Name a friend, or put them into groups',
  description: 'Changes what the body names and leaves the rest; `remark` null empties it. Only the user sees either.',
  request: { params: params.user, body: body(UpdateFriend) },
  responses: { 200: json(Contact, 'The friend as they are now'), ...problems('secured', 'body', 'not_found') },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/friends/{id}',
  operationId: 'removeFriend',
  ...friendsOf,
  summary: 'End a friendship',
  description: 'For both. Their Single and its history stay.',
  request: { params: params.user },
  responses: { ...done('No longer friends'), ...problems('secured', 'not_found') },
});

const listRequests = createRoute({
  method: 'get',
  path: '/api/friend-requests',
  operationId: 'listFriendRequests',
  ...friendsOf,
  summary: 'List friend requests',
  description: 'Those that wait for an answer: of the user (`sent`) and to them (`received`), by id of the other.',
  request: page,
  responses: { 200: json(ContactPage, 'A page of requests'), ...problems('secured', 'invalid') },
});

const request = createRoute({
  method: 'post',
  path: '/api/friend-requests',
  operationId: 'requestFriend',
  ...friendsOf,
  summary: 'Ask somebody to be friends',
  description:
    'Who has asked already, or takes everybody, is a friend at once. Asked again, a request has the new text. `forbidden`: they take none.',
  request: { body: body(RequestFriend) },
  responses: {
    200: json(Contact, 'The person as the user has them now: `sent`, or `friend`'),
    ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict'),
  },
});

const accept = createRoute({
  method: 'post',
  path: '/api/friend-requests/{id}/accept',
  operationId: 'acceptFriendRequest',
  ...friendsOf,
  summary: 'Accept a friend request',
  description: 'Accepted twice, it is the same.',
  request: { params: params.user },
  responses: { 200: json(Contact, 'The friend'), ...problems('secured', 'not_found', 'conflict') },
});

const decline = createRoute({
  method: 'delete',
  path: '/api/friend-requests/{id}',
  operationId: 'declineFriendRequest',
  ...friendsOf,
  summary: 'Reject a friend request, or take one back',
  description: 'Rejects what this person asked, or takes back what the user asked them. They may ask again.',
  request: { params: params.user },
  responses: { ...done('There is no request'), ...problems('secured', 'not_found') },
});

const listGroups = createRoute({
  method: 'get',
  path: '/api/friend-groups',
  operationId: 'listFriendGroups',
  ...friendsOf,
  summary: 'List groups of friends',
  description: 'The private lists of the user, by id; `group_ids` of contacts say who is in them.',
  responses: {
    200: json(z.object({ items: z.array(FriendGroup) }).meta({ id: 'FriendGroupList' }), 'All of them'),
    ...problems('secured'),
  },
});

const createGroup = createRoute({
  method: 'post',
  path: '/api/friend-groups',
  operationId: 'createFriendGroup',
  ...friendsOf,
  summary: 'Make a group of friends',
  description: 'A private list: nobody else sees it.',
  request: { body: body(NameFriendGroup) },
  responses: { 201: json(FriendGroup, 'The group'), ...problems('secured', 'body', 'conflict') },
});

const renameGroup = createRoute({
  method: 'put',
  path: '/api/friend-groups/{id}',
  operationId: 'renameFriendGroup',
  ...friendsOf,
  summary: 'Rename a group of friends',
  description: 'Who is in it stays in it.',
  request: { params: params.friendGroup, body: body(NameFriendGroup) },
  responses: { 200: json(FriendGroup, 'The group as it is now'), ...problems('secured', 'body', 'not_found') },
});

const removeGroup = createRoute({
  method: 'delete',
  path: '/api/friend-groups/{id}',
  operationId: 'deleteFriendGroup',
  ...friendsOf,
  summary: 'Delete a group of friends',
  description: 'The friends in it stay friends.',
  request: { params: params.friendGroup },
  responses: { ...done('There is no such group'), ...problems('secured', 'not_found') },
});

const listBlocks = createRoute({
  method: 'get',
  path: '/api/blocks',
  operationId: 'listBlocks',
  ...blocksOf,
  summary: 'List who is blocked',
  description: 'By id. The same rows come with the inbox, as changes of type `contact`.',
  request: page,
  responses: { 200: json(ContactPage, 'A page of people'), ...problems('secured', 'invalid') },
});

const block = createRoute({
  method: 'put',
  path: '/api/blocks/{id}',
  operationId: 'blockUser',
  ...blocksOf,
  summary: 'Block somebody',
  description:
    'They can no longer write to the user in their Single, begin one, ask to be friends, add the user to conversations, or see whether the user is online. What was written stays. They are not told.',
  request: { params: params.user },
  responses: {
    200: json(Contact, 'The person as the user has them now'),
    ...problems('secured', 'invalid', 'not_found', 'conflict'),
  },
});

const unblock = createRoute({
  method: 'delete',
  path: '/api/blocks/{id}',
  operationId: 'unblockUser',
  ...blocksOf,
  summary: 'Unblock somebody',
  description: 'What they wrote in the meantime was refused and does not come.',
  request: { params: params.user },
  responses: { ...done('Not blocked'), ...problems('secured', 'not_found') },
});

const privacy = createRoute({
  method: 'get',
  path: '/api/users/me/privacy',
  operationId: 'getPrivacy',
  ...blocksOf,
  summary: 'The own privacy settings',
  description: 'What others may do, and see of the user.',
  responses: { 200: json(Privacy, 'The settings'), ...problems('secured') },
});

const setPrivacy = createRoute({
  method: 'put',
  path: '/api/users/me/privacy',
  operationId: 'updatePrivacy',
  ...blocksOf,
  summary: 'Change the own privacy settings',
  description: 'Changes what the body names and leaves the rest.',
  request: { body: body(UpdatePrivacy) },
  responses: { 200: json(Privacy, 'The settings as they are now'), ...problems('secured', 'body') },
});

export const friends = router()
  .openapi(list, async (c) =>
    c.json(await contactsOf(c.env, c.var.identity.user_id, ['friend'], c.req.valid('query')), 200),
  )
  .openapi(update, async (c) =>
    c.json(await updateFriend(c.env, c.var.identity.user_id, c.req.valid('param').id, c.req.valid('json')), 200),
  )
  .openapi(remove, async (c) => {
    await removeFriend(c.env, c.var.identity.user_id, c.req.valid('param').id);
    return c.body(null, 204);
  })
  .openapi(listRequests, async (c) =>
    c.json(await contactsOf(c.env, c.var.identity.user_id, ['sent', 'received'], c.req.valid('query')), 200),
  )
  .openapi(request, async (c) => {
    const { user_id, text, source = null } = c.req.valid('json');
    return c.json(await requestFriend(c.env, c.var.identity.user_id, user_id, { text, source }, Date.now()), 200);
  })
  .openapi(accept, async (c) =>
    c.json(await acceptFriend(c.env, c.var.identity.user_id, c.req.valid('param').id, Date.now()), 200),
  )
  .openapi(decline, async (c) => {
    await declineFriend(c.env, c.var.identity.user_id, c.req.valid('param').id);
    return c.body(null, 204);
  })
  .openapi(listGroups, async (c) => c.json({ items: await friendGroups(c.env, c.var.identity.user_id) }, 200))
  .openapi(createGroup, async (c) =>
    c.json(await createFriendGroup(c.env, c.var.identity.user_id, c.req.valid('json').name, Date.now()), 201),
  )
  .openapi(renameGroup, async (c) =>
    c.json(await changeFriendGroup(c.env, c.var.identity.user_id, c.req.valid('param').id, c.req.valid('json')), 200),
  )
  .openapi(removeGroup, async (c) => {
    await changeFriendGroup(c.env, c.var.identity.user_id, c.req.valid('param').id, { deleted_at: Date.now() });
    return c.body(null, 204);
  })
  .openapi(listBlocks, async (c) =>
    c.json(await contactsOf(c.env, c.var.identity.user_id, 'blocked', c.req.valid('query')), 200),
  )
  .openapi(block, async (c) =>
    c.json(await blockUser(c.env, c.var.identity.user_id, c.req.valid('param').id, Date.now()), 200),
  )
  .openapi(unblock, async (c) => {
    await unblockUser(c.env, c.var.identity.user_id, c.req.valid('param').id);
    return c.body(null, 204);
  })
  .openapi(privacy, async (c) => c.json(await getPrivacy(c.env, c.var.identity.user_id), 200))
  .openapi(setPrivacy, async (c) =>
    c.json(await updatePrivacy(c.env, c.var.identity.user_id, c.req.valid('json')), 200),
  );
