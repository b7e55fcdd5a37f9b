// The web client, built into the folder of static files.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ASSETS, ROOT } from './bundle.ts';

/** JavaScript that the first load may take, compressed, in bytes. */
const FIRST_LOAD_MAX = 200 * 1024;
const STAMP = join(ROOT, 'dist', 'web.json');
/** What the client is made of. */
const SOURCES = ['web', 'sdk/src', 'src/protocol', 'package-lock.json'];
const SKIPPED = new Set(['node_modules', 'e2e', 'dist', 'test']);

/** Builds the client, unless what is there is of the same sources. Safe beside another server that does the same. */
export async function buildWeb(): Promise<void> {
  const sources = await fingerprint();
  const built = await readFile(STAMP, 'utf8').catch(() => '');
  if (built === sources) return;
  const { build } = await import('vite');
  const outDir = join(ROOT, 'dist', `web.${process.pid}`);
  try {
    await build({ configFile: join(ROOT, 'web/vite.config.ts'), logLevel: 'warn', build: { outDir } });
    await install(outDir);
    await replace(STAMP, (draft) => writeFile(draft, sources));
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

/** Puts the files in place, the page last: whoever gets it finds what it names. Then what no page names any more goes. */
async function install(from: string): Promise<void> {
  const files = await filesIn(from);
  for (const file of files.sort((a, b) => Number(a.endsWith('.html')) - Number(b.endsWith('.html')))) {
    const to = join(ASSETS, file);
    await mkdir(dirname(to), { recursive: true });
    await replace(to, (draft) => copyFile(join(from, file), draft));
  }
  const wanted = new Set(files);
  for (const file of await filesIn(join(ASSETS, 'app'))) {
    if (!wanted.has(join('app', file))) await rm(join(ASSETS, 'app', file), { force: true });
  }
}

async function replace(path: string, write: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  await write(draft);
  await rename(draft, path);
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const path = join(ROOT, source);
    const files = source.endsWith('.json') ? [''] : (await filesIn(path)).sort();
    for (const file of files) {
      if (file.split('/').some((part) => SKIPPED.has(part))) continue;
      hash.update(`${source}/${file}\0`).update(await readFile(join(path, file)));
    }
  }
  return hash.digest('hex');
}

export interface FirstLoad {
  files: { name: string; bytes: number }[];
  bytes: number;
}

/**
 * The JavaScript that the built page loads before anything is clicked, compressed: its scripts, what they import
 * statically, and the worker that they start.
 *
 * @throws when it is more than a first load may take
 */
export async function checkFirstLoad(): Promise<FirstLoad> {
  const page = await readFile(join(ASSETS, 'index.html'), 'utf8');
  const waiting = [...page.matchAll(/(?:src|href)="(\/[^"]+\.js)"/g)].map(([, path]) => path ?? '');
  const files = new Map<string, number>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const text = await readFile(join(ASSETS, path), 'utf8');
    files.set(path, gzipSync(text).byteLength);
    const statics = text.matchAll(/(?:from|import)\s*["'](\.[^"']+\.js)["']/g);
    for (const [, name] of statics) waiting.push(join(dirname(path), name ?? ''));
    for (const [, worker] of text.matchAll(/["'`](\/app\/worker-[^"'`]+\.js)["'`]/g)) waiting.push(worker ?? '');
  }
  const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
  if (bytes > FIRST_LOAD_MAX) {
    const list = [...files].map(([name, size]) => `${name} ${size}`).join(', ');
    throw new Error(
      `the first load of the client takes ${bytes} bytes of JavaScript, at most ${FIRST_LOAD_MAX} are allowed: ${list}`,
    );
  }
  return { files: [...files].map(([name, size]) => ({ name, bytes: size })), bytes };
}
