import { describe, expect, it } from 'vitest';
import { CONVERSATION_MIGRATIONS } from '../../src/conversation/schema.ts';
import { INBOX_MIGRATIONS } from '../../src/inbox/schema.ts';
import { migrate, storedVersion } from '../../src/storage/migrate.ts';
import { overStorage } from '../support/objects.ts';

const tables = ({ sql }: DurableObjectStorage) =>
  sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .toArray()
    .map((row) => row.name);
const one = 'CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT';
const two = 'CREATE TABLE two (id INTEGER PRIMARY KEY) STRICT; INSERT INTO two VALUES (1), (2)';

describe('migrations', () => {
  it('bring an empty storage, or an older one, to the newest version, each once', async () => {
    await overStorage((storage) => {
      expect(storedVersion(storage.sql)).toBe(0);
      migrate(storage, [one]);
      expect([storedVersion(storage.sql), tables(storage)]).toEqual([1, ['one', 'schema_version']]);
      migrate(storage, [one, two]);
      migrate(storage, [one, two]);
      expect([storedVersion(storage.sql), tables(storage)]).toEqual([2, ['one', 'schema_version', 'two']]);
      expect(storage.sql.exec('SELECT * FROM two').toArray()).toHaveLength(2);
    });
  });

  it('are all or nothing: one that fails leaves the storage as it was', async () => {
    await overStorage((storage) => {
      migrate(storage, [one]);
      expect(() => migrate(storage, [one, two, 'CREATE TABLE one (id INTEGER)'])).toThrow('already exists');
      expect([storedVersion(storage.sql), tables(storage)]).toEqual([1, ['one', 'schema_version']]);
    });
    await overStorage((storage) => {
      expect(() => migrate(storage, ['no SQL'])).toThrow('syntax error');
      expect([storedVersion(storage.sql), tables(storage)]).toEqual([0, []]);
    });
  });

  it('refuse a storage that newer code has written', async () => {
    await overStorage((storage) => {
      migrate(storage, [one, two]);
      expect(() => migrate(storage, [one])).toThrow('storage is at version 2, this code knows 1');
    });
  });

  it.each([
    ['a conversation', CONVERSATION_MIGRATIONS],
    ['an inbox', INBOX_MIGRATIONS],
  ])('of %s are statements that the storage takes, in tables that check their types', async (_what, migrations) => {
    await overStorage((storage) => {
      migrate(storage, migrations);
      expect(storedVersion(storage.sql)).toBe(migrations.length);
      const strict = storage.sql
        .exec<{ name: string; strict: number }>(
          "SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'",
        )
        .toArray()
        .filter(({ name }) => !name.startsWith('sqlite_') && !name.startsWith('_cf'));
      expect(strict.filter((table) => table.strict !== 1)).toEqual([]);
    });
  });
});
