import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundleWorker, ROOT } from '../../scripts/bundle.ts';
import { bundleForChaos, failpointsIn, withTiers } from '../../scripts/chaos/bundle.ts';
import { FEATURES } from '../../scripts/chaos/features.ts';
import { LONG, planOf, QUICK } from '../../scripts/chaos/plan.ts';
import { shrink } from '../../scripts/chaos/shrink.ts';
import { readConfigFile } from '../../scripts/local/config-file.ts';

const textOf = (modules: { type: string; contents: Uint8Array }[]): string =>
  modules
    .filter(({ type }) => type === 'ESModule')
    .map(({ contents }) => new TextDecoder().decode(contents))
    .join('\n');

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
const named = sources.flatMap(failpointsIn).sort();

describe('failpoints', () => {
  it('are all in the build of the chaos runs', async () => {
    const { modules, names } = await bundleForChaos(QUICK.tiers);
    expect(names).toEqual(named);
    const text = textOf(modules);
    expect(named.filter((name) => !text.includes(`failpoint("${name}")`))).toEqual([]);
    expect(text.includes('/__chaos/')).toBe(true);
  });

  it('are built with the limits of tiers that the run asks for, so that it has huge conversations', async () => {
    const path = join(ROOT, 'src/conversation/tiers.ts');
    const source = readFileSync(path, 'utf8');
    expect(withTiers(path, source, LONG.tiers)).toContain('TIER_LIMITS = { small: 26, large: 36 }');
    expect(withTiers(join(ROOT, 'src/ids.ts'), source, LONG.tiers)).toBe(source);
    expect(() => withTiers(path, 'export const LIMITS = {}', LONG.tiers)).toThrow('tiers.ts has no');
    const text = textOf((await bundleForChaos(QUICK.tiers)).modules);
    expect(text).toContain('small: 3, large: 5');
    expect(text).toMatch(/SOCKETS_PER_RELAY = 2;/);
    for (const { users, tiers } of [QUICK, LONG]) expect(users).toBeGreaterThan(tiers.large);
  });

  it('are nowhere in what is deployed or started, and neither is the back door', async () => {
    const text = textOf(await bundleWorker((await readConfigFile(ROOT)).main));
    expect(text.length).toBeGreaterThan(100_000);
    expect(text.match(/failpoint|__chaos|chaosAbort|chaosProbe|broken off|workerd:unsafe/g)).toBeNull();
    expect(named.filter((name) => text.includes(`"${name}"`))).toEqual([]);
  });

  it('stand alone on their line, each name once', () => {
    const mentions = sources.flatMap((source) => [...source.matchAll(/failpoint/g)]);
    expect(mentions).toHaveLength(named.length);
    expect(new Set(named).size).toBe(named.length);
    expect(named.length).toBeGreaterThan(70);
  });
});

describe('a schedule', () => {
  it.each([QUICK, LONG])('is the same for the same seed', (size) => {
    expect(planOf(7, size, named)).toEqual(planOf(7, size, named));
    expect(planOf(7, size, named)).not.toEqual(planOf(8, size, named));
  });

  it('comes to every kind of fault and every failpoint', () => {
    const faults = Array.from({ length: 300 }, (_, seed) => planOf(seed, QUICK, named).faults).flat();
    const kinds = new Set(faults.map(({ kind }) => kind));
    expect(kinds.size).toBe(16);
    const broken = new Set(faults.flatMap((fault) => (fault.kind === 'failpoint' ? [fault.name] : [])));
    expect([...broken].sort()).toEqual(named);
  });

  it('comes to everything that users do', () => {
    const steps = Array.from({ length: 20 }, (_, seed) => planOf(seed, QUICK, named).steps).flat();
    expect(new Set(steps.map((step) => step.do)).size).toBe(10);
    const done = new Set(steps.flatMap((step) => (step.do === 'feature' ? [step.what] : [])));
    expect([...done].sort()).toEqual(Object.keys(FEATURES).sort());
  });

  it('is cut down to what makes it fail', async () => {
    const plan = planOf(3, QUICK, named);
    const [guilty] = plan.faults;
    const needed = plan.steps[5];
    const fails = async (candidate: typeof plan) =>
      candidate.faults.some((fault) => fault === guilty) && candidate.steps.some((step) => step === needed);
    const { faults, steps } = await shrink(plan, fails, 500);
    expect(faults).toEqual([guilty]);
    expect(steps).toEqual([needed]);
  });

  it('is not cut down further than the tries allow', async () => {
    let runs = 0;
    const fails = async () => {
      runs += 1;
      return true;
    };
    await shrink(planOf(3, QUICK, named), fails, 4);
    expect(runs).toBe(4);
  });
});
