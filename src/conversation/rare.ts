const TABLES = ['mentions', 'everyone', 'hidden', 'follows', 'marks'] as const;
type Table = (typeof TABLES)[number];
const WRITTEN = TABLES.map((name) => `SELECT '${name}' AS name WHERE EXISTS (SELECT 1 FROM ${name})`).join(
  ' UNION ALL ',
);

/**
 * Tables that most conversations never write to: of one that is empty nothing is read, as each notice to an inbox would have to.
 * What was written to once counts as written to, also when that was rolled back or has been taken away.
 */
export class RareTables {
  readonly #sql: SqlStorage;
  readonly #written = new Set<Table>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** After a start: one look for all of them. */
  load(): void {
    for (const { name } of this.#sql.exec<{ name: Table }>(WRITTEN).toArray()) this.#written.add(name);
  }

  /** A row is about to be written. */
  write(table: Table): void {
    this.#written.add(table);
  }

  has(table: Table): boolean {
    return this.#written.has(table);
  }
}
