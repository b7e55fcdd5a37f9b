import { readFileSync } from 'node:fs';

const INTERVAL = 500;

/**
 * Calls back once when the npm or the program that started this process has ended: such a server does not outlive it. One
 * that a shell started may: it can be sent to the background and left running.
 */
export function onParentGone(callback: () => void): void {
  if (process.connected) {
    process.once('disconnect', callback);
    process.channel?.unref();
  }
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  // npm runs a script through `sh -c`, which goes on when npm is killed.
  const shell = argumentsOf(parent)[1] === '-c';
  const grandparent = shell ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent)) return;
    clearInterval(timer);
    callback();
  }, INTERVAL);
  timer.unref();
}

/** From /proc, where there is one; elsewhere nothing. */
function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function parentOf(pid: number): number | undefined {
  try {
    // pid (command) state ppid …: the command may hold spaces and parentheses.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ')[1]);
  } catch {
    return undefined;
  }
}
