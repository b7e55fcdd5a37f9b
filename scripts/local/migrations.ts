import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Miniflare } from 'miniflare';
import { Fault, messageOf } from './fault.ts';

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>;

// The table that `wrangler d1 migrations` keeps, so that either tool can go on where the other stopped.
const TABLE = 'd1_migrations';

/**
 * Applies the migrations that a database has not seen, in the order of their names. A file and its record are one
 * transaction: a file that fails leaves nothing behind and stops the start.
 *
 * @returns the names of the files applied
 * @throws Fault naming the file
 */
export async function migrate(db: Database, root: string, folder: string): Promise<string[]> {
  await db
    .prepare(
      `CREATE TABLE IF NOT EXISTS ${TABLE} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
    )
    .run();
  const { results } = await db.prepare(`SELECT name FROM ${TABLE} ORDER BY id`).all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const directory = join(root, folder);
  const files = new Set((await readdir(directory)).filter((name) => name.endsWith('.sql')));
  for (const name of applied) {
    if (!files.has(name)) {
      throw new Fault(
        `the database has migration ${name}, which ${folder}/ lacks: STATE_DIR was last used by a newer version of Tideline`,
      );
    }
  }
  if ([...files].every((name) => applied.has(name))) return [];

  // Loaded only when there is work: it knows how to cut a file into statements, and takes half a second to load.
  const { readD1Migrations } = await import('@cloudflare/vitest-plugin');
  const done: string[] = [];
  for (const migration of await readD1Migrations(directory)) {
    const name = basename(migration.name);
    if (applied.has(name)) continue;
    const record = db.prepare(`INSERT INTO ${TABLE} (name) VALUES (?)`).bind(name);
    try {
      await db.batch([...migration.queries.map((query) => db.prepare(query)), record]);
    } catch (error) {
      throw new Fault(`migration ${folder}/${name} failed and was rolled back: ${messageOf(error)}`, { cause: error });
    }
    done.push(name);
  }
  return done;
}
