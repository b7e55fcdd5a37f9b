import { createRoute, z } from '@hono/zod-openapi';
import { changePassword, signIn, signUp } from '../auth/accounts.ts';
import { authenticated, limited } from '../auth/middleware.ts';
import { endSessions, listSessions, only, refresh } from '../auth/sessions.ts';
import { database } from '../db/client.ts';
import { ApiError } from '../errors.ts';
import { PageLimit, SessionId } from '../protocol/common.ts';
import { ChangePassword, Refresh, Session, SignIn, SignUp, Tokens } from '../protocol/users.ts';
import { body, json, pageOf, params, problems, router } from './api.ts';

const tags = ['Accounts'];
const security = [{ bearer: [] }];

const signup = createRoute({
  method: 'post',
  path: '/api/auth/signup',
  operationId: 'signUp',
  tags,
  summary: 'Make an account',
  description: 'Makes an account and opens its first session.',
  security: [],
  middleware: limited,
  request: { body: body(SignUp) },
  responses: {
    201: json(Tokens, 'The account, and the tokens of its first session'),
    ...problems('body', 'email_taken', 'handle_taken', 'rate_limited'),
  },
});

const signin = createRoute({
  method: 'post',
  path: '/api/auth/signin',
  operationId: 'signIn',
  tags,
  summary: 'Open a session',
  description:
    'The answer for an unknown address and for a wrong password is the same. Wrong passwords are counted per account.',
  security: [],
  middleware: limited,
  request: { body: body(SignIn) },
  responses: {
    200: json(Tokens, 'The tokens of a new session'),
    ...problems('body', 'invalid_credentials', 'suspended', 'rate_limited'),
  },
});

const refreshRoute = createRoute({
  method: 'post',
  path: '/api/auth/refresh',
  operationId: 'refresh',
  tags,
  summary: 'Exchange a refresh token',
  description:
    'A refresh token is good once. Showing an old one ends its session, unless it is the same `attempt` asking again within a minute for an answer that was lost.',
  security: [],
  middleware: limited,
  request: { body: body(Refresh) },
  responses: {
    200: json(Tokens, 'New tokens of the same session'),
    ...problems('body', 'unauthenticated', 'session_ended', 'suspended', 'rate_limited'),
  },
});

const signout = createRoute({
  method: 'post',
  path: '/api/auth/signout',
  operationId: 'signOut',
  tags,
  summary: 'End this session',
  description: 'Closes the sockets of the session and refuses its tokens from now on.',
  security,
  middleware: authenticated,
  responses: { 204: { description: 'The session has ended' }, ...problems('secured') },
});

const list = createRoute({
  method: 'get',
  path: '/api/auth/sessions',
  operationId: 'listSessions',
  tags,
  summary: 'List live sessions',
  description: 'Newest first. `last_used_at` is the time of the last sign-in or refresh.',
  security,
  middleware: authenticated,
  request: { query: z.strictObject({ cursor: SessionId.optional(), limit: PageLimit }) },
  responses: { 200: json(pageOf(Session, 'SessionPage'), 'Live sessions'), ...problems('secured', 'invalid') },
});

const endAll = createRoute({
  method: 'delete',
  path: '/api/auth/sessions',
  operationId: 'signOutEverywhere',
  tags,
  summary: 'End every session',
  description: 'Ends all sessions of the user, this one included.',
  security,
  middleware: authenticated,
  responses: { 204: { description: 'No session is left' }, ...problems('secured') },
});

const endOne = createRoute({
  method: 'delete',
  path: '/api/auth/sessions/{id}',
  operationId: 'endSession',
  tags,
  summary: 'End one session',
  description: 'Closes the sockets of that session and refuses its tokens from now on.',
  security,
  middleware: authenticated,
  request: { params: params.session },
  responses: { 204: { description: 'The session has ended' }, ...problems('secured', 'not_found') },
});

const password = createRoute({
  method: 'post',
  path: '/api/auth/password',
  operationId: 'changePassword',
  tags,
  summary: 'Change the password',
  description: 'Ends every other session of the user.',
  security,
  middleware: [limited, authenticated],
  request: { body: body(ChangePassword) },
  responses: {
    204: { description: 'The password is changed' },
    ...problems('secured', 'body', 'invalid_credentials', 'conflict', 'rate_limited'),
  },
});

export const auth = router()
  .openapi(signup, async (c) => c.json(await signUp(c.env, c.var.config, c.req.valid('json'), Date.now()), 201))
  .openapi(signin, async (c) => c.json(await signIn(c.env, c.var.config, c.req.valid('json'), Date.now()), 200))
  .openapi(refreshRoute, async (c) => c.json(await refresh(c.env, c.var.config, c.req.valid('json'), Date.now()), 200))
  .openapi(signout, async (c) => {
    const { user_id, session_id } = c.var.identity;
    await endSessions(c.env, user_id, only(session_id), Date.now());
    return c.body(null, 204);
  })
  .openapi(list, async (c) =>
    c.json(await listSessions(database(c.env), c.var.identity, c.req.valid('query'), Date.now()), 200),
  )
  .openapi(endAll, async (c) => {
    await endSessions(c.env, c.var.identity.user_id, undefined, Date.now());
    return c.body(null, 204);
  })
  .openapi(endOne, async (c) => {
    const ended = await endSessions(c.env, c.var.identity.user_id, only(c.req.valid('param').id), Date.now());
    if (!ended) throw new ApiError('not_found', 'You have no such session');
    return c.body(null, 204);
  })
  .openapi(password, async (c) => {
    await changePassword(c.env, c.var.identity, c.req.valid('json'), Date.now());
    return c.body(null, 204);
  });
