import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { findProfiles, getUser, updateUser } from '../auth/users.ts';
import { database } from '../db/client.ts';
import { ApiError } from '../errors.ts';
import { inbox } from '../objects/stubs.ts';
import { UserId } from '../protocol/common.ts';
import { Email, Handle, Presence, Profile, SetStatus, Status, UpdateUser, User } from '../protocol/users.ts';
import { body, json, params, problems, router } from './api.ts';
import { ask, call } from './call.ts';

const tags = ['Users'];
const security = [{ bearer: [] }];
const middleware = authenticated;
/** Profiles in one look-up by ids. */
const IDS_MAX = 100;

const me = createRoute({
  method: 'get',
  path: '/api/users/me',
  operationId: 'getMe',
  tags,
  summary: 'The own account',
  description: 'The account of the user who asks, with what only they see.',
  security,
  middleware,
  responses: { 200: json(User, 'The account'), ...problems('secured') },
});

const updateMe = createRoute({
  method: 'put',
  path: '/api/users/me',
  operationId: 'updateMe',
  tags,
  summary: 'Change the own profile',
  description: 'Changes what the body names and leaves the rest; null empties `handle` or `avatar`.',
  security,
  middleware,
  request: { body: body(UpdateUser) },
  responses: {
    200: json(User, 'The account as it is now'),
    ...problems('secured', 'body', 'handle_taken'),
  },
});

const Lookup = z
  .strictObject({
    email: Email.optional(),
    handle: Handle.optional(),
    ids: z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(UserId).min(1).max(IDS_MAX))
      .optional()
      .openapi({ type: 'string', description: `Ids of users, separated by commas, at most ${IDS_MAX}` }),
  })
  .refine((query) => Object.values(query).filter((value) => value !== undefined).length === 1, {
    error: 'give exactly one of email, handle and ids',
  });

const find = createRoute({
  method: 'get',
  path: '/api/users',
  operationId: 'findUsers',
  tags,
  summary: 'Look users up',
  description: 'By exact e-mail address, exact handle, or ids. What is not found is left out.',
  security,
  middleware,
  request: { query: Lookup },
  responses: {
    200: json(z.object({ items: z.array(Profile) }).meta({ id: 'ProfileList' }), 'The profiles that were found'),
    ...problems('secured', 'invalid'),
  },
});

const get = createRoute({
  method: 'get',
  path: '/api/users/{id}',
  operationId: 'getUser',
  tags,
  summary: 'A profile',
  description: 'What everybody who is signed in may see of a user.',
  security,
  middleware,
  request: { params: params.user },
  responses: { 200: json(Profile, 'The profile'), ...problems('secured', 'not_found') },
});

const presence = createRoute({
  method: 'get',
  path: '/api/users/{id}/presence',
  operationId: 'getPresence',
  tags,
  summary: 'Whether a user is online',
  description:
    'For oneself, for friends, and for people with whom one shares a Single; others are not found. `away`: every device has been left alone for a while.',
  security,
  middleware,
  request: { params: params.user },
  responses: { 200: json(Presence, 'Presence'), ...problems('secured', 'not_found') },
});

const setStatus = createRoute({
  method: 'put',
  path: '/api/users/me/status',
  operationId: 'setStatus',
  tags,
  summary: 'Set the custom status',
  description:
    'What the user says of themself, in the place of what they said before: friends and people of Singles see it with their presence. The other devices of the user have it as a change of type `status`.',
  security,
  middleware,
  request: { body: body(SetStatus) },
  responses: { 200: json(Status, 'The status'), ...problems('secured', 'body') },
});

const clearStatus = createRoute({
  method: 'delete',
  path: '/api/users/me/status',
  operationId: 'clearStatus',
  tags,
  summary: 'Take the custom status away',
  description: 'Whether or not there is one.',
  security,
  middleware,
  responses: { 204: { description: 'There is no custom status' }, ...problems('secured') },
});

export const users = router()
  .openapi(me, async (c) => c.json(await getUser(database(c.env), c.var.identity.user_id), 200))
  .openapi(updateMe, async (c) =>
    c.json(await updateUser(database(c.env), c.var.identity.user_id, c.req.valid('json'), Date.now()), 200),
  )
  .openapi(find, async (c) => c.json({ items: await findProfiles(database(c.env), c.req.valid('query')) }, 200))
  .openapi(get, async (c) => {
    const [profile] = await findProfiles(database(c.env), { ids: [c.req.valid('param').id] });
    if (profile === undefined) throw new ApiError('not_found', 'There is no such user');
    return c.json(profile, 200);
  })
  .openapi(setStatus, async (c) => {
    const { text, emoji = null, busy, expires_at = null } = c.req.valid('json');
    if (expires_at !== null && Date.parse(expires_at) <= Date.now()) {
      throw new ApiError('invalid', 'expires_at: must be a time to come');
    }
    const status = { text, emoji, busy, expires_at };
    await call(() => inbox(c.env, c.var.identity.user_id).setStatus(status));
    return c.json(status, 200);
  })
  .openapi(clearStatus, async (c) => {
    await call(() => inbox(c.env, c.var.identity.user_id).setStatus(null));
    return c.body(null, 204);
  })
  .openapi(presence, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await ask(() => inbox(c.env, id).presence(c.var.identity.user_id)), 200);
  });
