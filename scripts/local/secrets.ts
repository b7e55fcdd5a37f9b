import { randomBytes } from 'node:crypto';
import { chmod, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { codeOf, Fault, messageOf } from './fault.ts';

const VapidKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().min(1),
  y: z.string().min(1),
  d: z.string().min(1),
});
const Secrets = z.strictObject({
  JWT_KEYS: z.object({
    keys: z
      .array(
        z.object({
          kty: z.literal('OKP'),
          crv: z.literal('Ed25519'),
          x: z.string().min(1),
          d: z.string().min(1),
          kid: z.string().min(1),
        }),
      )
      .min(1),
  }),
  ADMIN_TOKEN: z.string().min(32),
  VAPID_KEY: VapidKey,
});
export type Secrets = z.infer<typeof Secrets>;
/** Folders that were made before there was push have no key for it: they are given one. */
const Stored = Secrets.partial({ VAPID_KEY: true });

/** A fresh key by which push services know a server. */
async function makeVapidKey(): Promise<z.infer<typeof VapidKey>> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return VapidKey.parse(await exportJWK(privateKey));
}

/** A fresh Ed25519 signing key and a fresh admin token of 256 bits. */
export async function makeSecrets(): Promise<Secrets> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return Secrets.parse({
    JWT_KEYS: { keys: [{ ...jwk, kid }] },
    ADMIN_TOKEN: randomBytes(32).toString('base64url'),
    VAPID_KEY: await makeVapidKey(),
  });
}

/** The secrets as the Worker's bindings take them. */
export const asBindings = (secrets: Secrets): { JWT_KEYS: string; ADMIN_TOKEN: string; VAPID_KEY: string } => ({
  JWT_KEYS: JSON.stringify(secrets.JWT_KEYS),
  ADMIN_TOKEN: secrets.ADMIN_TOKEN,
  VAPID_KEY: JSON.stringify(secrets.VAPID_KEY),
});

/**
 * Writes a file that only its owner can read. It appears whole or not at all: the content is on disk under another name
 * before it takes its own.
 */
export async function writePrivate(path: string, content: string): Promise<void> {
  const draft = `${path}.tmp`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** The secrets of a state folder, made on first use. The caller holds the folder's lock. They are never printed. */
export async function loadSecrets(stateDir: string): Promise<Secrets> {
  const path = join(stateDir, 'secrets.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw new Fault(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
    return keep(path, await makeSecrets());
  }
  await chmod(path, 0o600);
  const advice = 'restore it from a backup, or delete it to get new keys (everybody has to sign in again)';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault(`${path} is not JSON: ${advice}`);
  }
  const parsed = Stored.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Fault(`${path}: ${issue?.path.join('.')} ${issue?.message}: ${advice}`);
  }
  const { VAPID_KEY } = parsed.data;
  return VAPID_KEY === undefined
    ? keep(path, { ...parsed.data, VAPID_KEY: await makeVapidKey() })
    : { ...parsed.data, VAPID_KEY };
}

async function keep(path: string, secrets: Secrets): Promise<Secrets> {
  await writePrivate(path, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}
