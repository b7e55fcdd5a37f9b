import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Action } from '../../test/chaos/worker/failpoint.ts';
import { ROOT } from '../bundle.ts';
import { freePort } from '../local/port.ts';
import { bundleForChaos } from './bundle.ts';
import type { ObjectKind, Tiers } from './plan.ts';
import { residentBytes, treeOf } from './processes.ts';
import type { StoredModule } from './serve.ts';

const START_LIMIT = 60_000;
const STOP_LIMIT = 15_000;
const KILL_ME = 'chaos: kill me at';
const BROKE = /chaos: broke off at (\S+)/g;

export interface Probe {
  outbox: number;
  alarms: number;
  relays: number;
  tasks: { id: string; kind: string }[];
}

/** Builds the Worker once for all starts. Returns the path for CHAOS_BUNDLE, and the failpoints that are in it. */
export async function buildOnce(folder: string, tiers: Tiers): Promise<{ path: string; names: string[] }> {
  const { modules, names } = await bundleForChaos(tiers);
  const stored = modules.map(
    ({ type, path, contents }): StoredModule => ({ type, path, contents: Buffer.from(contents).toString('base64') }),
  );
  const path = join(folder, 'bundle.json');
  await writeFile(path, JSON.stringify(stored));
  return { path, names };
}

/**
 * A port below those that systems give to outgoing connections: one that took it while the server is down would keep the
 * server from coming back.
 */
async function lastingPort(): Promise<number> {
  for (let attempts = 0; ; attempts++) {
    try {
      return await freePort('127.0.0.1', randomInt(10_000, 30_000));
    } catch (fault) {
      if (attempts === 9) throw fault;
    }
  }
}

/**
 * The local runtime may keep the database of an object that was ended in the middle of a transaction open, and so locked for
 * the object's next life in the same process. Nothing is written meanwhile, and nothing acknowledged; the process has to go.
 */
const LOCKED = 'database is locked';

/** The server under test: started, stalled, killed and started again over the same state. */
export class Server {
  /** Largest resident memory seen, in bytes. */
  peak = 0;
  /** Kills that a failpoint asked for. */
  kills = 0;
  /** Kills because a database stayed locked. */
  locks = 0;
  /** Failpoints that broke. */
  readonly broke = new Set<string>();
  /** The last lines that the server wrote. */
  readonly lines: string[] = [];
  readonly #bundle: string;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | undefined;
  #disk: string | undefined;
  #restarting: Promise<void> | undefined;

  private constructor(bundle: string, folder: string, port: number, disk: string | undefined) {
    this.#bundle = bundle;
    this.#folder = folder;
    this.#port = port;
    this.#disk = disk;
  }

  /** @param diskMiB keeps the state on a disk so small; undefined where it may not be mounted, or none is wanted */
  static async create(bundle: string, diskMiB?: number): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'tideline-chaos-'));
    let disk: string | undefined;
    if (diskMiB !== undefined) {
      disk = join(folder, 'disk');
      await mkdir(disk);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', disk], { stdio: 'ignore' });
      } catch {
        disk = undefined;
      }
    }
    return new Server(bundle, folder, await lastingPort(), disk);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get stateDir(): string {
    return join(this.#disk ?? this.#folder, 'state');
  }
  /** The disk that can be filled up. */
  get disk(): string | undefined {
    return this.#disk;
  }

  async start(): Promise<void> {
    const child = fork(join(ROOT, 'scripts/chaos/serve.ts'), {
      cwd: ROOT,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        HOST: '127.0.0.1',
        PORT: String(this.#port),
        STATE_DIR: this.stateDir,
        CHAOS_BUNDLE: this.#bundle,
        LOG_LEVEL: 'warn',
        RECONNECT_WINDOW_MS: '200',
        LINK_PREVIEWS: 'off',
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    }
    const exited = once(child, 'exit').then(() => {
      throw new Error(`the server did not start:\n${this.lines.slice(-15).join('\n')}`);
    });
    const started = once(child, 'message', { signal: AbortSignal.timeout(START_LIMIT) });
    exited.catch(() => undefined);
    await Promise.race([started, exited]);
  }

  #heard(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.lines.push(line);
    if (this.lines.length > 2000) this.lines.splice(0, 1000);
    for (const [, name = ''] of text.matchAll(BROKE)) this.broke.add(name);
    if (text.includes(KILL_ME)) this.kills += 1;
    else if (text.includes(LOCKED) && this.#restarting === undefined) this.locks += 1;
    else return;
    // The run starts the server again at the latest when it heals; that it had to is in its lines.
    this.restart().catch((error: unknown) => this.lines.push(`a restart has failed: ${String(error)}`));
  }

  /** Processes of the server, the runtime among them. */
  get #pids(): number[] {
    const pid = this.#child?.pid;
    return pid === undefined ? [] : treeOf(pid);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // Ended by itself.
      }
    }
  }

  measure(): void {
    this.peak = Math.max(this.peak, residentBytes(this.#pids));
  }

  /** Power off: nothing gets to finish. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
    this.#signal('SIGKILL');
    await ended;
    this.#child = undefined;
  }

  /** Kills and starts again; whoever asks while that is under way waits for it. */
  restart(): Promise<void> {
    this.#restarting ??= this.kill()
      .then(() => this.start())
      .finally(() => {
        this.#restarting = undefined;
      });
    return this.#restarting;
  }

  /** Waits for the end of a restart that is under way, if there is one, however it ends. */
  async settled(): Promise<void> {
    await this.#restarting?.catch(() => undefined);
  }

  /** The whole server stands still for a while. */
  async stall(ms: number): Promise<void> {
    const pids = this.#pids;
    this.#signal('SIGSTOP');
    await delay(ms);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // Killed meanwhile.
      }
    }
  }

  async #door<T>(name: string, order: object = {}): Promise<T> {
    const answer = await fetch(`${this.url}/api/__chaos/${name}`, {
      method: 'POST',
      body: JSON.stringify(order),
      signal: AbortSignal.timeout(20_000),
    });
    if (!answer.ok) throw new Error(`/__chaos/${name}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  failpoints(points: { name: string; action: Action; after: number }[]): Promise<null> {
    return this.#door('failpoints', { points });
  }
  clock(skew: number): Promise<null> {
    return this.#door('clock', { skew });
  }
  queue(settings: { twice: boolean; reversed: boolean }): Promise<unknown> {
    return this.#door('queue', settings);
  }
  object(kind: ObjectKind, name: string, act: 'abort' | 'hibernate' | 'close'): Promise<null> {
    return this.#door('object', { kind, name, act });
  }
  sweep(): Promise<null> {
    return this.#door('sweep');
  }
  probe(rooms: string[]): Promise<Probe> {
    return this.#door('probe', { rooms });
  }

  async stop(): Promise<void> {
    await this.settled();
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const gone = await Promise.race([ended.then(() => true), delay(STOP_LIMIT, false, { ref: false })]);
      if (!gone) await this.kill();
    }
    if (this.#disk !== undefined) {
      const disk = this.#disk;
      this.#disk = undefined;
      execFileSync('umount', ['-l', disk], { stdio: 'ignore' });
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
