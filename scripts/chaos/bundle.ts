import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { bundleWorker, type Module, ROOT } from '../bundle.ts';
import type { Tiers } from './plan.ts';

const FAILPOINT = /^[ \t]*\/\/ failpoint: ([a-z-]+\.[a-z-]+)$/gm;

/** The names of the failpoints in a source text. */
export const failpointsIn = (source: string): string[] => [...source.matchAll(FAILPOINT)].map(([, name = '']) => name);

/** Turns the failpoints of the source, which are comments, into calls, and lowers the limits of tiers. */
function failpoints(found: Set<string>, tiers: Tiers): Plugin {
  const implementation = join(ROOT, 'test/chaos/worker/failpoint.ts');
  return {
    name: 'failpoints',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(join(ROOT, 'src'))) return undefined;
        const source = withTiers(path, await readFile(path, 'utf8'), tiers);
        const names = failpointsIn(source);
        if (names.length === 0) return { contents: source, loader: 'ts' };
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

/** Where the limits of tiers and relays stand in the source. */
const LIMITS: Record<string, (tiers: Tiers) => [RegExp, string]> = {
  'conversation/tiers.ts': ({ small, large }) => [
    /(TIER_LIMITS = )\{ small: \d+, large: \d+ \}/,
    `$1{ small: ${small}, large: ${large} }`,
  ],
  'conversation/relays.ts': ({ relay }) => [/(SOCKETS_PER_RELAY = )\d+/, `$1${relay}`],
};

/** The source text with the limits of a run in the place of its own. */
export function withTiers(path: string, source: string, tiers: Tiers): string {
  const limit = Object.entries(LIMITS).find(([name]) => path.endsWith(`/src/${name}`))?.[1];
  if (limit === undefined) return source;
  const [pattern, value] = limit(tiers);
  if (!pattern.test(source)) throw new Error(`${path} has no ${pattern}`);
  return source.replace(pattern, value);
}

/** The Worker of `npm run chaos`, and the names of its failpoints. */
export async function bundleForChaos(tiers: Tiers): Promise<{ modules: Module[]; names: string[] }> {
  const found = new Set<string>();
  const modules = await bundleWorker('test/chaos/worker/index.ts', [failpoints(found, tiers)]);
  return { modules, names: [...found].sort() };
}
