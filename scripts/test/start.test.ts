import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../bundle.ts';
import { freePort } from '../local/port.ts';
import { temporaryFolder } from './folder.ts';

interface Run {
  child: ChildProcess;
  /** Resolves with the exit code and everything that was printed. */
  ended: Promise<{ code: number | null; output: string }>;
}

function start(env: Record<string, string>, nodeOptions: string[] = []): Run {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [...nodeOptions, join(ROOT, 'scripts/start.mjs')], {
    cwd: ROOT,
    env: { PATH, HOME, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  const printed = [child.stdout, child.stderr].map(async (stream) => {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    // Not its end: a test may close it before.
    if (stream !== null) await once(stream, 'close');
  });
  const ended = Promise.all([once(child, 'exit'), ...printed]).then(([[code]]) => ({ code, output }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended };
}

/** As it comes over the wire: `fetch` would undo the coding. */
async function get(url: string, accept: string) {
  const outgoing = request(url, { headers: { 'accept-encoding': accept } }).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return { status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(chunks) };
}

async function urlOf({ child, ended }: Run): Promise<string> {
  const ready = once(child, 'message').then(([message]): string => message.url);
  return Promise.race([
    ready,
    ended.then(({ code, output }) => {
      throw new Error(`ended with ${code}: ${output}`);
    }),
  ]);
}

async function stop({ child, ended }: Run): Promise<number | null> {
  child.kill('SIGTERM');
  return (await ended).code;
}

/** Processes whose parent is this one. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').pop()?.split(' ')[1]) === pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

const signUp = (url: string) =>
  fetch(`${url}/api/auth/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ fullname: 'Ada', email: 'ada@example.com', password: 'correct horse battery' }),
  });

describe('npm start', () => {
  it('serves, keeps its state over a restart, and stops when told to', async () => {
    const folder = await temporaryFolder();
    const env = { STATE_DIR: join(folder, 'deep/er') };
    const first = start(env);
    const url = await urlOf(first);
    expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ status: 'ok' });
    expect((await fetch(`${url}/docs/swagger-ui.css`)).headers.get('content-type')).toContain('text/css');
    expect((await signUp(url)).status).toBe(201);
    expect(await stop(first)).toBe(0);

    const second = start(env);
    expect((await signUp(await urlOf(second))).status).toBe(409);
    expect((await stat(env.STATE_DIR)).mode & 0o777).toBe(0o700);
    expect((await stat(join(env.STATE_DIR, 'secrets.json'))).mode & 0o777).toBe(0o600);
    expect(await stop(second)).toBe(0);
    const { output } = await second.ended;
    expect(output).toMatch(/^ {2}API +http:\/\/127\.0\.0\.1:\d+\/api$/m);
    expect(output).not.toContain(JSON.parse(readFileSync(join(env.STATE_DIR, 'secrets.json'), 'utf8')).ADMIN_TOKEN);
  });

  it.skipIf(process.platform !== 'linux')('says so of a state folder that cannot be made, and ends', async () => {
    const { code, output } = await start({ STATE_DIR: '/proc/tideline/deep/er' }).ended;
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^tideline: STATE_DIR \/proc\/\S+ cannot be used: .*\n$/),
    ]);
  });

  it('keeps the bytes of files over a restart', async () => {
    const env = { STATE_DIR: await temporaryFolder(), PORT: String(await freePort('127.0.0.1', 0)) };
    const first = start(env);
    const url = await urlOf(first);
    const { token } = (await (await signUp(url)).json()) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    const uploaded = await fetch(`${url}/api/uploads?name=a.txt`, { method: 'POST', headers, body: 'kept' });
    const { id } = (await uploaded.json()) as { id: string };
    expect(await stop(first)).toBe(0);

    const second = start(env);
    expect(await urlOf(second)).toBe(url);
    expect(await (await fetch(`${url}/api/files/${id}/content`, { headers })).text()).toBe('kept');
  });

  it('keeps every mail in a folder and prints it: who tries it out confirms an address without a mail server', async () => {
    const folder = await temporaryFolder();
    const server = start({ STATE_DIR: folder });
    const url = await urlOf(server);
    expect((await signUp(url)).status).toBe(201);
    const kept = () => readdirSync(folder).includes('mail') && readdirSync(join(folder, 'mail'));
    for (let i = 0; i < 100 && !kept(); i++) await sleep(100);
    const [name = ''] = kept() || [];
    const mail = readFileSync(join(folder, 'mail', name), 'utf8');
    expect((await stat(join(folder, 'mail', name))).mode & 0o777).toBe(0o600);
    expect(mail).toMatch(/^To: ada@example\.com\r$/m);
    const code = /^[0-9a-z]{32}\r?$/m.exec(mail)?.[0].trim();
    const verified = await fetch(`${url}/api/auth/verify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    expect(verified.status).toBe(200);
    expect(await stop(server)).toBe(0);
    const { output } = await server.ended;
    expect(output).toContain(`mail to ada@example.com: ${join(folder, 'mail', name)}\n`);
    expect(output).toContain(`  | ${code}\n`);
  });

  it('goes on when nobody reads any more what it prints', async () => {
    const folder = await temporaryFolder();
    const server = start({ STATE_DIR: folder });
    const url = await urlOf(server);
    server.child.stdout?.destroy();
    const ada = { fullname: 'Ada', email: 'ada@example.com', password: 'correct horse battery' };
    const headers = { 'content-type': 'application/json' };
    const signUp = await fetch(`${url}/api/auth/signup`, { method: 'POST', headers, body: JSON.stringify(ada) });
    expect(signUp.status).toBe(201);
    // A mail is printed when it has been kept.
    await expect.poll(() => readdirSync(join(folder, 'mail')), { timeout: 10_000 }).toHaveLength(1);
    await sleep(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('compresses a long answer for whoever takes it so, and says that it depends', async () => {
    const url = await urlOf(start({ STATE_DIR: await temporaryFolder() }));
    const got = async (accept: string) => {
      const { status, headers, body } = await get(`${url}/openapi.json`, accept);
      expect(headers.vary).toMatch(/accept-encoding/i);
      const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      return { status, encoding: headers['content-encoding'], bytes: body.length, text: text.toString() };
    };
    const [plain, zipped, refused] = [await got('identity'), await got('br, gzip'), await got('br, gzip;q=0')];
    expect([plain, zipped, refused].map(({ status, encoding }) => [status, encoding])).toEqual([
      [200, undefined],
      [200, 'gzip'],
      [200, undefined],
    ]);
    expect(zipped.text).toBe(plain.text);
    expect(zipped.bytes).toBeLessThan(plain.bytes / 4);
  });

  it('shows nobody the content of a bucket', async () => {
    const server = start({ STATE_DIR: await temporaryFolder() });
    const response = await fetch(`${await urlOf(server)}/cdn-cgi/local/r2/public/tideline-files/x`);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(response.status).toBe(404);
  });

  it.skipIf(process.platform !== 'linux')('leaves no runtime behind when it is killed, and starts again', async () => {
    const env = { STATE_DIR: await temporaryFolder() };
    const first = start(env);
    expect((await signUp(await urlOf(first))).status).toBe(201);
    const children = childrenOf(first.child.pid ?? 0);
    expect(children).toHaveLength(2);
    first.child.kill('SIGKILL');
    await first.ended;
    for (let i = 0; i < 50 && children.some(isAlive); i++) await sleep(50);
    expect(children.filter(isAlive)).toEqual([]);

    const second = start(env);
    expect((await signUp(await urlOf(second))).status).toBe(409);
    expect(await stop(second)).toBe(0);
  });

  it('stops when the program that started it is gone', async () => {
    const server = start({ STATE_DIR: await temporaryFolder() });
    await urlOf(server);
    server.child.disconnect();
    expect((await server.ended).code).toBe(0);
  });

  it('serves beside another, but never from the same folder or port', async () => {
    const env = { STATE_DIR: await temporaryFolder() };
    const first = start(env);
    const url = await urlOf(first);
    const { port } = new URL(url);

    const sameFolder = await start(env).ended;
    expect(sameFolder.code).toBe(1);
    expect(sameFolder.output).toBe(
      `tideline: STATE_DIR ${env.STATE_DIR} is in use by another server (process ${first.child.pid}): stop it, or set STATE_DIR to another folder\n`,
    );
    const samePort = await start({ STATE_DIR: await temporaryFolder(), PORT: port }).ended;
    expect(samePort.code).toBe(1);
    expect(samePort.output).toBe(
      `tideline: PORT ${port} is in use on 127.0.0.1: stop what listens there, or set PORT to another one\n`,
    );
    const second = start({ STATE_DIR: await temporaryFolder() });
    expect((await signUp(await urlOf(second))).status).toBe(201);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([
    [{ PORT: 'x' }, /^tideline: PORT="x": .*\n$/],
    [{ HOST: 'no.such.host.invalid' }, /^tideline: HOST no\.such\.host\.invalid is not an address of this machine\n$/],
    [{ PUBLIC_URL: 'ftp://x' }, /^tideline: configuration: PUBLIC_URL .*\n$/],
    [{ SMTP_URL: 'http://mail' }, /^tideline: configuration: SMTP_URL must be smtps?:.*\n$/],
    [{ SMTP_URL: 'smtp://a:b@mail' }, /^tideline: configuration: SMTP_URL must be smtps:.*\n$/],
    [{ MAIL_FROM: 'nobody' }, /^tideline: configuration: MAIL_FROM must be an address.*\n$/],
    [{ ADMIN_TOKEN: 'short' }, /^tideline: configuration: ADMIN_TOKEN .*\n$/],
    [{ STATE_DIR: join(ROOT, 'package.json') }, /^tideline: STATE_DIR .*package\.json cannot be used: .*\n$/],
  ])('says in one line what is wrong with %j', async (env, line) => {
    const { code, output } = await start({ STATE_DIR: await temporaryFolder(), ...env }).ended;
    expect(output).toMatch(line);
    expect(code).toBe(1);
  });

  it('keeps the mode of a folder that was there before', async () => {
    const folder = join(await temporaryFolder(), 'shared');
    await mkdir(folder, { mode: 0o755 });
    const server = start({ STATE_DIR: folder });
    await urlOf(server);
    expect((await stat(folder)).mode & 0o777).toBe(0o755);
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
  });

  it('says in one line that a Node is too old', async () => {
    const older =
      'data:text/javascript,Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.0" } })';
    const { code, output } = await start({}, ['--import', older]).ended;
    expect(output).toMatch(/^tideline: Node 20\.18\.0 is too old, 22\.18 or newer is needed\..*\n$/);
    expect(code).toBe(1);
  });
});

it('waits a little for a port that is about to be free', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const server = start({ STATE_DIR: await temporaryFolder(), PORT: String(port) });
  await sleep(700);
  holder.close();
  expect(await urlOf(server)).toBe(`http://127.0.0.1:${port}`);
});
