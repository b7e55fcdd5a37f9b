/**
 * Serves the observed Tideline (`objects/worker.ts`) as the local server is served: the same bindings, SQLite on disk.
 * PORT and STATE_DIR come from the environment.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Log, LogLevel, Miniflare } from 'miniflare';
import { bundleWorker, copyDocsAssets, ROOT } from '../../scripts/bundle.ts';
import { readConfigFile, workerOptions } from '../../scripts/local/config-file.ts';
import { logLine } from '../../scripts/local/log.ts';
import { migrate } from '../../scripts/local/migrations.ts';
import { guardRuntime } from '../../scripts/local/runtime-guard.ts';
import { asBindings, makeSecrets } from '../../scripts/local/secrets.ts';

const port = Number(process.env.PORT);
const stateDir = process.env.STATE_DIR;
if (!(port > 0) || !stateDir) {
  console.error('usage: PORT=… STATE_DIR=… node bench/fanout/serve.ts');
  process.exit(2);
}
const file = await readConfigFile(ROOT);
const values = { ...file.vars, PUBLIC_URL: `http://127.0.0.1:${port}`, ...asBindings(await makeSecrets()) };
const entry = fileURLToPath(new URL('objects/worker.ts', import.meta.url));
const [modules] = await Promise.all([bundleWorker(entry), copyDocsAssets()]);
const guard = guardRuntime();
const server = new Miniflare({
  host: '127.0.0.1',
  port: 0,
  cf: false,
  log: new Log(LogLevel.NONE),
  handleStructuredLogs: logLine('info', (line) => process.stderr.write(`${line}\n`)),
  defaultPersistRoot: stateDir,
  workers: [
    {
      ...workerOptions(file, { root: ROOT, values, modules: { modulesRoot: join(ROOT, 'dist/worker'), modules } }),
      unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    },
  ],
});
await server.ready;
for (const { binding, migrations_dir } of file.d1_databases) {
  await migrate(await server.getD1Database(binding), ROOT, migrations_dir);
}

const stop = async () => {
  await server.dispose();
  guard.end();
  process.exit(0);
};
// It does not outlive the bench, however that ends.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) void stop();
}, 500).unref();
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
console.log('ready');
