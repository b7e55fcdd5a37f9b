import { createMiddleware } from 'hono/factory';
import type { Config } from '../config.ts';
import { ApiError } from '../errors.ts';
import type { Identity } from '../inbox/api.ts';
import { inbox } from '../objects/stubs.ts';
import { ATTEMPTS } from '../protocol/limits.ts';
import { type ApiEnv, unwrap } from '../routes/api.ts';
import { ask } from '../routes/call.ts';
import { addressKey } from './address.ts';
import { verifyAccess, verifySocket } from './tokens.ts';

/** The token of an `Authorization: Bearer` header. */
export const bearerOf = (header: string | undefined): string | undefined =>
  /^bearer +([\w.~+/-]+=*) *$/i.exec(header ?? '')?.[1];

/** Who holds this token, by its signature alone. Throws `unauthenticated`, `token_expired`. */
export async function identify(config: Config, token: string | undefined): Promise<Identity> {
  if (token === undefined) {
    throw new ApiError('unauthenticated', 'Send the access token as `Authorization: Bearer <token>`');
  }
  return unwrap(await verifyAccess(config, token, Date.now()));
}

/** Who opens a socket with this token, an access or a resume token. Throws as `identify`. */
export async function identifySocket(config: Config, token: string | undefined): Promise<Identity> {
  if (token === undefined) {
    throw new ApiError('unauthenticated', 'Send the token as `Authorization: Bearer` or as a subprotocol');
  }
  return unwrap(await verifySocket(config, token, Date.now()));
}

/** Lets a request with a valid token of a live session of an active user through, as `c.var.identity`. */
export const authenticated = createMiddleware<ApiEnv>(async (c, next) => {
  const identity = await identify(c.var.config, bearerOf(c.req.header('authorization')));
  await ask(() => inbox(c.env, identity.user_id).gate(identity));
  c.set('identity', identity);
  await next();
});

/** Limits how often one address may try what costs a password hash or answers a guess; each route for itself. */
export const limited = createMiddleware<ApiEnv>(async (c, next) => {
  const key = `${c.req.path} ${addressKey(c.req.header('cf-connecting-ip'))}`;
  const { success } = await c.env.AUTH_LIMIT.limit({ key });
  if (!success) {
    throw new ApiError('rate_limited', 'Too many attempts from this address', {
      retryAfter: ATTEMPTS.perAddress.seconds,
    });
  }
  await next();
});

/** Compared by digest: the time taken says nothing about how much of a guess is right. */
async function sameText(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  return crypto.subtle.timingSafeEqual(left, right);
}

/** Lets the operator through: the admin token in the place of an access token. */
export const adminOnly = createMiddleware<ApiEnv>(async (c, next) => {
  const token = bearerOf(c.req.header('authorization'));
  if (token === undefined || !(await sameText(token, c.var.config.adminToken))) {
    throw new ApiError('unauthenticated', 'Send the admin token as `Authorization: Bearer <token>`');
  }
  await next();
});
