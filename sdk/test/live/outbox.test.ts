import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryStorage, type StorageAdapter } from '../../src/index.ts';
import { FileStorage } from '../../src/node.ts';
import { device, group, pause, person, proxy, texts, until } from '../support/people.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tideline-outbox-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('messages written offline', () => {
  it('survive the end of the client in a file, and go out once, in order, from the next one', async () => {
    const file = join(await folder(), 'deep', 'ada.json');
    const [ada, bob] = await Promise.all([person('Ada', { storage: new FileStorage(file) }), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).send('online').sent;
    ada.client.disconnect();
    for (let i = 0; i < 5; i++) ada.client.chat(id).send(`offline ${i}`);
    expect(ada.client.outbox.map((message) => message.status)).toEqual(Array(5).fill('sending'));
    await ada.client.close();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(file, '..'))).toEqual(['ada.json']);

    const next = await device({ storage: new FileStorage(file) });
    expect(texts(next.chat(id).timeline)).toEqual(Array.from({ length: 5 }, (_, i) => `offline ${i}`));
    expect(next.chats.row(id)?.name).toBe('Engines');
    const settled = next.outbox.map((message) => message.sent);
    await next.connect();
    expect((await Promise.all(settled)).map(({ seq }) => seq)).toEqual([3, 4, 5, 6, 7]);
    await until(() => bob.heard.length === 6);
    expect(texts(bob.heard)).toEqual(['online', ...Array.from({ length: 5 }, (_, i) => `offline ${i}`)]);
    expect(next.outbox).toEqual([]);
    await next.close();
    expect(await readFile(file, 'utf8')).not.toContain('offline 1"}');
    expect(Object.keys(await new FileStorage(file).read('outbox/'))).toEqual([]);
  });

  it('sent before a crash whose acknowledgement never came are not doubled by the next client', async () => {
    const between = await proxy();
    const storage = new MemoryStorage();
    const [ada, bob] = await Promise.all([person('Ada', { storage, url: between.url }), person('Bob')]);
    const id = await group(ada, bob);
    between.onFrame = ({ from, text }) =>
      from === 'server' && /"t":"(ack|events)"/.test(text) ? 'cut before' : 'pass';
    ada.client.chat(id).send('once');
    await until(() => bob.heard.length === 1);
    between.down = true;
    ada.client.disconnect();
    const next = await device({ storage });
    const waiting = next.outbox.map((message) => message.sent);
    expect(waiting).toHaveLength(1);
    await next.connect();
    expect(await waiting[0]).toMatchObject({ seq: 2, duplicate: true });
    await pause(200);
    expect(texts(bob.heard)).toEqual(['once']);
  });

  it('a refused one stays refused after a restart, until its author decides', async () => {
    const storage = new MemoryStorage();
    const ada = await person('Ada', { storage });
    const id = await group(ada);
    const bad = ada.client.chat(id).send({ content: 'an answer to nothing', reply_to: 900 });
    await expect(bad.sent).rejects.toMatchObject({ name: 'TidelineError' });
    await ada.client.close();
    const next = await device({ storage });
    await next.connect();
    const [held] = next.outbox;
    expect(held).toMatchObject({ status: 'failed', client_id: bad.client_id, error: { code: bad.error?.code } });
    await held?.retry();
    await expect(held?.sent).rejects.toMatchObject({ code: bad.error?.code });
    await held?.discard();
    expect(next.outbox).toEqual([]);
    expect(await storage.read('outbox/')).toEqual({});
  });

  it('go out even if storage fails, and the failure is told', async () => {
    const storage = new MemoryStorage();
    const broken: StorageAdapter = {
      read: (prefix) => storage.read(prefix),
      write: () => Promise.reject(new Error('disk full')),
      exclusive: (name, task) => storage.exclusive(name, task),
    };
    const ada = await person('Ada', { storage: broken });
    const id = await group(ada);
    expect(await ada.client.chat(id).send('anyway').sent).toMatchObject({ seq: 2 });
    expect(ada.errors.some((error) => error.name === 'StorageError')).toBe(true);
  });
});

describe('read marks', () => {
  it('set offline reach the server from the next client', async () => {
    const storage = new MemoryStorage();
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob', { storage })]);
    const id = await group(ada, bob);
    await ada.client.chat(id).send('read me').sent;
    await until(() => bob.heard.length === 1);
    bob.client.disconnect();
    bob.client.chat(id).read();
    expect(bob.client.chat(id).unread).toBe(0);
    await bob.client.close();
    const next = await device({ storage });
    await next.connect();
    await until(() => ada.client.chat(id).watermarks(bob.user.id)?.read_seq === 2);
    await until(() => next.chats.row(id)?.unread === 0);
    await pause(100);
    expect(await storage.read('read/')).toEqual({});
  });
});
