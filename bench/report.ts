import type { Facts } from './lib/facts.ts';
import { METRIC_NAMES, METRICS, type Metric, MUST_BE_ZERO } from './lib/metrics.ts';
import { GENERATOR_BOUND } from './lib/process.ts';
import type { PeerName } from './peers/peer.ts';
import type { Series } from './workloads/workload.ts';

export interface Spread {
  median: number;
  min: number;
  max: number;
}

export interface Case {
  workload: string;
  title: string;
  /** When it was measured, and how often. */
  date: string;
  runs: number;
  peers: Partial<Record<PeerName, Partial<Record<Metric, Spread>>>>;
  /** Tideline's median divided by the naive room's. */
  ratio: Partial<Record<Metric, number>>;
  /** Why a figure of this case is to be read with care, or does not count. */
  notes: string[];
}

export interface Report {
  facts: Facts;
  settings: { runs: number; quick: boolean };
  cases: Case[];
}

function spreadOf(values: number[]): Spread | undefined {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (min === undefined || max === undefined || low === undefined || high === undefined) return undefined;
  return { min, max, median: (low + high) / 2 };
}

export function summarize(all: Series[], { date, state_filesystem }: Pick<Facts, 'date' | 'state_filesystem'>): Case[] {
  const cases: Case[] = [];
  const where = state_filesystem === 'tmpfs' ? ', state in memory' : '';
  for (const { workload, title: of, peer, runs } of all) {
    const title = of + where;
    let one = cases.find((found) => found.workload === workload && found.title === title);
    if (one === undefined) {
      one = { workload, title, date, runs: runs.length, peers: {}, ratio: {}, notes: [] };
      cases.push(one);
    }
    const figures: Partial<Record<Metric, Spread>> = {};
    for (const name of METRIC_NAMES) {
      const values = runs.map((run) => run[name]).filter((value) => value !== undefined);
      const spread = spreadOf(values);
      if (spread) figures[name] = spread;
    }
    one.peers[peer] = figures;
    one.notes.push(...notesOn(peer, figures));
  }
  for (const { peers, ratio } of cases) {
    for (const name of METRIC_NAMES) {
      const ours = peers.tideline?.[name]?.median;
      const naive = peers.naive?.[name]?.median;
      if (METRICS[name].ratio && ours !== undefined && naive !== undefined && naive !== 0) ratio[name] = ours / naive;
    }
  }
  return cases;
}

function notesOn(peer: PeerName, figures: Partial<Record<Metric, Spread>>): string[] {
  const notes: string[] = [];
  const loop = figures.generatorLoop?.max ?? 0;
  if (loop > GENERATOR_BOUND) {
    notes.push(`${peer}: the generator was busy ${Math.round(loop * 100)} % of the time: its rates are lower bounds`);
  }
  const cores = (figures.serverCores?.median ?? 0) + (figures.generatorCores?.median ?? 0);
  if (cores > 1.9) notes.push(`${peer}: server and generator together took ${cores.toFixed(2)} cores of the machine`);
  const others = figures.otherCores?.max ?? 0;
  if (others > DISTURBED)
    notes.push(`${peer}: disturbed: other processes took up to ${others.toFixed(2)} cores in a run`);
  for (const name of MUST_BE_ZERO) {
    const worst = figures[name]?.max ?? 0;
    if (worst > 0) notes.push(`${peer}: DOES NOT COUNT: ${METRICS[name].label}: up to ${worst} in a run`);
  }
  return notes;
}

/** Cores taken by others, above which a run is disturbed. */
const DISTURBED = 0.15;
const WIDTH = 26;

export function toText({ facts, settings, cases }: Report): string {
  const lines = [
    `${facts.date}, ${facts.cores} cores (${facts.cpu}), ${facts.memory_gb} GB, Linux ${facts.kernel}, ${facts.state_filesystem}`,
    `node ${facts.node}, miniflare ${facts.miniflare}, workerd ${facts.workerd}, load before the start ${facts.load_before.toFixed(2)}`,
    `median [min to max] of ${settings.runs} runs${settings.quick ? '; QUICK: too short to quote' : ''}`,
  ];
  for (const one of cases) {
    const names = Object.keys(one.peers) as PeerName[];
    const ratios = Object.keys(one.ratio).length > 0;
    lines.push('', `${one.workload}: ${one.title}`);
    lines.push(row('', [...names, ...(ratios ? ['tideline ÷ naive'] : [])]));
    for (const name of METRIC_NAMES) {
      const { label, decimals } = METRICS[name];
      if (!names.some((peer) => one.peers[peer]?.[name] !== undefined)) continue;
      const cells = names.map((peer) => {
        const spread = one.peers[peer]?.[name];
        if (spread === undefined) return '';
        const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => format(value, decimals));
        return min === max ? `${median}` : `${median} [${min} to ${max}]`;
      });
      const ratio = one.ratio[name];
      lines.push(row(label, ratio === undefined ? cells : [...cells, ratio.toFixed(2)]));
    }
    for (const note of one.notes) lines.push(`  ! ${note}`);
  }
  return lines.join('\n');
}

const row = (label: string, cells: string[]) =>
  `  ${label.padEnd(40)}${cells.map((cell) => cell.padStart(WIDTH)).join('')}`.trimEnd();

export const format = (value: number, decimals: number) =>
  value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
