import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createClient, type TidelineClient } from '../../sdk/src/index.ts';
import { ROOT } from '../bundle.ts';
import { freePort } from '../local/port.ts';
import { temporaryFolder } from './folder.ts';

/* Backup and restore by the operator's commands, with a server that runs and clients that live through it. */

const PASSWORD = 'correct horse battery';

interface Place {
  stateDir: string;
  port: number;
}
const environment = ({ stateDir, port }: Place) => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  STATE_DIR: stateDir,
  PORT: String(port),
});

async function start(place: Place): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/start.mjs')], {
    cwd: ROOT,
    env: environment(place),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  await once(child, 'message');
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function command(place: Place, script: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(ROOT, 'scripts', script), ...args],
    {
      cwd: ROOT,
      env: environment(place),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code]: unknown[] = await once(child, 'close');
  return { code: Number(code), output };
}

/** Requests of somebody who signs in for them. */
async function requests(url: string, email: string) {
  const ask = (path: string, token: string, body?: string, type = 'application/json') =>
    fetch(url + path, {
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
  const answer = await ask('/api/auth/signin', '', JSON.stringify({ email, password: PASSWORD }));
  const token = String(Reflect.get(Object(await answer.json()), 'token'));
  const made = async (path: string, body: string, type?: string): Promise<object> =>
    Object(await (await ask(path, token, body, type)).json()) as object;
  return {
    /** Sends a file into a conversation. Returns the path to it. */
    async sendFile(chat: string, content: string): Promise<string> {
      const file = await made('/api/uploads?name=x', content, 'application/octet-stream');
      const file_id = String(Reflect.get(file, 'id'));
      const ticket = Reflect.get(await made(`/api/chats/${chat}/files`, JSON.stringify({ file_id })), 'ticket');
      await made(`/api/chats/${chat}/messages`, JSON.stringify({ kind: 'file', content: '', files: [ticket] }));
      return `/api/chats/${chat}/files/${file_id}`;
    },
    async read(path: string): Promise<string> {
      const back = await ask(path, token);
      return `${back.status} ${back.ok ? await back.text() : ''}`;
    },
  };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds()); await sleep(50)) {
    if (Date.now() > end) throw new Error(`did not come true: ${what}`);
  }
}

const contents = (client: TidelineClient, chat: string): string[] =>
  client.chat(chat).timeline.map(({ content }) => content);

it('a backup of a server that runs is whole, and after a restore clients give up what is no longer so', async () => {
  const folder = await temporaryFolder();
  const place = { stateDir: join(folder, 'state'), port: await freePort('127.0.0.1', 0) };
  const url = `http://127.0.0.1:${place.port}`;
  const server = await start(place);
  const [ada, ben] = [await createClient({ url }), await createClient({ url })];
  onTestFinished(() => {
    ada.disconnect();
    ben.disconnect();
  });
  await ada.signUp({ fullname: 'Ada', email: 'ada@example.com', password: PASSWORD });
  const { id } = await ben.signUp({ fullname: 'Ben', email: 'ben@example.com', password: PASSWORD });
  await Promise.all([ada.connect(), ben.connect()]);
  const chat = (await ada.chats.create({ type: 'Group', name: 'Backup', members: [id] })).id;
  await until('ben has it', () => ben.chats.row(chat) !== undefined);
  await ben.chat(chat).open();

  const files = (await ada.chats.create({ type: 'Group', name: 'Files', members: [id] })).id;
  const { sendFile } = await requests(url, 'ada@example.com');
  const early = await sendFile(files, 'before the backup');

  const acked: string[] = [];
  let sending = true;
  const sender = (async () => {
    for (let i = 0; sending; i++) {
      await ada.chat(chat).send(`message ${i}`).sent;
      acked.push(`message ${i}`);
    }
  })();
  await until('some are sent', () => acked.length > 50);
  const before = [...acked];
  const target = join(folder, 'backup');
  const made = await command(place, 'backup.ts', target);
  expect(made).toMatchObject({ code: 0, output: expect.stringMatching(/stood still for \d+ ms/) });
  const count = acked.length;
  await until('sending goes on', () => acked.length > count + 20);
  sending = false;
  await sender;
  expect(statSync(target).mode & 0o077).toBe(0);
  expect(readdirSync(target).sort()).toEqual(['backup.json', 'data', 'secrets.json']);
  expect((await command(place, 'backup.ts', target)).output).toContain('exists already');
  await until('ben has all', () => contents(ben, chat).at(-1) === acked.at(-1));
  const late = await sendFile(files, 'after the backup');
  const epoch = ada.chats.row(chat)?.epoch;

  expect((await command(place, 'restore.ts', target)).output).toContain('is in use by another server');
  await stop(server);
  const restored = await command(place, 'restore.ts', target);
  expect(restored).toMatchObject({ code: 0, output: expect.stringContaining('2 conversations begin a new epoch') });
  expect(restored.output).toContain('before-restore-');
  await start(place);

  // Clients that lived through it, and one that comes anew, hold the same: what the backup had, and nothing after it.
  await until('they are back', () => ada.state === 'online' && ben.state === 'online');
  const fresh = await createClient({ url });
  onTestFinished(() => fresh.disconnect());
  await fresh.signIn({ email: 'ben@example.com', password: PASSWORD });
  await fresh.connect();
  await fresh.chat(chat).open({ page: 500 });
  await until('ben has begun anew', () => ben.chats.row(chat)?.epoch !== epoch);
  const kept = contents(fresh, chat);
  expect(kept.slice(0, before.length)).toEqual(before);
  expect(kept.length).toBeLessThan(acked.length);
  expect(kept).toEqual(acked.slice(0, kept.length));
  await ada.chat(chat).send('after the restore').sent;
  await until('ben hears it', () => contents(ben, chat).at(-1) === 'after the restore');
  while (ben.chat(chat).hasOlder) await ben.chat(chat).loadOlder(200);
  expect(contents(ben, chat)).toEqual([...kept, 'after the restore']);

  const { read } = await requests(url, 'ben@example.com');
  expect([await read(early), await read(late)]).toEqual(['200 before the backup', '404 ']);

  await until('everything agrees', async () => (await command(place, 'audit.ts')).code === 0);
  const audited = await command(place, 'audit.ts', '--repair');
  expect(audited).toEqual({
    code: 0,
    output: expect.stringMatching(
      /^2 conversations, 2 users, 1 contents of files and 1 objects checked, 0 open findings\n$/,
    ),
  });
}, 120_000);

it('says in one line what is wrong', async () => {
  const folder = await temporaryFolder();
  const place = { stateDir: join(folder, 'state'), port: 1 };
  for (const [script, args, line] of [
    ['backup.ts', [], 'usage: npm run backup'],
    ['restore.ts', [], 'usage: npm run restore'],
    ['backup.ts', [join(folder, 'target')], 'holds no data'],
    ['restore.ts', [folder], 'is no backup'],
    ['audit.ts', [], 'set ADMIN_TOKEN for a server elsewhere'],
  ] as const) {
    const { code, output } = await command(place, script, ...args);
    expect(code).toBeGreaterThan(0);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toContain(line);
  }
});
