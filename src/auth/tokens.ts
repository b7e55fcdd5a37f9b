import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Identity } from '../inbox/api.ts';
import { SessionId, UserId } from '../protocol/common.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { keysOf } from './keys.ts';

/** Seconds. */
export const ACCESS_TTL = 15 * 60;
/** Seconds; begins anew with every refresh. */
export const REFRESH_TTL = 30 * 24 * 60 * 60;
/** Seconds. An ended session is remembered in the inbox for longer than this. */
export const RESUME_TTL = 24 * 60 * 60;

const ALGORITHM = 'EdDSA';
/** What tells the kinds of token apart: each is refused where the other is wanted, by type and by audience. */
const KINDS = {
  access: { typ: 'at+jwt', audience: 'tideline', ttl: ACCESS_TTL },
  refresh: { typ: 'rt+jwt', audience: 'tideline:refresh', ttl: REFRESH_TTL },
  resume: { typ: 'rs+jwt', audience: 'tideline:resume', ttl: RESUME_TTL },
} as const;

const AccessClaims = z.object({ sub: UserId, sid: SessionId, iat: z.int(), exp: z.int() });
const RefreshClaims = AccessClaims.extend({ gen: z.int().min(1) });
export type RefreshClaims = z.infer<typeof RefreshClaims>;

export interface TokenPair {
  token: string;
  refresh_token: string;
}

async function sign(config: Config, kind: keyof typeof KINDS, claims: JWTPayload, issuedAt: number): Promise<string> {
  const { signing } = await keysOf(config);
  const { typ, audience, ttl } = KINDS[kind];
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, kid: signing.kid, typ })
    .setIssuer(config.publicUrl)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttl)
    .sign(signing.key);
}

/**
 * The tokens of one generation of a session. EdDSA is deterministic: the same generation and time give the same tokens.
 * @param issuedAt seconds since 1970
 */
export async function signPair(
  config: Config,
  session: { user_id: string; id: string; generation: number; issued_at: number },
): Promise<TokenPair> {
  const claims = { sub: session.user_id, sid: session.id };
  const [token, refresh_token] = await Promise.all([
    sign(config, 'access', claims, session.issued_at),
    sign(config, 'refresh', { ...claims, gen: session.generation }, session.issued_at),
  ]);
  return { token, refresh_token };
}

async function verify<T>(
  config: Config,
  kind: keyof typeof KINDS,
  schema: z.ZodType<T>,
  token: string,
  now: number,
): Promise<Result<T>> {
  const { verifying } = await keysOf(config);
  const { typ, audience } = KINDS[kind];
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : verifying.get(kid);
        if (key === undefined) throw new errors.JWSSignatureVerificationFailed();
        return key;
      },
      { algorithms: [ALGORITHM], issuer: config.publicUrl, audience, typ, currentDate: new Date(now) },
    );
    const claims = schema.safeParse(payload);
    if (claims.success) return ok(claims.data);
  } catch (error) {
    if (error instanceof errors.JWTExpired) return refuse('token_expired', `The ${kind} token has ended`);
    if (!(error instanceof errors.JOSEError)) throw error;
  }
  return refuse('unauthenticated', `The ${kind} token is not valid`);
}

/**
 * Who sends this access token. Says nothing about whether the session still lives: ask the inbox's `gate`.
 * @param now milliseconds since 1970
 */
export async function verifyAccess(config: Config, token: string, now: number): Promise<Result<Identity>> {
  const claims = await verify(config, 'access', AccessClaims, token, now);
  if (!claims.ok) return claims;
  const { sub, sid, iat, exp } = claims.value;
  return ok({ user_id: sub, session_id: sid, issued_at: iat * 1000, expires_at: exp * 1000 });
}

/** The claims of a genuine refresh token that has not ended. Whether it is of the current generation, the session says. */
export const verifyRefresh = (config: Config, token: string, now: number): Promise<Result<RefreshClaims>> =>
  verify(config, 'refresh', RefreshClaims, token, now);

/** A token that opens sockets of a session, and nothing else, without a look into D1. @param now milliseconds since 1970 */
export async function signResume(
  config: Config,
  { user_id, session_id }: Pick<Identity, 'user_id' | 'session_id'>,
  now: number,
): Promise<{ token: string; expires_at: number }> {
  const issuedAt = Math.floor(now / 1000);
  const token = await sign(config, 'resume', { sub: user_id, sid: session_id }, issuedAt);
  return { token, expires_at: (issuedAt + RESUME_TTL) * 1000 };
}

/**
 * Who opens a socket: by an access token, or by a resume token. The latter gives as much time as an access token would, in
 * which the socket has to be renewed with one; a socket that was resumed is given no new resume token before that.
 */
export async function verifySocket(config: Config, token: string, now: number): Promise<Result<Identity>> {
  if (typeOf(token) !== KINDS.resume.typ) return verifyAccess(config, token, now);
  const claims = await verify(config, 'resume', AccessClaims, token, now);
  if (!claims.ok) return claims;
  const { sub, sid } = claims.value;
  return ok({ user_id: sub, session_id: sid, issued_at: now, expires_at: now + ACCESS_TTL * 1000, resumed: true });
}

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch {
    return undefined;
  }
}
