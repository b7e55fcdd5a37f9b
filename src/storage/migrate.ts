/**
 * Tables of an object's own SQLite. Migrations are append-only: one that has shipped is never edited.
 * An object that has never written has no tables at all (an empty database costs nothing, a written one some 350 KB).
 */
export type Migration = string;

export function storedVersion(sql: SqlStorage): number {
  const exists = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'").toArray();
  if (exists.length === 0) return 0;
  return sql.exec<{ version: number }>('SELECT version FROM schema_version').one().version;
}

/** Brings the tables up to the newest version. The caller holds no cursor. */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[]): void {
  const { sql } = storage;
  const from = storedVersion(sql);
  if (from > migrations.length) {
    throw new Error(`storage is at version ${from}, this code knows ${migrations.length}: deploy the newer code`);
  }
  if (from === migrations.length) return;
  storage.transactionSync(() => {
    if (from === 0) {
      sql.exec('CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (0)');
    }
    for (const migration of migrations.slice(from)) sql.exec(migration);
    sql.exec('UPDATE schema_version SET version = ?', migrations.length);
  });
}
