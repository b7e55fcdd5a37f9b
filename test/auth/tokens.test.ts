import { env } from 'cloudflare:workers';
import { generateKeyPair, importJWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { ACCESS_TTL, REFRESH_TTL, signPair, verifyAccess, verifyRefresh } from '../../src/auth/tokens.ts';
import { configOf } from '../../src/config.ts';
import { newId } from '../../src/ids.ts';

const config = configOf(env);
const now = 1_800_000_000_000;
const session = { user_id: newId('usr'), id: newId('ses'), generation: 3, issued_at: now / 1000 };
const [first, second] = config.signingKeys;

const claims = { sub: session.user_id, sid: session.id };
/** A token that is right in everything, to be spoilt in one thing. */
const draft = (header: Record<string, string> = {}) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid: first.kid, typ: 'at+jwt', ...header })
    .setIssuer(config.publicUrl)
    .setAudience('tideline')
    .setIssuedAt(now / 1000)
    .setExpirationTime(now / 1000 + ACCESS_TTL);
const signingKey = await importJWK(first, 'EdDSA');
const base64url = (text: string) => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

const codeOf = async (token: string, at = now) => {
  const result = await verifyAccess(config, token, at);
  return result.ok ? 'ok' : result.refusal.code;
};

describe('access tokens', () => {
  it('say who, which session, and until when', async () => {
    const { token } = await signPair(config, session);
    expect(await verifyAccess(config, token, now)).toEqual({
      ok: true,
      value: { user_id: session.user_id, session_id: session.id, issued_at: now, expires_at: now + ACCESS_TTL * 1000 },
    });
  });

  it('are accepted when made by hand in the same way', async () => {
    expect(await codeOf(await draft().sign(signingKey))).toBe('ok');
  });

  it('end after fifteen minutes, to the second', async () => {
    const { token } = await signPair(config, session);
    expect(await codeOf(token, now + 15 * 60_000 - 1000)).toBe('ok');
    expect(await codeOf(token, now + 15 * 60_000)).toBe('token_expired');
  });

  it('are accepted from every key of the configuration, so that keys can be replaced', async () => {
    if (second === undefined) throw new Error('the test configuration has two keys');
    expect(await codeOf(await draft({ kid: second.kid }).sign(await importJWK(second, 'EdDSA')))).toBe('ok');
  });

  it.each([
    ['an unknown key id', () => draft({ kid: 'other' }).sign(signingKey)],
    ['the id of another key', () => draft({ kid: second?.kid ?? '' }).sign(signingKey)],
    ['another issuer', () => draft().setIssuer('https://elsewhere.example').sign(signingKey)],
    ['another audience', () => draft().setAudience('tideline:refresh').sign(signingKey)],
    ['another type', () => draft({ typ: 'JWT' }).sign(signingKey)],
    ['a key of somebody else', async () => draft().sign((await generateKeyPair('EdDSA')).privateKey)],
    ['HS256 with the public key as the secret', () => draft({ alg: 'HS256' }).sign(new TextEncoder().encode(first.x))],
    [
      'HS256 with the bytes of the public key as the secret',
      () =>
        draft({ alg: 'HS256' }).sign(
          Uint8Array.from(atob(first.x.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0)),
        ),
    ],
    [
      'no algorithm',
      async () => {
        const [, payload] = (await draft().sign(signingKey)).split('.');
        return `${base64url(JSON.stringify({ alg: 'none', kid: first.kid, typ: 'at+jwt' }))}.${payload}.`;
      },
    ],
    [
      'a changed payload',
      async () => {
        const [header, , signature] = (await draft().sign(signingKey)).split('.');
        const payload = { ...claims, sub: newId('usr'), iat: now / 1000, exp: now / 1000 + ACCESS_TTL };
        return `${header}.${base64url(JSON.stringify({ ...payload, iss: config.publicUrl, aud: 'tideline' }))}.${signature}`;
      },
    ],
    ['a subject that is no user', () => draft().setSubject('admin').sign(signingKey)],
    ['text that is no token', () => Promise.resolve('a.b.c')],
    ['no text', () => Promise.resolve('')],
  ])('are refused with %s', async (_what, make) => {
    expect(await codeOf(await make())).toBe('unauthenticated');
  });

  it('are refused without an end', async () => {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid: first.kid, typ: 'at+jwt' })
      .setIssuer(config.publicUrl)
      .setAudience('tideline')
      .setIssuedAt(now / 1000)
      .sign(signingKey);
    expect(await codeOf(token)).toBe('unauthenticated');
  });
});

describe('the two kinds of token', () => {
  it('do not stand in for each other', async () => {
    const { token, refresh_token } = await signPair(config, session);
    expect(await codeOf(refresh_token)).toBe('unauthenticated');
    expect(await verifyRefresh(config, token, now)).toMatchObject({ ok: false, refusal: { code: 'unauthenticated' } });
    expect(await verifyRefresh(config, refresh_token, now)).toMatchObject({
      ok: true,
      value: { sub: session.user_id, sid: session.id, gen: 3 },
    });
  });

  it('are the same again for the same generation, and others for the next', async () => {
    const pair = await signPair(config, session);
    expect(await signPair(config, session)).toEqual(pair);
    expect((await signPair(config, { ...session, generation: 4 })).refresh_token).not.toBe(pair.refresh_token);
  });

  it('a refresh token ends after thirty days', async () => {
    const { refresh_token } = await signPair(config, session);
    const end = now + REFRESH_TTL * 1000;
    expect(await verifyRefresh(config, refresh_token, end - 1000)).toMatchObject({ ok: true });
    expect(await verifyRefresh(config, refresh_token, end)).toMatchObject({ refusal: { code: 'token_expired' } });
  });
});
