import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/local/port.ts';
import { sleep, within } from '../lib/async.ts';
import { HttpClient } from '../lib/http.ts';
import type { Inboxes, Snapshot } from './counts.ts';

const START_MS = 60_000;
const STOP_MS = 10_000;

/** The observed server: started here, in a folder of its own, and stopped by `stop`. */
export class ObservedServer {
  readonly port: number;
  readonly http: HttpClient;
  readonly #child: ChildProcess;
  readonly #dir: string;

  private constructor(port: number, child: ChildProcess, dir: string) {
    this.port = port;
    this.#child = child;
    this.#dir = dir;
    this.http = new HttpClient(port, 16);
  }

  static async start(): Promise<ObservedServer> {
    const dir = mkdtempSync(join(tmpdir(), 'tideline-fanout-'));
    const port = await freePort('127.0.0.1', 0);
    const child = spawn(process.execPath, [fileURLToPath(new URL('serve.ts', import.meta.url))], {
      env: { ...process.env, PORT: String(port), STATE_DIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const server = new ObservedServer(port, child, dir);
    try {
      const ready = once(createInterface(child.stdout), 'line');
      const ended = once(child, 'exit').then(([code]) => {
        throw new Error(`the observed server ended early (${code})`);
      });
      await within(START_MS, 'start of the observed server', Promise.race([ready, ended]));
      ended.catch(() => undefined);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Root of the server's process tree. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask<T>(what: string, body: object = {}): Promise<T> {
    return this.http.json<T>([200], 'POST', `/api/bench/${what}`, undefined, body);
  }

  /** A name for a conversation whose objects are counted with this group. */
  async newChat(group: number, inboxes: Inboxes): Promise<string> {
    return (await this.ask<{ id: string }>('chat', { group, inboxes })).id;
  }

  /** Calls a room as its Worker would. Throws when the room refuses. */
  async room(chat: string, method: string, ...args: unknown[]): Promise<void> {
    const result = await this.ask<{ ok: boolean } | null>('room', { name: chat, method, args });
    if (result?.ok === false) throw new Error(`${method} of ${chat} was refused: ${JSON.stringify(result)}`);
  }

  tokens(users: string[]): Promise<string[]> {
    return this.ask<string[]>('tokens', { users });
  }

  /** Waits until no object of the groups is busy or has an alarm to come. Throws when that takes longer than `ms`. */
  async quiet(groups: (number | 'front')[], ms = 60_000): Promise<Snapshot> {
    const end = performance.now() + ms;
    for (;;) {
      const snapshot = await this.ask<Snapshot>('counts');
      const restless = snapshot.restless.filter(({ group }) => groups.some((one) => String(one) === group));
      if (restless.length === 0) return snapshot;
      if (performance.now() > end)
        throw new Error(`not quiet within ${ms} ms: ${JSON.stringify(restless.slice(0, 5))}`);
      await sleep(250);
    }
  }

  async stop(): Promise<void> {
    this.http.close();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await within(STOP_MS, 'stop of the observed server', ended).catch(() => this.#child.kill('SIGKILL'));
    }
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 3 });
  }
}
