import { createRoute, z } from '@hono/zod-openapi';
import { changePassword, signIn, signUp } from '../auth/accounts.ts';
import { authenticated, limited } from '../auth/middleware.ts';
import { emailState, requestReset, requestVerification, resetPassword, verifyEmail } from '../auth/recovery.ts';
import { endSessions, listSessions, only, refresh } from '../auth/sessions.ts';
import { database } from '../db/client.ts';
import { ApiError } from '../errors.ts';
import { PageLimit, SessionId } from '../protocol/common.ts';
import {
  ChangePassword,
  EmailState,
  ForgotPassword,
  Refresh,
  ResetPassword,
  Session,
  SignIn,
  SignUp,
  Tokens,
  VerifyEmail,
} from '../protocol/users.ts';
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

const emailStateRoute = createRoute({
  method: 'get',
  path: '/api/auth/verify',
  operationId: 'getEmailState',
  tags,
  summary: 'Whether the own address is confirmed',
  description: 'The address of the account, and since when it is known that its mail is read.',
  security,
  middleware: authenticated,
  responses: { 200: json(EmailState, 'The address'), ...problems('secured') },
});

const verifySend = createRoute({
  method: 'post',
  path: '/api/auth/verify/send',
  operationId: 'sendVerification',
  tags,
  summary: 'Ask for the mail that confirms the address',
  description: 'It is sent at sign-up; this sends another. Nothing is sent to an address that is confirmed.',
  security,
  middleware: [limited, authenticated],
  responses: { 204: { description: 'A mail is on its way' }, ...problems('secured', 'rate_limited') },
});

const verify = createRoute({
  method: 'post',
  path: '/api/auth/verify',
  operationId: 'verifyEmail',
  tags,
  summary: 'Confirm an address',
  description: 'By the code of the mail: whoever has read it has the address. A code is good once, for two days.',
  security: [],
  middleware: limited,
  request: { body: body(VerifyEmail) },
  responses: {
    200: json(EmailState, 'The address, confirmed'),
    ...problems('body', 'invalid_code', 'rate_limited'),
  },
});

const forgot = createRoute({
  method: 'post',
  path: '/api/auth/password/forgot',
  operationId: 'forgotPassword',
  tags,
  summary: 'Ask for a mail to set a new password',
  description: 'The answer is the same whether or not the address has an account.',
  security: [],
  middleware: limited,
  request: { body: body(ForgotPassword) },
  responses: {
    204: { description: 'If the address has an account, a mail is on its way' },
    ...problems('body', 'rate_limited'),
  },
});

const reset = createRoute({
  method: 'post',
  path: '/api/auth/password/reset',
  operationId: 'resetPassword',
  tags,
  summary: 'Set a new password by a code',
  description: 'By the code of the mail, which is good once, for half an hour. Ends every session of the user.',
  security: [],
  middleware: limited,
  request: { body: body(ResetPassword) },
  responses: {
    204: { description: 'The password is set; sign in with it' },
    ...problems('body', 'invalid_code', 'rate_limited'),
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
  .openapi(emailStateRoute, async (c) => c.json(await emailState(database(c.env), c.var.identity.user_id), 200))
  .openapi(verifySend, async (c) => {
    await requestVerification(c.env, c.var.identity.user_id, Date.now());
    return c.body(null, 204);
  })
  .openapi(verify, async (c) => c.json(await verifyEmail(c.env, c.req.valid('json').code, Date.now()), 200))
  .openapi(forgot, async (c) => {
    await requestReset(c.env, c.req.valid('json').email, Date.now());
    return c.body(null, 204);
  })
  .openapi(reset, async (c) => {
    await resetPassword(c.env, c.req.valid('json'), Date.now());
    return c.body(null, 204);
  })
  .openapi(password, async (c) => {
    await changePassword(c.env, c.var.identity, c.req.valid('json'), Date.now());
    return c.body(null, 204);
  });
