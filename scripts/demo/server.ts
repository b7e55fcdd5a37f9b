import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../bundle.ts';

const START_LIMIT = 60_000;
const STOP_LIMIT = 15_000;

export interface Server {
  url: string;
  /** Rejects when the server ends by itself. */
  broken: Promise<never>;
  stop(): Promise<void>;
}

const hasUrl = (message: unknown): message is { url: string } =>
  typeof Reflect.get(Object(message), 'url') === 'string';

/** Starts the system as `npm start` does, on a free port of loopback and with state that is thrown away. */
export async function startServer(): Promise<Server> {
  const stateDir = await mkdtemp(join(tmpdir(), 'tideline-demo-'));
  const child = fork(join(ROOT, 'scripts/start.mjs'), {
    cwd: ROOT,
    execArgv: [],
    env: {
      ...process.env,
      HOST: '127.0.0.1',
      PORT: '0',
      STATE_DIR: stateDir,
      LOG_LEVEL: 'warn',
      SMTP_URL: '',
      LINK_PREVIEWS: 'off',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  let wanted = false;
  const broken = exited.then(([code, signal]) =>
    wanted ? new Promise<never>(() => undefined) : Promise.reject(new Error(`the server ended (${code ?? signal})`)),
  );
  // Whoever waits for the server hears of it; nobody has to.
  broken.catch(() => undefined);
  const stop = async () => {
    wanted = true;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT);
      await exited;
      clearTimeout(timer);
    }
    await rm(stateDir, { recursive: true, force: true });
  };
  try {
    const started = once(child, 'message', { signal: AbortSignal.timeout(START_LIMIT) });
    const [message]: unknown[] = await Promise.race([started, broken]);
    if (!hasUrl(message)) throw new Error('the server did not say where it is');
    return { url: message.url, broken, stop };
  } catch (error) {
    await stop();
    throw new Error('the server could not be started', { cause: error });
  }
}
