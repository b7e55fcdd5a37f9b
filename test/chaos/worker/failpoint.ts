import { AsyncLocalStorage } from 'node:async_hooks';

/*
 * Failpoints: places between two steps where a test build can break off. In the source they are comments
 * (`// failpoint: NAME`), which only the build of `npm run chaos` turns into calls; no other build has any of this.
 */

/** What is running: an object that can be ended, or the Worker. */
export interface Running {
  /** Ends the object at once, with what it has written in this turn and not yet made durable. Throws. */
  abort(): void;
}
export const running = new AsyncLocalStorage<Running>();

/** `abort` ends the object (in the Worker: the request); `throw` is a fault there; `kill` asks for the process to be killed. */
export type Action = 'abort' | 'throw' | 'kill';
export interface Armed {
  action: Action;
  /** Passes before it breaks. */
  after: number;
}

const armed = new Map<string, Armed>();

export function arm(name: string, what: Armed): void {
  armed.set(name, { ...what });
}

export const disarmAll = (): void => armed.clear();

/** What the process prints when it breaks off somewhere. */
export const BROKE = 'chaos: broke off at';
/** What the process prints when it is to be killed; whoever runs it watches for this. */
export const KILL_ME = 'chaos: kill me at';

export function failpoint(name: string): void {
  const plan = armed.get(name);
  if (plan === undefined) return;
  if (plan.after > 0) {
    plan.after -= 1;
    return;
  }
  armed.delete(name);
  console.warn(`${BROKE} ${name}`);
  if (plan.action === 'abort') running.getStore()?.abort();
  if (plan.action === 'kill') dieHere(name);
  throw new Error(`broken off at ${name}`);
}

/** Nothing goes on in this process until it is killed, or for a few seconds. */
function dieHere(name: string): void {
  console.error(`${KILL_ME} ${name}`);
  let spun = 0;
  for (let i = 0; i < 3_000_000_000; i++) spun = (spun + i) | 0;
  console.error(`chaos: nobody came (${spun})`);
}
