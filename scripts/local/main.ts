import { Fault, messageOf } from './fault.ts';
import { lockState } from './lock.ts';
import { onParentGone } from './parent.ts';
import { type RunningServer, startServer } from './server.ts';
import { readSettings } from './settings.ts';
import { makeStateFolder } from './state-folder.ts';

/** A stop that takes longer is cut short. Milliseconds. */
const STOP_LIMIT = 10_000;

/** `npm start`: starts the server, says where it is, and stops it when told to or when the process that started it ends. */
export async function main(): Promise<void> {
  const started = performance.now();
  let starting: Promise<RunningServer> | undefined;
  let stopping = 0;

  const stop = () => {
    if (stopping !== 0) {
      // A Ctrl-C under npm comes twice: from the terminal and from npm. What comes later is a second Ctrl-C.
      if (Date.now() - stopping > 1000) process.exit(130);
      return;
    }
    stopping = Date.now();
    setTimeout(() => process.exit(1), STOP_LIMIT).unref();
    const server = starting?.then((running) => running.stop());
    Promise.resolve(server).then(
      () => process.exit(0),
      (error) => {
        console.error(`tideline: ${messageOf(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  onParentGone(stop);
  // Whoever reads what is printed may go, as `head` does: the server goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

  try {
    const settings = readSettings(process.env, process.cwd());
    const dataDir = await makeStateFolder(settings.stateDir);
    const lock = lockState(settings.stateDir);
    process.on('exit', () => lock.release());

    starting = startServer(settings, dataDir, process.env);
    const server = await starting;
    if (stopping !== 0) return;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      [
        ...server.migrated.map((name) => `migration ${name} applied`),
        `Tideline is running, started in ${seconds} s. Ctrl-C stops it.`,
        `  Chat    ${server.url}`,
        `  API     ${server.url}/api`,
        `  Docs    ${server.url}/docs`,
        `  Health  ${server.url}/healthz`,
        ...(server.publicUrl === server.url ? [] : [`  Public  ${server.publicUrl}`]),
        `  State   ${settings.stateDir}`,
        ...(process.env.SMTP_URL === undefined ? [`  Mail    ${settings.stateDir}/mail, and below`] : []),
      ].join('\n'),
    );
    process.send?.({ url: server.url });
  } catch (error) {
    if (stopping !== 0) return;
    if (error instanceof Fault) console.error(`tideline: ${error.message}`);
    else console.error(error);
    process.exit(1);
  }
}
