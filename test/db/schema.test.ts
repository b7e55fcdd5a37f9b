import { env } from 'cloudflare:workers';
import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core';
import { expect, it } from 'vitest';
import { uniqueViolation } from '../../src/db/client.ts';
import * as schema from '../../src/db/schema.ts';

const tables = Object.values(schema).filter((value) => is(value, SQLiteTable));
const named = (sql: string, ...values: string[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .all<Record<string, string | number>>()
    .then(({ results }) => results);

it.each(tables.map((table) => [getTableName(table), table] as const))(
  '%s is in D1 as it is declared',
  async (name, table) => {
    const columns = await named('SELECT name, type, "notnull" FROM pragma_table_info(?)', name);
    expect(columns).toEqual(
      Object.values(getTableColumns(table)).map((column) => ({
        name: column.name,
        type: column.getSQLType().toUpperCase(),
        notnull: Number(column.notNull),
      })),
    );
    const indexes = await named(`SELECT name FROM pragma_index_list(?) WHERE origin = 'c'`, name);
    expect(indexes.map((index) => index.name).sort()).toEqual(
      getTableConfig(table)
        .indexes.map((index) => index.config.name)
        .sort(),
    );
  },
);

it('declares every table that the migrations make', async () => {
  const made = await named(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'd1_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite_%'`,
  );
  expect(made.map((row) => row.name).sort()).toEqual(tables.map(getTableName).sort());
});

it('names the index that a write ran into, however deep the cause', () => {
  const engine = new Error('D1_ERROR: UNIQUE constraint failed: users.email: SQLITE_CONSTRAINT');
  expect(uniqueViolation(new Error('Failed query', { cause: engine }))).toBe('users.email');
  expect(uniqueViolation(new Error('no such table'))).toBeUndefined();
});
