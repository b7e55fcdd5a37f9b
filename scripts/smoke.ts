// A smoke test of `npm start`, as an operator meets it: an empty state folder, a first conversation, a restart that
// remembers it. It ends what it started, and fails if anything stays behind.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { ROOT } from './bundle.ts';

const START_LIMIT = 60_000;
const STOP_LIMIT = 15_000;

interface Server {
  url: string;
  stop(): Promise<void>;
}

async function start(stateDir: string): Promise<Server> {
  const child = spawn('npm', ['start'], {
    cwd: ROOT,
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await within(STOP_LIMIT, exited, 'the server did not stop');
    if (code !== 0) throw new Error(`the server ended with code ${code}`);
  };
  try {
    const url = await within(START_LIMIT, readUrl(child), 'the server did not start');
    return { url, stop };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** The address in the lines that the server prints when it is up. */
async function readUrl(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    process.stdout.write(chunk);
    text += chunk;
    const url = /^ +Health +(http:\S+)\/healthz\n/m.exec(text)?.[1];
    if (url !== undefined && text.includes('  State ')) return url;
  }
  throw new Error('the server ended before it was up');
}

async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms / 1000} seconds`)), ms);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

async function call<S extends z.ZodType>(
  status: number,
  schema: S,
  url: string,
  given: { token?: string; body?: unknown } = {},
): Promise<z.infer<S>> {
  const response = await fetch(url, {
    method: given.body === undefined ? 'GET' : 'POST',
    headers: {
      ...(given.token === undefined ? {} : { authorization: `Bearer ${given.token}` }),
      ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (response.status !== status) throw new Error(`${url}: ${response.status} in place of ${status}: ${text}`);
  return schema.parse(JSON.parse(text));
}

/** The web client: its page at every address of it, with its policy, and the files that the page names. */
async function checkClient(url: string): Promise<void> {
  const get = (path: string) =>
    fetch(url + path, { headers: { 'sec-fetch-mode': 'navigate' }, signal: AbortSignal.timeout(10_000) });
  for (const path of ['/', '/c/chat_1', '/people']) {
    const page = await get(path);
    const html = await page.text();
    const policy = page.headers.get('content-security-policy') ?? '';
    if (!page.ok || !html.includes('id="root"')) throw new Error(`${path}: ${page.status}, no page of the client`);
    if (!/default-src 'none'/.test(policy) || /unsafe|https?:/.test(policy))
      throw new Error(`${path}: policy "${policy}"`);
    const [, script = ''] = /src="(\/app\/[^"]+\.js)"/.exec(html) ?? [];
    const file = await get(script);
    await file.text();
    if (!/javascript/.test(file.headers.get('content-type') ?? '')) throw new Error(`${script}: ${file.status}`);
    if (!/immutable/.test(file.headers.get('cache-control') ?? '')) throw new Error(`${script}: may not be kept`);
  }
  for (const path of ['/sw.js', '/manifest.webmanifest', '/theme.js']) {
    const file = await get(path);
    await file.text();
    if (!file.ok) throw new Error(`${path}: ${file.status}`);
  }
  // An unknown address of the API is no page.
  const unknown = await get('/api/nothing');
  await unknown.text();
  if (unknown.status !== 404) throw new Error(`/api/nothing: ${unknown.status}`);
}

const Signed = z.object({ token: z.string(), user: z.object({ id: z.string() }) });
const Named = z.object({ id: z.string() });
const Sent = z.object({ seq: z.number() });
const Page = z.object({ items: z.array(z.object({ seq: z.number(), content: z.string() })) });

const stateDir = await mkdtemp(join(tmpdir(), 'tideline-smoke-'));
const ada = { fullname: 'Ada', email: 'ada@example.com', password: 'correct horse battery' };
const content = 'Hello from the smoke test, 世界';
try {
  let server = await start(stateDir);
  const { token } = await call(201, Signed, `${server.url}/api/auth/signup`, { body: ada });
  const ben = await call(201, Signed, `${server.url}/api/auth/signup`, {
    body: { ...ada, fullname: 'Ben', email: 'ben@example.com' },
  });
  const chat = await call(201, Named, `${server.url}/api/chats`, {
    token,
    body: { type: 'Group', name: 'Smoke', members: [ben.user.id] },
  });
  const messages = (url: string) => `${url}/api/chats/${chat.id}/messages`;
  const { seq } = await call(201, Sent, messages(server.url), { token, body: { content } });
  const page = await fetch(`${server.url}/docs`, { signal: AbortSignal.timeout(10_000) });
  if (!page.ok) throw new Error(`/docs: ${page.status}`);
  await page.text();
  await checkClient(server.url);
  await server.stop();

  server = await start(stateDir);
  const again = await call(200, Signed, `${server.url}/api/auth/signin`, {
    body: { email: 'ben@example.com', password: ada.password },
  });
  const { items } = await call(200, Page, messages(server.url), { token: again.token });
  if (!items.some((item) => item.seq === seq && item.content === content)) {
    throw new Error(`message ${seq} is not there after a restart: ${JSON.stringify(items)}`);
  }
  await server.stop();
  console.log('smoke: ok');
} finally {
  await rm(stateDir, { recursive: true, force: true });
}
