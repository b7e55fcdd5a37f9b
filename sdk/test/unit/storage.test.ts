import 'fake-indexeddb/auto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { IndexedDbStorage } from '../../src/indexeddb.ts';
import { FileStorage } from '../../src/node.ts';
import { MemoryStorage, type StorageAdapter } from '../../src/storage.ts';

let folder: string | undefined;
async function file(): Promise<string> {
  folder ??= await mkdtemp(join(tmpdir(), 'tideline-storage-'));
  return join(folder, 'deep', 'store.json');
}
afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

let databases = 0;
const memory = new Map<string, MemoryStorage>();

/** Makes an adapter on a place; made twice, it is what a restart would see. */
const adapters: { name: string; place: () => Promise<string>; at: (place: string) => StorageAdapter }[] = [
  {
    name: 'MemoryStorage',
    place: async () => `memory-${databases++}`,
    at: (place) => {
      const held = memory.get(place) ?? new MemoryStorage();
      memory.set(place, held);
      return held;
    },
  },
  { name: 'FileStorage', place: file, at: (place) => new FileStorage(place) },
  {
    name: 'IndexedDbStorage',
    place: async () => `tideline-${databases++}`,
    at: (place) => new IndexedDbStorage(place),
  },
];

describe.each(adapters)('$name', ({ place, at }) => {
  it('keeps what is written, by prefix, for the next one on the same place', async () => {
    const where = await place();
    const storage = at(where);
    expect(await storage.read('')).toEqual({});
    const value = { text: 'ä😀\u0000', list: [1, null, { deep: true }], number: 1.5 };
    await storage.write({ set: { 'outbox/1': value, 'outbox/2': 'two', outboxes: 3, session: null } });
    await storage.write({ set: { 'outbox/2': 'two again' }, delete: ['session', 'never there'] });
    const next = at(where);
    expect(await next.read('outbox/')).toEqual({ 'outbox/1': value, 'outbox/2': 'two again' });
    expect(await next.read('')).toEqual({ 'outbox/1': value, 'outbox/2': 'two again', outboxes: 3 });
    expect(await next.read('x')).toEqual({});
  });

  it('writes in the order of the calls, however many are made at once', async () => {
    const where = await place();
    const storage = at(where);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        storage.write(i % 5 === 4 ? { delete: [`k${i - 1}`] } : { set: { [`k${i}`]: i, last: i } }),
      ),
    );
    const found = await at(where).read('');
    expect(found.last).toBe(48);
    expect(Object.keys(found)).toHaveLength(31);
    expect(found).not.toHaveProperty('k3');
  });

  it('is not changed by what happens to a value after it was written or read', async () => {
    const storage = at(await place());
    const value = { list: [1] };
    const written = storage.write({ set: { key: value } });
    value.list.push(2);
    await written;
    const read = await storage.read('key');
    (read.key as { list: number[] }).list.push(3);
    expect(await storage.read('key')).toEqual({ key: { list: [1] } });
  });

  it('gives one turn at a time to those who want exclusion, and goes on when one fails', async () => {
    const storage = at(await place());
    let inside = 0;
    const order: number[] = [];
    const turns = [1, 2, 3, 4].map((n) =>
      storage.exclusive('session', async () => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 3));
        inside--;
        order.push(n);
        if (n === 2) throw new Error('turn 2');
        return n;
      }),
    );
    expect((await Promise.allSettled(turns)).map((turn) => turn.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(order).toEqual([1, 2, 3, 4]);
  });
});

describe('FileStorage', () => {
  it('a crash between write and rename leaves the old file, and nothing is left behind by a failed write', async () => {
    const path = await file();
    const storage = new FileStorage(path);
    await storage.write({ set: { key: 'old' } });
    await writeFile(`${path}.0badcafe.tmp`, '{"key": "half');
    expect(await new FileStorage(path).read('')).toEqual({ key: 'old' });
    // What cannot be written as JSON fails that write alone.
    await expect(storage.write({ set: { key: 1n } })).rejects.toThrow(TypeError);
    await storage.write({ set: { other: 'new' } });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ key: 'old', other: 'new' });
    expect((await readdir(join(path, '..'))).sort()).toEqual(['store.json', 'store.json.0badcafe.tmp']);
  });

  it('refuses a file that is not its own, and does not touch it', async () => {
    const path = await file();
    await new FileStorage(path).write({ set: { key: 1 } });
    await writeFile(path, 'not JSON');
    const storage = new FileStorage(path);
    await expect(storage.read('')).rejects.toThrow(SyntaxError);
    await expect(storage.write({ set: { key: 2 } })).rejects.toThrow(SyntaxError);
    expect(await readFile(path, 'utf8')).toBe('not JSON');
  });

  it('writes many changes that are made at once few times', async () => {
    const path = await file();
    const storage = new FileStorage(path);
    await storage.write({ set: { first: true } });
    const began = performance.now();
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => storage.write({ set: { [`k${i}`]: 'x'.repeat(100) } })));
    // One write of 200 KB takes milliseconds; two thousand would take minutes.
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(Object.keys(await new FileStorage(path).read('k'))).toHaveLength(2_000);
  });
});
