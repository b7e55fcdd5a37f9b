// `npm run chaos`: seeded schedules of clients and faults against the real local server, judged by the history they leave.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Property } from '../../test/chaos/checker/history.ts';
import { LONG, type Plan, planOf, QUICK } from './plan.ts';
import { type Outcome, Run } from './run.ts';
import { buildOnce } from './server.ts';
import { shrink } from './shrink.ts';

const USAGE = `usage: npm run chaos -- [--quick] [--seed N] [--minutes N] [--seeds N] [--replay FILE] [--keep FOLDER] [--no-shrink]
  --quick    a few small schedules, as the continuous integration runs them
  --seed     the first seed; the next ones follow. Default: from the clock
  --minutes  goes on with new seeds for so long. Default: one seed
  --seeds    goes on for so many seeds at least, however long that takes
  --replay   runs the schedule of a file that a failure has left
  --keep     writes histories that fail into this folder`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    seeds: { type: 'string' },
    replay: { type: 'string' },
    keep: { type: 'string' },
    'no-shrink': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

/** Seeds of the short run, whatever the clock says: the same for everybody. */
const QUICK_SEEDS = [1, 2, 3];
const SHRINK_TRIES = { quick: 6, long: 16 };

/** What a broken property means for a message. */
const HARM: Record<string, readonly Property[]> = {
  lost: ['durable', 'dense'],
  doubled: ['once'],
  reordered: ['agreement', 'cursor', 'monotonic'],
  leaked: ['authorised', 'inbox'],
  'apart in the end': ['converge'],
  'told too late': ['live'],
  untyped: ['typed'],
};

const whole = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
};

const folder = await mkdtemp(join(tmpdir(), 'tideline-chaos-build-'));
const outcomes: Outcome[] = [];
let failed = false;
try {
  const size = values.quick ? QUICK : LONG;
  const replayed =
    values.replay === undefined ? undefined : (JSON.parse(await readFile(values.replay, 'utf8')) as Plan);
  const { path, names } = await buildOnce(folder, (replayed ?? size).tiers);
  const first = whole(values.seed, 'seed') ?? Math.floor(Date.now() / 1000) % 1_000_000;
  const minutes = whole(values.minutes, 'minutes');
  const end = performance.now() + (minutes ?? 0) * 60_000;

  const play = async (plan: Plan): Promise<boolean> => {
    const begun = performance.now();
    const outcome = await new Run(plan, path).go();
    outcomes.push({ ...outcome, history: [] });
    report(plan, outcome, performance.now() - begun);
    if (outcome.violations.length === 0) return true;
    await fail(plan, outcome, path);
    return false;
  };

  if (replayed !== undefined) {
    failed = !(await play(replayed));
  } else {
    const named = values.quick && values.seed === undefined && minutes === undefined;
    const seeds = named ? QUICK_SEEDS : [first];
    const least = whole(values.seeds, 'seeds') ?? seeds.length;
    for (let i = 0; !failed && (i < least || performance.now() < end); i++) {
      failed = !(await play(planOf(seeds[i] ?? first + i, size, names)));
    }
  }
  summary(names);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  failed = true;
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function report({ seed, faults, steps }: Plan, outcome: Outcome, ms: number): void {
  console.log(
    [
      `seed ${seed}`,
      `${steps.length} steps`,
      `${faults.length} faults`,
      `${outcome.acked} acks (${outcome.resent} of resends)`,
      `${outcome.changed} changes`,
      `${outcome.observed} events seen`,
      `${outcome.relays} relays`,
      `told ${(outcome.drainMs / 1000).toFixed(1)} s after the last fault`,
      `${(ms / 1000).toFixed(1)} s`,
      outcome.violations.length === 0 ? 'ok' : `${outcome.violations.length} VIOLATIONS`,
    ].join(' · '),
  );
  for (const line of outcome.lines) console.log(`  log: ${line.slice(0, 300)}`);
}

async function fail(plan: Plan, outcome: Outcome, bundle: string): Promise<void> {
  for (const { property, what } of outcome.violations.slice(0, 10)) console.log(`  ${property}: ${what.slice(0, 600)}`);
  const broken = new Set(outcome.violations.map(({ property }) => property));
  const keep = values.keep ?? tmpdir();
  await mkdir(keep, { recursive: true });
  await writeFile(
    join(keep, `chaos-${plan.seed}.jsonl`),
    outcome.history.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
  );
  let shortest = plan;
  if (!values['no-shrink']) {
    console.log('  looking for a shorter schedule');
    const fails = async (candidate: Plan): Promise<boolean> => {
      const { violations } = await new Run(candidate, bundle).go();
      return violations.some(({ property }) => broken.has(property));
    };
    shortest = await shrink(plan, fails, values.quick ? SHRINK_TRIES.quick : SHRINK_TRIES.long);
  }
  const file = join(keep, `chaos-${plan.seed}.json`);
  await writeFile(file, JSON.stringify(shortest, null, 1));
  console.log(`  seed ${plan.seed} fails with ${shortest.faults.length} faults and ${shortest.steps.length} steps:`);
  for (const fault of shortest.faults) console.log(`    ${JSON.stringify(fault)}`);
  console.log(`  again: npm run chaos -- --replay ${file}`);
}

function summary(names: readonly string[]): void {
  const faults: Record<string, number> = {};
  for (const outcome of outcomes) {
    for (const [kind, count] of Object.entries(outcome.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  }
  const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
  const most = (pick: (outcome: Outcome) => number) => Math.max(0, ...outcomes.map(pick));
  const broke = new Set(outcomes.flatMap((outcome) => outcome.broke));
  const broken = outcomes.flatMap(({ violations }) => violations.map(({ property }) => property));
  const list = (counts: [string, number][]) => counts.map(([name, count]) => `${name} ${count}`).join(', ');
  const harm = Object.entries(HARM).map(([name, properties]): [string, number] => [
    name,
    broken.filter((property) => properties.includes(property)).length,
  ]);
  const { ok, refused, unknown } = {
    ok: sum(({ requests }) => requests.ok),
    refused: sum(({ requests }) => requests.refused),
    unknown: sum(({ requests }) => requests.unknown),
  };
  const lines: [string, string][] = [
    ['seeds', `${outcomes.length}, in ${Math.round(performance.now() / 60_000)} min`],
    ['faults', `${Object.values(faults).reduce((a, b) => a + b, 0)}: ${list(Object.entries(faults).sort())}`],
    ['failpoints', `${broke.size} of ${names.length} broke: ${[...broke].sort().join(' ')}`],
    ['messages', `${sum(({ acked }) => acked)} acknowledged, ${sum(({ resent }) => resent)} of them again`],
    ['changes', `${sum(({ changed }) => changed)} of messages acknowledged`],
    ['requests', `${ok} done, ${refused} refused, ${unknown} without a whole answer`],
    ['fuzzed', `${sum(({ fuzzed }) => fuzzed)} requests made up from the document, after the faults`],
    ['events', `${sum(({ observed }) => observed)} seen by clients`],
    ['harm', list(harm)],
    [
      'drain',
      `${(most(({ drainMs }) => drainMs) / 1000).toFixed(1)} s at most from the last fault until all were told`,
    ],
    ['relays', `${most(({ relays }) => relays)} at most, of conversations that are huge`],
    [
      'still',
      `${sum(({ still }) => still)} clients stood still until somebody looked: their sockets' objects had failed`,
    ],
    ['locks', `${sum(({ locks }) => locks)} kills for a database that stayed locked after its object was ended`],
    ['memory', `${(most(({ peakBytes }) => peakBytes) / 1024 / 1024).toFixed(0)} MiB at most, with dead consumers`],
  ];
  console.log(lines.map(([name, text]) => `${name.padEnd(12)}${text}`).join('\n'));
}
