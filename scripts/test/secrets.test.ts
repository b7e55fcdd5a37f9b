import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/variables.ts';
import { asBindings, loadSecrets, makeSecrets } from '../local/secrets.ts';
import { temporaryFolder } from './folder.ts';

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

it('makes secrets that the Worker accepts, each time others', async () => {
  const [one, other] = [await makeSecrets(), await makeSecrets()];
  const config = parseConfig({
    ENVIRONMENT: 'local',
    PUBLIC_URL: 'http://127.0.0.1:8787',
    ALLOWED_ORIGINS: '*',
    RECONNECT_WINDOW_MS: '2000',
    RATE_LIMITS: 'off',
    LINK_PREVIEWS: 'off',
    ...asBindings(one),
  });
  expect(config.signingKeys[0].kid).toMatch(/^[\w-]{43}$/);
  expect(config.adminToken).toHaveLength(43);
  expect(config.vapid?.publicKey).toMatch(/^B[\w-]{86}$/);
  expect(one.ADMIN_TOKEN).not.toBe(other.ADMIN_TOKEN);
  expect(one.JWT_KEYS.keys[0]?.d).not.toBe(other.JWT_KEYS.keys[0]?.d);
});

it('keeps them in a file that only its owner can read', async () => {
  const folder = await temporaryFolder();
  const first = await loadSecrets(folder);
  expect(await modeOf(join(folder, 'secrets.json'))).toBe(0o600);
  expect(await loadSecrets(folder)).toEqual(first);
  expect(await readdir(folder)).toEqual(['secrets.json']);
});

it('gives a folder that was made before there was push the key for it, and keeps the others', async () => {
  const folder = await temporaryFolder();
  const { VAPID_KEY: _, ...before } = await loadSecrets(folder);
  await writeFile(join(folder, 'secrets.json'), JSON.stringify(before));
  const after = await loadSecrets(folder);
  expect(after).toMatchObject(before);
  expect(after.VAPID_KEY.d).toMatch(/^[\w-]{43}$/);
  expect(await loadSecrets(folder)).toEqual(after);
});

it('takes rights away that others were given', async () => {
  const folder = await temporaryFolder();
  await loadSecrets(folder);
  await chmod(join(folder, 'secrets.json'), 0o644);
  await loadSecrets(folder);
  expect(await modeOf(join(folder, 'secrets.json'))).toBe(0o600);
});

it('is not stopped by the draft of a start that was killed', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'secrets.json.tmp'), '{"JWT_KEYS":{"ke', { mode: 0o644 });
  const secrets = await loadSecrets(folder);
  expect(JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8'))).toEqual(secrets);
  expect(await modeOf(join(folder, 'secrets.json'))).toBe(0o600);
});

it.each([
  ['{"JWT_KEYS"', 'is not JSON'],
  ['{"JWT_KEYS":{"keys":[]},"ADMIN_TOKEN":"x"}', 'JWT_KEYS.keys'],
])('names the file when it holds %s, and leaves it as it is', async (content, part) => {
  const folder = await temporaryFolder();
  const path = join(folder, 'secrets.json');
  await writeFile(path, content);
  await expect(loadSecrets(folder)).rejects.toThrow(part);
  await expect(loadSecrets(folder)).rejects.toThrow(path);
  expect(await readFile(path, 'utf8')).toBe(content);
});
