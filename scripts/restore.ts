// `npm run restore -- FOLDER`: puts a backup in the place of STATE_DIR's data. The server must not run.
import { resolve } from 'node:path';
import { restore } from './local/backup.ts';
import { Fault } from './local/fault.ts';
import { readSettings } from './local/settings.ts';

const [source, ...rest] = process.argv.slice(2);
try {
  if (source === undefined || rest.length > 0) throw new Fault('usage: npm run restore -- FOLDER');
  const { stateDir } = readSettings(process.env, process.cwd());
  const { former, renewed } = await restore(resolve(source), stateDir);
  console.log(`restored ${resolve(source)} to ${stateDir}: ${renewed} conversations begin a new epoch`);
  if (former !== undefined) console.log(`what was there is in ${former}`);
  console.log('Start the server, and then see with `npm run audit` whether everything agrees.');
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(`tideline: ${error.message}`);
  process.exitCode = 1;
}
