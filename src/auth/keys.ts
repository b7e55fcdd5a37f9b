import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { Config } from '../config.ts';

export interface Keys {
  signing: { kid: string; key: CryptoKey };
  /** Public keys by `kid`. */
  verifying: ReadonlyMap<string, CryptoKey>;
}

const ALGORITHM = 'EdDSA';

async function imported(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM);
  if (key instanceof Uint8Array) throw new TypeError('a signing key must be an Ed25519 key');
  return key;
}

let cached: { config: Config; keys: Keys } | undefined;

/** The keys of the configuration, imported once. Only the result is shared between requests, never a pending promise. */
export async function keysOf(config: Config): Promise<Keys> {
  if (cached?.config === config) return cached.keys;
  const [first] = config.signingKeys;
  const keys: Keys = {
    signing: { kid: first.kid, key: await imported({ ...first, alg: ALGORITHM }) },
    verifying: new Map(
      await Promise.all(
        config.signingKeys.map(
          async ({ kty, crv, x, kid }) => [kid, await imported({ kty, crv, x, alg: ALGORITHM })] as const,
        ),
      ),
    ),
  };
  cached = { config, keys };
  return keys;
}

/** The public half of every key, as `/.well-known/jwks.json` shows it. */
export const publicKeys = (config: Config) => ({
  keys: config.signingKeys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, use: 'sig', alg: ALGORITHM })),
});
