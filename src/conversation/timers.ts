/** What has a time of its own: messages that expire, messages that are sent later, polls that close, and links to look up. */
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
           UNION ALL SELECT min(send_at) AS due FROM scheduled WHERE failure IS NULL
           UNION ALL SELECT min(due_at) AS due FROM links
           UNION ALL SELECT min(closes_at) AS due FROM polls WHERE closed_at IS NULL)`,
      )
      .one();
    this.#next = next ?? undefined;
  }
}
