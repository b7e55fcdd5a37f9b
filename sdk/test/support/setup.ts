import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the server of this run listens. */
    serverUrl: string;
  }
}

const ROOT = resolve(import.meta.dirname, '../../..');
const STARTED_WITHIN = 60_000;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Runs a script of the project; rejects with what it printed when it fails. */
async function run(script: string): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, script)], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${output}`);
}

/** The server is healthy, and its database is there: a sign-in of nobody is refused as such. */
async function ready(url: string): Promise<boolean> {
  try {
    if (!(await fetch(`${url}/healthz`)).ok) return false;
    const answer = await fetch(`${url}/api/auth/signin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'nobody@example.com', password: 'nobody is here' }),
    });
    return answer.status === 401;
  } catch {
    return false;
  }
}

async function answering(url: string, server: ChildProcess, output: () => string): Promise<void> {
  for (const until = Date.now() + STARTED_WITHIN; !(await ready(url)); await delay(100)) {
    if (server.exitCode !== null || Date.now() > until) throw new Error(`the server did not start:\n${output()}`);
  }
}

/** Builds the package, and starts one server as `npm start` does, on a free port and in a folder of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [, port, folder] = await Promise.all([
    run('sdk/scripts/build.ts'),
    freePort(),
    mkdtemp(join(tmpdir(), 'tideline-sdk-')),
  ]);
  const server = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      STATE_DIR: join(folder, 'state'),
      SMTP_URL: '',
      LINK_PREVIEWS: 'off',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      const gone = await Promise.race([ended.then(() => true), delay(10_000, false)]);
      if (!gone) server.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const url = `http://127.0.0.1:${port}`;
    await answering(url, server, () => output);
    project.provide('serverUrl', url);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
