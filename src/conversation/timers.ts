/** What has a time of its own: messages that expire, and messages that are sent later. */
export class Timers {
  readonly #sql: SqlStorage;
  #next: number | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.refresh();
  }

  /** When the earliest is due, in ms since 1970; undefined: nothing is waiting. May be too early, never too late. */
  get next(): number | undefined {
    return this.#next;
  }

  /** Something more is due at `at`; the caller has stored it. */
  add(at: number): void {
    this.#next = Math.min(this.#next ?? at, at);
  }

  /** Reads from storage what is due next. */
  refresh(): void {
    const { next } = this.#sql
      .exec<{ next: number | null }>(
        `SELECT min(due) AS next FROM (
           SELECT min(at) AS due FROM expiring
           UNION ALL SELECT min(send_at) AS due FROM scheduled WHERE failure IS NULL)`,
      )
      .one();
    this.#next = next ?? undefined;
  }
}
