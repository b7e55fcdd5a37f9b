import { ChildProcess, spawn } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { fileURLToPath } from 'node:url';

/**
 * Miniflare starts workerd as a child process, which outlives a server that is killed outright. A small process of its
 * own watches over it: see watchdog.mjs. Call before Miniflare is created, so that every start of workerd is seen, also
 * the one after a crash.
 */
export function guardRuntime(): { end(): void } {
  const watchdog = spawn(process.execPath, [fileURLToPath(new URL('watchdog.mjs', import.meta.url))], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.unref();
  watchdog.stdin.on('error', () => undefined);
  const tell = (pid: number) => watchdog.stdin.write(`${pid}\n`);

  subscribe('child_process', (message) => {
    const child = childOf(message);
    if (child === undefined || child === watchdog) return;
    child.once('spawn', () => {
      if (!child.spawnargs.includes('serve') || child.pid === undefined) return;
      const { pid } = child;
      tell(pid);
      child.once('exit', () => tell(0));
    });
  });
  return {
    end() {
      watchdog.stdin.end('0\n');
    },
  };
}

const childOf = (message: unknown): ChildProcess | undefined =>
  typeof message === 'object' && message !== null && 'process' in message && message.process instanceof ChildProcess
    ? message.process
    : undefined;
