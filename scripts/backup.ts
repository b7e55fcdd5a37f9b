// `npm run backup -- FOLDER`: copies STATE_DIR to a new folder, also while the server runs.
import { resolve } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { backup } from './local/backup.ts';
import { Fault } from './local/fault.ts';
import { readSettings } from './local/settings.ts';

const [target, ...rest] = process.argv.slice(2);
try {
  if (target === undefined || rest.length > 0) throw new Fault('usage: npm run backup -- FOLDER');
  const { stateDir } = readSettings(process.env, process.cwd());
  const { stoodStill } = await backup(stateDir, resolve(target), packageJson.version);
  console.log(
    `backup of ${stateDir} in ${resolve(target)}${stoodStill > 0 ? `; the server stood still for ${stoodStill} ms` : ''}`,
  );
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(`tideline: ${error.message}`);
  process.exitCode = 1;
}
