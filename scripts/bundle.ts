import { copyFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, stop } from 'esbuild';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The folder of static files that is served beside the Worker. */
export const ASSETS = join(ROOT, 'dist', 'assets');

export interface Module {
  type: 'ESModule' | 'CompiledWasm';
  /** Absolute; the first module is the entry. */
  path: string;
  contents: Uint8Array<ArrayBuffer>;
}

/** The Worker as workerd takes it: one ES module, and each .wasm as a module of its own, compiled when it is loaded. */
export async function bundleWorker(entry: string, plugins: Plugin[] = []): Promise<Module[]> {
  const outdir = join(ROOT, 'dist', 'worker');
  const wasm = new Map<string, Module>();
  const wasmModules: Plugin = {
    name: 'wasm-modules',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /\.wasm(\?module)?$/ }, async ({ path, pluginData, kind, resolveDir, importer }) => {
        if (pluginData === wasm) return undefined;
        const found = await resolve(path.replace(/\?module$/, ''), { kind, resolveDir, importer, pluginData: wasm });
        if (found.errors.length > 0) return { errors: found.errors };
        const name = basename(found.path);
        wasm.set(name, {
          type: 'CompiledWasm',
          path: join(outdir, name),
          contents: new Uint8Array(await readFile(found.path)),
        });
        return { path: `./${name}`, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { index: entry },
    outdir,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['module', 'browser', 'main'],
    external: ['cloudflare:*', 'node:*', 'workerd:*'],
    plugins: [...plugins, wasmModules],
    // As wrangler.toml has it: a name that is kept is defined again each time that its function is made.
    keepNames: false,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  return [
    ...outputFiles.map(
      (file): Module => ({ type: 'ESModule', path: file.path, contents: new Uint8Array(file.contents) }),
    ),
    ...wasm.values(),
  ];
}

/** esbuild keeps a process for the next build; a server has none. */
export const endBundler = (): Promise<void> => stop();

/** Puts the files of the page at /docs into the assets. Safe beside another server that does the same. */
export async function copyDocsAssets(): Promise<void> {
  const source = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const target = join(ASSETS, 'docs');
  await mkdir(target, { recursive: true });
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
    const from = join(source, name);
    const to = join(target, name);
    const [wanted, present] = await Promise.all([stat(from), stat(to).catch(() => undefined)]);
    if (present?.size === wanted.size && present.mtimeMs >= wanted.mtimeMs) continue;
    const draft = `${to}.${process.pid}.tmp`;
    await copyFile(from, draft);
    await rename(draft, to);
  }
}
