/** `npm run cost`: what stated communities cost a month, from what the system uses and from the platform's prices. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../lib/text.ts';
import { writeDocument } from './document.ts';
import { measureAll } from './measure.ts';
import { Measurements } from './measured.ts';
import { costReport, toText } from './report.ts';

const USAGE = `npm run cost -- [options]
  --from FILE   take what was measured from a file, instead of measuring (about a minute and a half)
  --save        keep what was measured in bench/results/cost.json, and put the tables into docs/COST.md
  --json        print JSON, not tables
  --out FILE    write the JSON there too`;

/** Measuring that takes longer than this is stopped. */
const LIMIT_MS = 5 * 60_000;
const SAVED = fileURLToPath(new URL('../results/cost.json', import.meta.url));

interface Options {
  from: string | undefined;
  save: boolean;
  json: boolean;
  out: string | undefined;
}

function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      from: { type: 'string' },
      save: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  });
  return { from: values.from, save: values.save, json: values.json, out: values.out };
}

/** Throws an Error that says what is wrong with the file. */
function readMeasurements(path: string): Measurements {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`--from ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = Measurements.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`--from ${path}: ${issue?.path.join('.')}: ${issue?.message}; measure again with --save`);
}

async function main({ from, save, json, out }: Options): Promise<void> {
  const limit = setTimeout(() => {
    console.error(`stopped: measuring took longer than ${LIMIT_MS / 1000} s`);
    process.exit(1);
  }, LIMIT_MS);
  const measured = from === undefined ? await measureAll((line) => console.error(line)) : readMeasurements(from);
  clearTimeout(limit);
  const report = costReport(measured);
  if (save) {
    writeFileSync(SAVED, `${JSON.stringify(measured, null, 2)}\n`);
    writeDocument(toText(report));
  }
  const text = JSON.stringify(report, null, 2);
  if (out !== undefined) writeFileSync(out, `${text}\n`);
  console.log(json ? text : toText(report));
}

let options: Options;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exit(2);
}
try {
  await main(options);
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}
