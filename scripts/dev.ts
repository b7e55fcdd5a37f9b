// Before `npm run dev`: the secrets of the state folder in .dev.vars, the local database migrated, static files in place.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyDocsAssets, ROOT } from './bundle.ts';
import { readConfigFile } from './local/config-file.ts';
import { lockState } from './local/lock.ts';
import { asBindings, loadSecrets, writePrivate } from './local/secrets.ts';
import { readSettings } from './local/settings.ts';
import { makeStateFolder } from './local/state-folder.ts';
import { buildWeb } from './web.ts';

const { stateDir } = readSettings(process.env, ROOT);
await makeStateFolder(stateDir);
const lock = existsSync(join(stateDir, 'secrets.json')) ? undefined : lockState(stateDir);
const secrets = asBindings(await loadSecrets(stateDir));
lock?.release();
// Neither value holds a quote: one is JSON of base64url, the other is base64url.
await writePrivate(
  join(ROOT, '.dev.vars'),
  Object.entries(secrets)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join(''),
);
await copyDocsAssets();
await buildWeb();

const { d1_databases } = await readConfigFile(ROOT);
for (const { binding } of d1_databases) {
  const { status } = spawnSync('wrangler', ['d1', 'migrations', 'apply', binding, '--local'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, CI: 'true' },
  });
  if (status !== 0) process.exit(1);
}
