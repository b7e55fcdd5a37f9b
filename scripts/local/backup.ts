import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault, messageOf } from './fault.ts';
import { lockState } from './lock.ts';

/** Files of a state folder that make up a backup; what else is in it belongs to the process that runs. */
const PARTS = ['data', 'secrets.json'] as const;
const ABOUT = 'backup.json';
const STOP_LIMIT = 5000;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Processes of this machine: pid, parent, state, command. */
function processes(): { pid: number; parent: number; state: string; command: string }[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined
        ? []
        : [{ pid: Number(pid), parent: Number(parent), state: state ?? '', command: command ?? '' }];
    });
}

/** The server of a state folder and its runtime; none when it does not run. */
async function running(stateDir: string): Promise<number[]> {
  try {
    lockState(stateDir).release();
    return [];
  } catch {
    // Held: it runs.
  }
  const root = Number(await readFile(join(stateDir, 'server.pid'), 'utf8'));
  const all = processes();
  const tree = all.filter(({ pid }) => pid === root).map(({ pid }) => pid);
  for (const pid of tree) for (const child of all) if (child.parent === pid) tree.push(child.pid);
  if (tree.length === 0) throw new Fault(`STATE_DIR ${stateDir} is in use, but not by process ${root}: who uses it?`);
  return tree;
}

function signal(pids: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended meanwhile: what it wrote is written.
    }
  }
}

/** Waits until none of them runs any more: from then on nothing is written. */
async function allStopped(pids: readonly number[]): Promise<void> {
  for (const end = Date.now() + STOP_LIMIT; ; await delay(20)) {
    const going = processes().filter(({ pid, state }) => pids.includes(pid) && !/^[TZ]/.test(state));
    if (going.length === 0) return;
    if (Date.now() > end) throw new Fault('the server does not stand still');
  }
}

/**
 * Copies a state folder to `target`, which must not exist. A server that runs is made to stand still for as long as the copy
 * takes: all databases are copied as they were at one moment, as after a power cut, and SQLite is made for that. Clients wait
 * meanwhile; they lose nothing.
 *
 * @returns how long the server stood still, in ms; 0 when none ran
 */
export async function backup(stateDir: string, target: string, version: string): Promise<{ stoodStill: number }> {
  if (!(await exists(join(stateDir, 'data')))) throw new Fault(`STATE_DIR ${stateDir} holds no data`);
  if (await exists(target)) throw new Fault(`${target} exists already: name a folder that does not`);
  const draft = `${target}.partial`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const pids = await running(stateDir);
  const begun = performance.now();
  try {
    signal(pids, 'SIGSTOP');
    if (pids.length > 0) await allStopped(pids);
    for (const part of PARTS)
      await cp(join(stateDir, part), join(draft, part), { recursive: true, preserveTimestamps: true });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error instanceof Fault ? error : new Fault(`the backup failed: ${messageOf(error)}`, { cause: error });
  } finally {
    signal(pids, 'SIGCONT');
  }
  const stoodStill = pids.length === 0 ? 0 : Math.round(performance.now() - begun);
  await writeFile(join(draft, ABOUT), `${JSON.stringify({ version, at: new Date().toISOString() }, null, 2)}\n`);
  await rename(draft, target);
  return { stoodStill };
}

/**
 * Puts a backup in the place of a state folder's data, and marks every history in it as another one, so that clients which
 * are ahead of it begin anew. What was there is kept beside it. The server must not run.
 *
 * @returns where the former data are now; undefined when there were none
 */
export async function restore(
  source: string,
  stateDir: string,
): Promise<{ former: string | undefined; renewed: number }> {
  if (!(await exists(join(source, ABOUT)))) throw new Fault(`${source} is no backup: ${ABOUT} is not in it`);
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const lock = lockState(stateDir);
  try {
    const draft = join(stateDir, 'restoring');
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    for (const part of PARTS)
      await cp(join(source, part), join(draft, part), { recursive: true, preserveTimestamps: true });
    const { renewHistories } = await import('./histories.ts');
    const renewed = renewHistories(join(draft, 'data'));
    let former: string | undefined;
    for (const part of PARTS) {
      const path = join(stateDir, part);
      if (await exists(path)) {
        former ??= join(stateDir, `before-restore-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
        await mkdir(former, { recursive: true, mode: 0o700 });
        await rename(path, join(former, part));
      }
      await rename(join(draft, part), path);
    }
    await rm(draft, { recursive: true });
    return { former, renewed };
  } finally {
    lock.release();
  }
}
