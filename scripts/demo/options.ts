import { parseArgs } from 'node:util';

/** What the caller got wrong: one line, and exit code 2. */
export class UsageError extends Error {}

export interface Options {
  /** The log to replay; undefined: the default. */
  file: string | undefined;
  /** Make a conversation up, whatever files there are. */
  madeUp: boolean;
  /** Lines that are read at most. */
  lines: number;
  /** Clients that are connected at the same time. */
  clients: number;
  /** A server that runs already; undefined: start one. */
  url: string | undefined;
}

export const USAGE = `npm run demo -- [FILE | --made-up] [--quick] [--lines N] [--clients N]
  FILE         an IRC log, NAME.raw.txt with reply links in NAME.annotation.txt; without it the default one, where it is
               there, else one that is made up
  --made-up    one that is made up
  --quick      the first 200 lines only
  --lines N    the first N lines only (5000)
  --clients N  people who are connected at the same time (64); the others come when they speak, and at the end
  TIDELINE_URL in the environment: a server that runs already; otherwise one is started, and stopped again`;

const QUICK_LINES = 200;
const DEFAULTS = { lines: 5000, clients: 64 } as const;
const LEAST = { lines: 1, clients: 2 } as const;
const MOST = { lines: 20_000, clients: 1000 } as const;

function numberOf(name: keyof typeof MOST, text: string | undefined): number {
  if (text === undefined) return DEFAULTS[name];
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < LEAST[name] || value > MOST[name]) {
    throw new UsageError(
      `--${name} ${JSON.stringify(text)}: must be a whole number from ${LEAST[name]} to ${MOST[name]}`,
    );
  }
  return value;
}

function urlOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new UsageError(`TIDELINE_URL=${JSON.stringify(text)}: must be an http or https address`);
}

/** null: only the usage is wanted. @throws UsageError */
export function readOptions(args: string[], env: Record<string, string | undefined>): Options | null {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return null;
  if (positionals.length > 1) throw new UsageError(`one FILE, not ${positionals.length}: ${positionals.join(' ')}`);
  const madeUp = values['made-up'] === true;
  if (madeUp && positionals.length > 0) throw new UsageError('FILE or --made-up, not both');
  const lines = numberOf('lines', values.lines);
  return {
    file: positionals[0],
    madeUp,
    lines: values.quick ? Math.min(QUICK_LINES, lines) : lines,
    clients: numberOf('clients', values.clients),
    url: urlOf(env.TIDELINE_URL),
  };
}

const parse = (args: string[]) =>
  parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean' },
      'made-up': { type: 'boolean' },
      quick: { type: 'boolean' },
      lines: { type: 'string' },
      clients: { type: 'string' },
    },
  });
