import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '../..');
const START_LIMIT = 120_000;
const MAIL_LIMIT = 30_000;

/** `npm start` in a state folder of its own. */
export interface LocalServer {
  readonly url: string;
  /** The code of the newest mail to an address, with this in its subject. */
  codeTo(address: string, subject: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<LocalServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tideline-e2e-'));
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      STATE_DIR: join(folder, 'state'),
      LOG_LEVEL: 'error',
      LINK_PREVIEWS: 'off',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const message: unknown = await Promise.race([
      once(child, 'message', { signal: AbortSignal.timeout(START_LIMIT) }).then(([value]: unknown[]) => value),
      once(child, 'exit').then(() => Promise.reject(new Error('the server ended before it was up'))),
    ]);
    const url = typeof message === 'object' && message !== null && 'url' in message ? message.url : undefined;
    if (typeof url !== 'string') throw new Error('the server did not say where it is');
    return { url, codeTo: (address, subject) => codeIn(join(folder, 'state', 'mail'), address, subject), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for the mail, which is a file. */
async function codeIn(folder: string, address: string, subject: string): Promise<string> {
  for (const end = Date.now() + MAIL_LIMIT; Date.now() < end; await sleep(100)) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.sort().reverse()) {
      const mail = await readFile(join(folder, name), 'utf8');
      if (!mail.includes(address) || !mail.includes(subject)) continue;
      const [code] = /^[0-9a-z]{32}\r?$/m.exec(mail) ?? [];
      if (code !== undefined) return code.trim();
    }
  }
  throw new Error(`no mail with a code to ${address}: ${subject}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(timer);
}

/**
 * A network of one's own before the server: it can be cut and joined again. A browser's own switch for being offline does
 * not reach shared workers.
 */
export class Line {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #down = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async before(target: string): Promise<Line> {
    const { hostname, port } = new URL(target);
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const line = new Line(server, address.port);
    server.on('connection', (client) => line.#accept(client, Number(port), hostname));
    return line;
  }

  cut(): void {
    this.#down = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  join(): void {
    this.#down = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #accept(client: Socket, port: number, host: string): void {
    if (this.#down) {
      client.destroy();
      return;
    }
    const upstream = connect(port, host);
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  }
}
