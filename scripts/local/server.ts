import { join } from 'node:path';
import { Log, Miniflare, LogLevel as MiniflareLogLevel, type SharedOptions, type WorkerOptions } from 'miniflare';
import { ConfigError, parseConfig } from '../../src/variables.ts';
import { bundleWorker, copyDocsAssets, endBundler, type Module, ROOT } from '../bundle.ts';
import { buildWeb } from '../web.ts';
import { readConfigFile, workerFirst, workerOptions } from './config-file.ts';
import { everyMinute } from './cron.ts';
import { Fault, messageOf } from './fault.ts';
import { logLine } from './log.ts';
import { openMailbox } from './mailbox.ts';
import { migrate } from './migrations.ts';
import { freePort } from './port.ts';
import { guardRuntime } from './runtime-guard.ts';
import { asBindings, loadSecrets } from './secrets.ts';
import { type Settings, urlOf } from './settings.ts';

const MAIL_FROM = 'Tideline <tideline@localhost>';

export interface RunningServer {
  /** Where the server answers on this machine. */
  url: string;
  publicUrl: string;
  /** Migrations applied by this start. */
  migrated: string[];
  stop(): Promise<void>;
}

/** A Worker other than the project's own, for tests of the whole. */
export interface Build {
  modules: Module[];
  flags: string[];
}

/** What wrangler.toml names as `main`, and a door. */
const ENTRY = 'src/local/worker.ts';

/** Starts everything on this machine. The caller has made the state folder and holds its lock. */
export async function startServer(
  settings: Settings,
  dataDir: string,
  env: NodeJS.ProcessEnv,
  build?: Build,
): Promise<RunningServer> {
  const { host, stateDir } = settings;
  const file = await readConfigFile(ROOT);
  const port = await freePort(host, settings.port);
  const secrets = await loadSecrets(stateDir);
  const url = urlOf(host, port);
  // Where the operator names no server, mail is kept here: in a folder, and in what is printed.
  const mailbox = env.SMTP_URL === undefined ? await openMailbox(join(stateDir, 'mail')) : undefined;
  const defaults = { ...file.vars, PUBLIC_URL: url, SMTP_URL: mailbox?.url ?? '', MAIL_FROM, ...asBindings(secrets) };
  const values = variables(defaults, env);
  const [modules] = await Promise.all([
    build?.modules ?? bundleWorker(ENTRY).catch((error: unknown) => buildFault('the Worker', error)),
    buildWeb().catch((error: unknown) => buildFault('the web client', error)),
    copyDocsAssets(),
  ]);
  await endBundler();

  const guard = guardRuntime();
  const shared = {
    // The Worker listens on a socket of its own. Miniflare's entry socket, in front of which it puts a Worker that
    // also serves the buckets' content to everyone, stays on a random loopback port for this process's own calls.
    host: '127.0.0.1',
    port: 0,
    cf: false,
    logRequests: false,
    unsafeTriggerHandlers: true,
    log: new Log(settings.logLevel === 'debug' ? MiniflareLogLevel.INFO : MiniflareLogLevel.NONE),
    handleStructuredLogs: logLine(settings.logLevel, (line) => process.stderr.write(`${line}\n`)),
    defaultPersistRoot: dataDir,
  } as const;
  const flags = [...file.compatibility_flags, ...(build?.flags ?? [])];
  const worker = workerOptions(
    { ...file, compatibility_flags: flags },
    {
      root: ROOT,
      values,
      modules: { modulesRoot: join(ROOT, 'dist/worker'), modules },
    },
  );
  // Before anything listens: nobody meets a database that is not there yet.
  const migrated = await migrateFirst(file, { ...shared, d1Databases: worker.d1Databases }).catch(
    async (error: unknown) => {
      guard.end();
      await mailbox?.close();
      throw error;
    },
  );
  const listening = {
    ...worker,
    bindings: { ...worker.bindings, WORKER_FIRST: workerFirst(file) },
    serviceBindings: { SITE: file.name },
    unsafeDirectSockets: [{ host, port, entrypoint: 'door' }],
  };
  const miniflare = withoutExitHandlers(() => new Miniflare({ ...shared, workers: [listening] }));
  const stop = async () => {
    await miniflare.dispose();
    await mailbox?.close();
    guard.end();
  };

  try {
    await miniflare.ready;
    await checkHealth(url);

    // Not by `scheduled()` of Miniflare's proxy: that holds this process until the runtime has answered, and the runtime may be
    // waiting for this process to take its log lines.
    const run = async (cron: string, time: Date) => {
      const query = new URLSearchParams({ cron, time: String(time.getTime()) });
      const answer = await miniflare.dispatchFetch(`http://localhost/cdn-cgi/handler/scheduled?${query}`);
      const outcome = await answer.text();
      if (!answer.ok) throw new Error(outcome);
    };
    const crons = file.triggers.crons.map((cron) =>
      everyMinute(
        (scheduledTime) => run(cron, scheduledTime),
        (error) => process.stderr.write(`the scheduled task failed: ${messageOf(error)}\n`),
      ),
    );
    return {
      url,
      publicUrl: values.PUBLIC_URL ?? url,
      migrated,
      async stop() {
        for (const cron of crons) cron.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

/** Brings the databases up to date in a runtime of its own that serves nobody. Returns the migrations that were applied. */
async function migrateFirst(
  file: Awaited<ReturnType<typeof readConfigFile>>,
  options: Pick<WorkerOptions, 'd1Databases'> & SharedOptions,
): Promise<string[]> {
  const script = 'export default { fetch: () => new Response(null, { status: 404 }) }';
  const miniflare = withoutExitHandlers(
    () => new Miniflare({ ...options, modules: true, script, compatibilityDate: file.compatibility_date }),
  );
  try {
    const migrated: string[] = [];
    for (const { binding, migrations_dir } of file.d1_databases) {
      migrated.push(...(await migrate(await miniflare.getD1Database(binding), ROOT, migrations_dir)));
    }
    return migrated;
  } finally {
    await miniflare.dispose();
  }
}

/**
 * The Worker's variables: what this process's environment sets wins over the file and over what the start works out.
 *
 * @throws Fault naming the variable that is not valid
 */
function variables<T extends Record<string, string>>(defaults: T, env: NodeJS.ProcessEnv): Record<string, string> {
  const values: Record<string, string> = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, env[name] ?? value]),
  );
  try {
    parseConfig(values);
  } catch (error) {
    if (error instanceof ConfigError) throw new Fault(error.message);
    throw error;
  }
  return values;
}

function buildFault(what: string, error: unknown): never {
  throw new Fault(`${what} does not build: ${messageOf(error)}`, { cause: error });
}

/** The server is up when the Worker itself says so: a wrong variable is found here, not at the first request. */
async function checkHealth(url: string): Promise<void> {
  const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(20_000) });
  const text = await response.text();
  if (response.ok) return;
  let detail = text;
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) detail = String(problem.detail);
  } catch {
    // Not a problem document: shown as it is.
  }
  throw new Fault(`the Worker answers /healthz with ${response.status}: ${detail.split('\n')[0]}`);
}

/** Miniflare's own handlers end the process at the first signal, with no time to stop. This process has its own. */
function withoutExitHandlers<T>(create: () => T): T {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  const made = create();
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (!before.get(signal)?.has(listener)) process.removeListener(signal, listener);
    }
  }
  return made;
}
