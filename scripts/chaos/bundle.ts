import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { bundleWorker, type Module, ROOT } from '../bundle.ts';

const FAILPOINT = /^[ \t]*\/\/ failpoint: ([a-z-]+\.[a-z-]+)$/gm;

/** The names of the failpoints in a source text. */
export const failpointsIn = (source: string): string[] => [...source.matchAll(FAILPOINT)].map(([, name = '']) => name);

/** Turns the failpoints of the source, which are comments, into calls. */
function failpoints(found: Set<string>): Plugin {
  const implementation = join(ROOT, 'test/chaos/worker/failpoint.ts');
  return {
    name: 'failpoints',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(join(ROOT, 'src'))) return undefined;
        const source = await readFile(path, 'utf8');
        const names = failpointsIn(source);
        if (names.length === 0) return undefined;
        for (const name of names) {
          if (found.has(name)) throw new Error(`two failpoints ${name}`);
          found.add(name);
        }
        const calls = source.replace(FAILPOINT, (_, name: string) => `failpoint(${JSON.stringify(name)});`);
        return { contents: `import { failpoint } from ${JSON.stringify(implementation)};\n${calls}`, loader: 'ts' };
      });
    },
  };
}

/** The Worker of `npm run chaos`, and the names of its failpoints. */
export async function bundleForChaos(): Promise<{ modules: Module[]; names: string[] }> {
  const found = new Set<string>();
  const modules = await bundleWorker('test/chaos/worker/index.ts', [failpoints(found)]);
  return { modules, names: [...found].sort() };
}
