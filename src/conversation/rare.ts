const TABLES = ['mentions', 'everyone', 'hidden', 'follows'] as const;
type Table = (typeof TABLES)[number];

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

  /** After a start. */
  load(): void {
    for (const table of TABLES) {
      if (this.#sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length > 0) this.#written.add(table);
    }
  }

  /** A row is about to be written. */
  write(table: Table): void {
    this.#written.add(table);
  }

  has(table: Table): boolean {
    return this.#written.has(table);
  }
}
