/** `npm run bench`: starts the servers and the generator, prints what was measured, stops everything. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineFacts } from './lib/facts.ts';
import type { FromGenerator, ToGenerator } from './lib/ipc.ts';
import { messageOf } from './lib/text.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { type Report, summarize, toText } from './report.ts';
import { save } from './save.ts';
import { Server } from './servers.ts';
import type { Series } from './workloads/workload.ts';

const progress = (line: string) => console.error(line);

async function main(options: Options): Promise<boolean> {
  const dir = mkdtempSync(join(options.state, 'tideline-bench-'));
  const servers = options.peers.map((name) => new Server(name, dir, options.profile));
  let generator: ChildProcess | undefined;
  const abandon = (why: string) => {
    progress(why);
    generator?.kill('SIGKILL');
    for (const server of servers) server.killNow();
    if (!options.keep) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    process.exit(1);
  };
  process.once('SIGINT', () => abandon('interrupted'));
  process.once('SIGTERM', () => abandon('interrupted'));
  const limit = setTimeout(() => abandon(`stopped: not done within ${options.limit} s`), options.limit * 1000);

  try {
    const facts = machineFacts(dir);
    for (const server of servers) {
      const { port } = await server.start();
      progress(`${server.name} is up on port ${port}`);
    }
    generator = fork(fileURLToPath(new URL('generator.ts', import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced', // a figure may be NaN, which JSON does not know
    });
    const { series, failures } = await drive(generator, servers, options);
    const report: Report = {
      facts,
      settings: { runs: options.settings.runs, quick: options.settings.quick || options.profile },
      cases: summarize(series, facts),
    };
    const json = JSON.stringify(report, null, 2);
    if (options.save) save(report);
    if (options.out !== undefined) writeFileSync(options.out, `${json}\n`);
    console.log(options.json ? json : toText(report));
    for (const failure of failures) progress(`FAILED ${failure}`);
    return (
      failures.length === 0 && report.cases.every(({ notes }) => !notes.some((note) => note.includes('DOES NOT COUNT')))
    );
  } finally {
    clearTimeout(limit);
    generator?.kill('SIGKILL');
    for (const server of servers) await server.stop();
    if (options.keep) progress(`state and logs are in ${dir}`);
    else rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Runs the workloads in the generator, and restarts a server when the generator asks for it. */
function drive(generator: ChildProcess, servers: Server[], { workloads, settings }: Options) {
  const series: Series[] = [];
  const failures: string[] = [];
  const tell = (message: ToGenerator) => generator.send(message);
  return new Promise<{ series: Series[]; failures: string[] }>((resolve, reject) => {
    const restart = async (name: string) => {
      const server = servers.find((one) => one.name === name);
      if (server === undefined) throw new Error(`no server ${name}`);
      await server.stop();
      tell({ t: 'restarted', target: await server.start() });
    };
    generator.on('message', (message: FromGenerator) => {
      switch (message.t) {
        case 'log':
          return progress(message.line);
        case 'series':
          return void series.push(...message.series);
        case 'failed':
          failures.push(`${message.workload}: ${message.message}`);
          for (const server of servers) {
            if (server.lost > 0) failures.push(`${message.workload}: a process of ${server.name} has ended by itself`);
          }
          return;
        case 'restart':
          return void restart(message.peer).catch(reject);
        case 'done':
          return resolve({ series, failures });
      }
    });
    generator.on('exit', (code) => reject(new Error(`the generator ended early (${code})`)));
    tell({ t: 'start', workloads, settings, targets: servers.map(({ target }) => target) });
  });
}

let options: Options;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exit(2);
}
try {
  process.exit((await main(options)) ? 0 : 1);
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}
