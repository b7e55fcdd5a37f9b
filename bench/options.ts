import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { PEER_NAMES, type PeerName } from './peers/peer.ts';
import { WORKLOADS } from './workloads/index.ts';
import type { Settings } from './workloads/workload.ts';

export interface Options {
  workloads: string[];
  peers: PeerName[];
  settings: Settings;
  json: boolean;
  out: string | undefined;
  keep: boolean;
  /** Folder in which the servers' state lies, in one of its own. */
  state: string;
  profile: boolean;
  save: boolean;
  /** Seconds after which everything is stopped. */
  limit: number;
}

export const USAGE = `npm run bench -- [workload…] [options]
  workloads: ${Object.keys(WORKLOADS).join(' ')} (all, unless named)
  --peers tideline,naive    servers to run side by side: ${PEER_NAMES.join(', ')}
  --runs 3                  runs of each case
  --sizes 2,50,500          members of W1's groups
  --confirm 65536           bytes after which a client confirms what it got
  --quick                   short windows and small counts, one run
  --profile                 print where the CPU time of W1, W3, W5 and SYNC goes (figures not to be quoted)
  --json                    print JSON, not a table
  --out FILE                write the JSON there too
  --save                    keep the figures in bench/results/latest.json and in docs/PERFORMANCE.md
  --state DIR               where the servers' state lies while they run, in a folder of its own (the system's temporary one)
  --keep                    leave the state and the servers' logs in their temporary folder
  --limit 2400              seconds after which everything is stopped`;

const wholeNumber = (name: string, text: string): number => {
  if (!/^\d{1,7}$/.test(text)) throw new Error(`--${name}: ${text} is not a whole number`);
  return Number(text);
};

/** Throws an Error whose message says which argument is wrong. */
export function parseOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      peers: { type: 'string', default: 'tideline,naive' },
      runs: { type: 'string' },
      sizes: { type: 'string' },
      confirm: { type: 'string', default: String(64 * 1024) },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
      keep: { type: 'boolean', default: false },
      state: { type: 'string', default: tmpdir() },
      limit: { type: 'string', default: '2400' },
    },
  });
  const workloads = positionals.map((name) => name.toUpperCase());
  for (const name of workloads) {
    if (WORKLOADS[name] === undefined)
      throw new Error(`there is no workload ${name}: ${Object.keys(WORKLOADS).join(', ')}`);
  }
  const peers = values.peers.split(',').map((name) => {
    const peer = PEER_NAMES.find((known) => known === name);
    if (peer === undefined) throw new Error(`--peers: ${name} is none of ${PEER_NAMES.join(', ')}`);
    return peer;
  });
  const sizes = (values.sizes ?? (values.quick ? '2,50' : '2,50,500'))
    .split(',')
    .map((text) => wholeNumber('sizes', text));
  if (sizes.some((size) => size < 2)) throw new Error('--sizes: a group has at least 2 members');
  if (values.save && (values.quick || values.profile)) throw new Error('--save: not with --quick or --profile');
  const runs = wholeNumber('runs', values.runs ?? (values.quick ? '1' : '3'));
  if (runs < 1) throw new Error('--runs: at least 1');
  return {
    workloads: workloads.length > 0 ? workloads : Object.keys(WORKLOADS),
    peers,
    settings: { runs, sizes, quick: values.quick, confirmBytes: wholeNumber('confirm', values.confirm) },
    json: values.json,
    profile: values.profile,
    save: values.save,
    out: values.out,
    keep: values.keep,
    state: values.state,
    limit: wholeNumber('limit', values.limit),
  };
}
