import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../bench/lib/websocket.ts';
import { ROOT } from '../bundle.ts';

/* Attacks below the level of frames and requests, against the server as `npm start` runs it. */

const MIB = 1024 * 1024;
const COMPRESSED = 0x40;
const TEXT = 1;

let server: ChildProcess;
let url: URL;
let token: string;
let chat: string;
let folder: string;

beforeAll(async () => {
  folder = join(process.env.TMPDIR ?? '/tmp', `tideline-attacks-${process.pid}`);
  server = spawn(process.execPath, [join(ROOT, 'scripts/start.mjs')], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PORT: '0',
      STATE_DIR: folder,
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message]: unknown[] = await once(server, 'message');
  url = new URL(String(Reflect.get(Object(message), 'url')));
  const body = { fullname: 'Ada', email: 'ada@example.com', password: 'correct horse battery' };
  token = String(Reflect.get(await post('/api/auth/signup', body), 'token'));
  chat = String(Reflect.get(await post('/api/chats', { type: 'Group', name: 'Attacks', members: [] }), 'id'));
});

afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
  execFileSync('rm', ['-rf', folder]);
});

async function post(path: string, body: unknown): Promise<object> {
  const answer = await fetch(new URL(path, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as object;
}

const healthy = async (): Promise<boolean> => (await fetch(new URL('/healthz', url))).ok;

/** A connection that was upgraded, and everything that comes on it. */
async function upgraded(...headers: string[]): Promise<{ socket: Socket; heard: () => string; closed: () => boolean }> {
  const socket = connect(Number(url.port), url.hostname);
  let heard = '';
  let closed = false;
  socket.on('data', (data: Buffer) => {
    heard += data.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  await once(socket, 'connect');
  const lines = [
    `GET /api/chats/${chat}/ws HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: tideline.v1, bearer.${token}`,
    ...headers,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await until('the upgrade', () => heard.includes('101 Switching') || closed);
  await sleep(100);
  return { socket, heard: () => heard, closed: () => closed };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 15_000; !holds(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`did not come true: ${what}`);
  }
}

/** Resident memory of the server and its runtime, in bytes. */
function memory(): number {
  let bytes = 0;
  const tree = [server.pid ?? 0];
  const stats = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parentOf = (pid: string) => {
    try {
      return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ')[1]);
    } catch {
      return 0;
    }
  };
  for (const pid of tree) for (const name of stats) if (parentOf(name) === pid) tree.push(Number(name));
  for (const pid of tree) {
    try {
      bytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {
      // Ended meanwhile.
    }
  }
  return bytes;
}

function frame(payload: Buffer, flags: number): Buffer {
  const bytes = encodeFrame(TEXT, payload);
  bytes[0] = (bytes[0] ?? 0) | flags;
  return bytes;
}

describe('a deflate bomb', () => {
  it('is refused as too large, again and again, and takes no memory with it', async () => {
    const bomb = deflateRawSync(Buffer.alloc(24 * MIB, 0x20), { finishFlush: 2 }).subarray(0, -4);
    expect(bomb.length).toBeLessThan(64 * 1024);
    const before = memory();
    for (let i = 0; i < 8; i++) {
      const { socket, heard, closed } = await upgraded('Sec-WebSocket-Extensions: permessage-deflate');
      // The answer is compressed too: that there is one is what can be seen.
      const greeted = heard().length;
      socket.write(frame(bomb, COMPRESSED));
      await until('an answer', () => heard().length > greeted || closed());
      socket.destroy();
    }
    expect(await healthy()).toBe(true);
    expect(memory() - before).toBeLessThan(400 * MIB);
  });

  it('in a request is no JSON', async () => {
    const answer = await fetch(new URL(`/api/chats/${chat}/messages`, url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-encoding': 'deflate' },
      body: deflateRawSync(Buffer.alloc(8 * MIB, 0x20)),
    });
    expect(answer.status).toBe(400);
  });
});

describe('frames that no client sends', () => {
  const cases: [string, () => Buffer[]][] = [
    ['bytes that are no UTF-8', () => [frame(Buffer.from('{"t":"send","content":"a\xff\xfeb"}', 'latin1'), 0)]],
    ['a frame of 40 MiB', () => [frame(Buffer.alloc(40 * MIB, 0x20), 0)]],
    ['reserved bits', () => [frame(Buffer.from('{}'), 0x30)]],
    ['a reserved opcode', () => [encodeFrame(11, Buffer.from('{}'))]],
    [
      'a length that lies',
      () => [Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])],
    ],
    ['a ping that is too long', () => [encodeFrame(9, Buffer.alloc(200))]],
    ['a continuation of nothing', () => [encodeFrame(0, Buffer.from('{}'))]],
    ['an unmasked frame', () => [Buffer.from([0x81, 2, 0x7b, 0x7d])]],
    ['a thousand empty fragments', () => Array.from({ length: 1000 }, () => frame(Buffer.alloc(0), 0))],
    ['what is not a WebSocket', () => [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
  ];
  it.each(cases)('%s do no harm', async (_, bytes) => {
    const { socket } = await upgraded();
    for (const each of bytes()) socket.write(each);
    // The runtime takes its time to end such a connection; meanwhile nobody else must notice.
    await sleep(300);
    socket.destroy();
    expect(await healthy()).toBe(true);
    const page = await fetch(new URL(`/api/chats/${chat}/events`, url), {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await page.json()).toMatchObject({ head_seq: 1 });
  });

  it('a content whose bytes are no UTF-8 is refused, not altered', async () => {
    const text = `{"t":"send","chat_id":"${chat}","client_id":"utf","content":"a\xffb"}`;
    const { socket, heard, closed } = await upgraded();
    socket.write(frame(Buffer.from(text, 'latin1'), 0));
    await until('an answer', () => heard().includes('malformed') || closed());
    socket.destroy();
    expect(heard()).not.toContain('"t":"ack"');
  });
});

it('a connection that never finishes its request holds nobody up', async () => {
  const slow = Array.from({ length: 200 }, () => {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => undefined);
    socket.write('POST /api/auth/signin HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n');
    return socket;
  });
  await sleep(200);
  expect(await healthy()).toBe(true);
  for (const socket of slow) socket.destroy();
});

describe('an upload', () => {
  /** Sends a head and a body as they are, and gives the first line of what comes back, '' when nothing does. */
  async function raw(headers: readonly string[], body: string, path = '/api/uploads?name=x'): Promise<string> {
    const socket = connect(Number(url.port), url.hostname);
    let heard = '';
    let closed = false;
    socket.on('data', (data: Buffer) => {
      heard += data.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed = true;
    });
    await once(socket, 'connect');
    const head = [`POST ${path} HTTP/1.1`, `Host: ${url.host}`, `Authorization: Bearer ${token}`, 'Connection: close'];
    socket.write(`${[...head, ...headers].join('\r\n')}\r\n\r\n${body}`);
    // Whoever waits for more than was sent learns that no more comes.
    setTimeout(() => socket.end(), 1000);
    await until('an answer', () => heard.includes('\r\n\r\n') || closed);
    socket.destroy();
    return heard.split('\r\n', 1)[0] ?? '';
  }
  const kept = async (): Promise<unknown> => {
    const answer = await fetch(new URL('/api/users/me/storage', url), {
      headers: { authorization: `Bearer ${token}` },
    });
    return Reflect.get(Object(await answer.json()), 'used');
  };

  it.each([
    ['is shorter than its length', ['Content-Length: 1000'], 'abc'],
    ['has a negative length', ['Content-Length: -3'], 'abc'],
    ['has a length that is no number', ['Content-Length: 0x3'], 'abc'],
    ['has two lengths', ['Content-Length: 3', 'Content-Length: 5'], 'abcde'],
    ['has a length beyond all numbers', [`Content-Length: ${'9'.repeat(40)}`], 'abc'],
    ['has no length', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'],
    ['has no bytes', ['Content-Length: 0'], ''],
  ])('that %s is refused, and nothing of it is kept', async (_, headers, body) => {
    // Some the runtime refuses by itself, before anything of ours sees them, and as it likes.
    expect(await raw(headers, body)).not.toMatch(/ 2\d\d /);
    expect(await healthy()).toBe(true);
    expect(await kept()).toBe(0);
  });

  it('that is longer than its length is what the length says, and the rest is no request', async () => {
    const rest = `GET /api/users/me HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
    expect(await raw(['Content-Length: 3'], `abc${rest}`)).toContain(' 201 ');
    expect(await kept()).toBe(3);
  });
});
