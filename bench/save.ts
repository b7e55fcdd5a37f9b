import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { METRIC_NAMES, METRICS, type Metric, MUST_BE_ZERO } from './lib/metrics.ts';
import type { PeerName } from './peers/peer.ts';
import { type Case, format, type Report, type Spread } from './report.ts';

const LATEST = fileURLToPath(new URL('results/latest.json', import.meta.url));
const DOCUMENT = fileURLToPath(new URL('../docs/PERFORMANCE.md', import.meta.url));
const [BEGIN, END] = ['<!-- figures: begin -->', '<!-- figures: end -->'];
/** Figures for whoever runs the bench, not for the document. */
const LEFT_OUT: ReadonlySet<Metric> = new Set([
  ...MUST_BE_ZERO,
  'generatorCores',
  'serverCores',
  'roundTrips',
  'messages',
  'lags',
  'fetched',
]);

/** Adds the cases of this report to the saved ones, in place of earlier ones of the same name, and rewrites the tables. */
export function save(report: Report): void {
  const before = existsSync(LATEST) ? (JSON.parse(readFileSync(LATEST, 'utf8')) as Report).cases : [];
  const keyOf = ({ workload, title }: Case) => `${workload} ${title}`;
  const fresh = new Set(report.cases.map(keyOf));
  const cases = [...before.filter((one) => !fresh.has(keyOf(one))), ...report.cases].sort((a, b) =>
    a.workload.localeCompare(b.workload),
  );
  mkdirSync(dirname(LATEST), { recursive: true });
  writeFileSync(LATEST, `${JSON.stringify({ ...report, cases }, null, 2)}\n`);
  const text = readFileSync(DOCUMENT, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for the tables: ${BEGIN} … ${END}`);
  writeFileSync(DOCUMENT, `${text.slice(0, from)}${BEGIN}\n\n${toMarkdown({ ...report, cases })}\n\n${text.slice(to)}`);
}

function toMarkdown({ facts, cases }: Report): string {
  const machine =
    `${facts.cores} cores (${facts.cpu}), ${facts.memory_gb} GB, Linux ${facts.kernel}, ${facts.state_filesystem}; ` +
    `node ${facts.node}, miniflare ${facts.miniflare}, workerd ${facts.workerd}.`;
  // The many cases of W6 stand in one table of their own.
  const tables = cases.filter(({ workload }) => workload !== 'W6').map(caseTable);
  return [machine, ...tables].join('\n\n');
}

function caseTable({ workload, title, date, runs, peers, ratio, notes }: Case): string {
  const names = Object.keys(peers) as PeerName[];
  const ratios = Object.keys(ratio).length > 0;
  const head = ['', ...names, ...(ratios ? ['tideline ÷ naive'] : [])];
  const rows = METRIC_NAMES.filter((name) => !LEFT_OUT.has(name) && names.some((peer) => peers[peer]?.[name])).map(
    (name) => {
      const cells = names.map((peer) => cell(peers[peer]?.[name], METRICS[name].decimals));
      return [METRICS[name].label, ...cells, ...(ratios ? [ratio[name]?.toFixed(2) ?? ''] : [])];
    },
  );
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const table = [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
  const remarks = notes.map((note) => `- ${note}`).join('\n');
  const heading = `### ${workload}: ${title}\n\n${date.slice(0, 16)}Z, ${runs} ${runs === 1 ? 'run' : 'runs'}.`;
  return [heading, table, ...(remarks === '' ? [] : [remarks])].join('\n\n');
}

function cell(spread: Spread | undefined, decimals: number): string {
  if (spread === undefined) return '';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => format(value, decimals));
  return min === max ? `${median}` : `${median} (${min} to ${max})`;
}
