import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from './lib/async.ts';
import { processTree } from './lib/process.ts';
import type { PeerName, Target } from './peers/peer.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const START_MS = 60_000;
const STOP_MS = 15_000;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });

/** A server that this bench started and will stop. */
export class Server {
  readonly name: PeerName;
  readonly #dir: string;
  #port = 0;
  #child: ChildProcess | undefined;
  /** Every process of the tree, as last seen: what to end if the root goes and leaves one behind. */
  #pids: number[] = [];

  readonly #profiled: boolean;
  #inspectorPort: number | undefined;

  constructor(name: PeerName, dir: string, profiled: boolean) {
    this.name = name;
    this.#dir = dir;
    this.#profiled = profiled;
  }

  get target(): Target {
    const target = {
      name: this.name,
      port: this.#port,
      pid: this.#child?.pid ?? 0,
      stateDir: join(this.#dir, this.name),
    };
    return this.#inspectorPort === undefined ? target : { ...target, inspectorPort: this.#inspectorPort };
  }

  async start(): Promise<Target> {
    const { stateDir } = this.target;
    mkdirSync(stateDir, { recursive: true });
    // Kept over a restart: the address is part of the tokens.
    if (this.#port === 0) this.#port = await freePort();
    const log = join(this.#dir, `${this.name}.log`);
    const output = openSync(log, 'a');
    const script = this.name === 'tideline' ? ['scripts/start.mjs'] : ['bench/serve.ts', this.name];
    const child = spawn(process.execPath, script, {
      cwd: ROOT,
      env: {
        ...process.env,
        HOST: '127.0.0.1',
        PORT: String(this.#port),
        STATE_DIR: stateDir,
        // Nobody reads the mail of thousands of invented people.
        SMTP_URL: '',
        ...(await this.#inspection()),
      },
      stdio: ['ignore', output, output],
    });
    this.#child = child;
    const end = performance.now() + START_MS;
    while (!(await this.#healthy())) {
      if (child.exitCode !== null || performance.now() > end) {
        await this.stop();
        const tail = readFileSync(log, 'utf8').split('\n').slice(-15).join('\n');
        throw new Error(`${this.name} did not start:\n${tail}`);
      }
      await sleep(100);
    }
    this.#pids = processTree(child.pid ?? 0).map(({ pid }) => pid);
    return this.target;
  }

  /** Environment in which Miniflare starts workerd through a script that asks it for an inspector. */
  async #inspection(): Promise<Record<string, string>> {
    if (!this.#profiled) return {};
    this.#inspectorPort = await freePort();
    const workerd = createRequire(createRequire(import.meta.url).resolve('miniflare'))('workerd') as {
      default: string;
    };
    const script = join(this.#dir, 'workerd-with-inspector');
    const command = `exec "${workerd.default}" "$@" --inspector-addr=127.0.0.1:${this.#inspectorPort}`;
    writeFileSync(`${script}-${this.name}`, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    return { MINIFLARE_WORKERD_PATH: `${script}-${this.name}` };
  }

  async #healthy(): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}/healthz`, { signal: AbortSignal.timeout(2000) });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** Processes of the server that have ended by themselves since it started: a runtime that crashed. */
  get lost(): number {
    const alive = new Set(processTree(this.#child?.pid ?? 0).map(({ pid }) => pid));
    return this.#pids.filter((pid) => !alive.has(pid)).length;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    if (child.exitCode === null && child.signalCode === null) {
      this.#pids = processTree(child.pid).map(({ pid }) => pid);
      child.kill('SIGTERM');
    }
    const end = performance.now() + STOP_MS;
    while (child.exitCode === null && child.signalCode === null && performance.now() < end) await sleep(50);
    this.killNow();
    this.#child = undefined;
  }

  /** Ends at once whatever is left of the tree that this object started. */
  killNow(): void {
    for (const pid of this.#pids) {
      try {
        // A number may have been given to a new process meanwhile: only children of this tree are ended.
        if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').match(/workerd|start\.mjs|serve\.ts/))
          process.kill(pid, 'SIGKILL');
      } catch {
        // Already gone.
      }
    }
    this.#pids = [];
  }
}
