/**
 * Serves one of the bare objects (`naive` or `ceiling`) exactly as the local server is served: workerd through Miniflare,
 * the same compatibility date and flags, SQLite on disk. PORT and STATE_DIR come from the environment.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { parse } from 'smol-toml';

const kind = process.argv[2];
const port = Number(process.env.PORT);
const stateDir = process.env.STATE_DIR;
if ((kind !== 'naive' && kind !== 'ceiling') || !(port > 0) || !stateDir) {
  console.error('usage: PORT=… STATE_DIR=… node bench/serve.ts naive|ceiling');
  process.exit(2);
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const config = parse(await readFile(here('../wrangler.toml'), 'utf8'));
const flags = Array.isArray(config.compatibility_flags) ? config.compatibility_flags : [];
const bundle = await build({
  entryPoints: [here(`objects/${kind}.ts`)],
  bundle: true,
  format: 'esm',
  target: 'es2024',
  external: ['cloudflare:*'],
  write: false,
});
const script = bundle.outputFiles[0]?.text;
if (script === undefined) throw new Error(`esbuild made nothing of ${kind}.ts`);

const server = new Miniflare({
  host: '127.0.0.1',
  port,
  modules: true,
  script,
  compatibilityDate: String(config.compatibility_date),
  compatibilityFlags: flags.map(String),
  durableObjects: {
    ROOM: { className: 'Room', useSQLite: true },
    ...(kind === 'naive' ? { INBOX: { className: 'Inbox', useSQLite: true } } : {}),
  },
  durableObjectsPersist: stateDir,
  r2Buckets: { BUCKET: 'bench' },
  r2Persist: `${stateDir}/r2`,
  ...(process.env.INSPECTOR_PORT ? { inspectorPort: Number(process.env.INSPECTOR_PORT) } : {}),
});
await server.ready;
console.log(`${kind} on port ${port}`);

const stop = async () => {
  await server.dispose();
  process.exit(0);
};
// It does not outlive the bench, however that ends.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) void stop();
}, 500).unref();
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
