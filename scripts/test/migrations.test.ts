import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../local/migrations.ts';
import { temporaryFolder } from './folder.ts';

let miniflare: Miniflare;
beforeAll(() => {
  miniflare = new Miniflare({
    modules: true,
    script: 'export default {}',
    cf: false,
    d1Databases: ['FIRST', 'ROLLBACK', 'MISSING', 'MERGED'],
  });
});
afterAll(() => miniflare.dispose());

async function project(files: Record<string, string>): Promise<string> {
  const root = await temporaryFolder();
  await mkdir(join(root, 'migrations'));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(root, 'migrations', name), sql);
  return root;
}
const ITEMS = 'CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT) STRICT;';

it('applies files once, in the order of their names, whatever their statements hold', async () => {
  const db = await miniflare.getD1Database('FIRST');
  const trigger =
    "CREATE TRIGGER twice AFTER INSERT ON items WHEN new.id < 10 BEGIN INSERT INTO items VALUES (new.id + 10, 'a;b'); END;";
  const root = await project({ '0002_more.sql': `-- one; two\n${trigger}`, '0001_items.sql': ITEMS });
  expect(await migrate(db, root, 'migrations')).toEqual(['0001_items.sql', '0002_more.sql']);
  expect(await migrate(db, root, 'migrations')).toEqual([]);
  await db.prepare("INSERT INTO items VALUES (1, 'x')").run();
  const { results } = await db.prepare('SELECT id, name FROM items ORDER BY id').all();
  expect(results).toEqual([
    { id: 1, name: 'x' },
    { id: 11, name: 'a;b' },
  ]);
  const records = await db.prepare('SELECT id, name FROM d1_migrations ORDER BY id').all();
  expect(records.results).toEqual([
    { id: 1, name: '0001_items.sql' },
    { id: 2, name: '0002_more.sql' },
  ]);
});

it('names the file that fails, and leaves nothing of it behind', async () => {
  const db = await miniflare.getD1Database('ROLLBACK');
  const bad = 'CREATE TABLE half (id INTEGER); INSERT INTO nowhere VALUES (1);';
  const root = await project({ '0001_items.sql': ITEMS, '0002_bad.sql': bad, '0003_never.sql': ITEMS });
  await expect(migrate(db, root, 'migrations')).rejects.toThrow(/migrations\/0002_bad\.sql failed.*nowhere/);
  const tables = await db.prepare("SELECT name FROM sqlite_master WHERE name IN ('items', 'half')").all();
  expect(tables.results).toEqual([{ name: 'items' }]);
  await writeFile(join(root, 'migrations', '0002_bad.sql'), 'CREATE TABLE half (id INTEGER);');
  await writeFile(join(root, 'migrations', '0003_never.sql'), 'CREATE TABLE third (id INTEGER);');
  expect(await migrate(db, root, 'migrations')).toEqual(['0002_bad.sql', '0003_never.sql']);
});

it('applies a file that was merged late, though a newer one is applied', async () => {
  const db = await miniflare.getD1Database('MERGED');
  const root = await project({ '0002_items.sql': ITEMS });
  await migrate(db, root, 'migrations');
  await writeFile(join(root, 'migrations', '0001_late.sql'), 'CREATE TABLE late (id INTEGER);');
  expect(await migrate(db, root, 'migrations')).toEqual(['0001_late.sql']);
});

it('refuses a database that a newer version has changed', async () => {
  const db = await miniflare.getD1Database('MISSING');
  await migrate(db, await project({ '0001_items.sql': ITEMS, '0009_later.sql': 'SELECT 1;' }), 'migrations');
  const older = await project({ '0001_items.sql': ITEMS });
  await expect(migrate(db, older, 'migrations')).rejects.toThrow(/0009_later\.sql.*newer version/);
});
