import { parseArgs } from 'node:util';

/** What the caller got wrong: one line, and exit code 2. */
export class UsageError extends Error {}

export interface Options {
  /** The log to replay; undefined: the default. */
  file: string | undefined;
  /** Lines that are read at most. */
  lines: number;
  /** Clients that are connected at the same time. */
  clients: number;
  /** A server that runs already; undefined: start one. */
  url: string | undefined;
}

export const USAGE = `npm run demo -- [FILE] [--quick] [--lines N] [--clients N]
  FILE         an IRC log (FILE.raw.txt with reply links in FILE.annotation.txt); without it one is made up
  --quick      the first 200 lines only
  --lines N    the first N lines only (5000)
  --clients N  people who are connected at the same time (250); the others come when they speak, and at the end
  TIDELINE_URL in the environment: a server that runs already; otherwise one is started, and stopped again`;

const QUICK_LINES = 200;
const DEFAULTS = { lines: 5000, clients: 250 } as const;
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
  const lines = numberOf('lines', values.lines);
  return {
    file: positionals[0],
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
      quick: { type: 'boolean' },
      lines: { type: 'string' },
      clients: { type: 'string' },
    },
  });
