/** Senders remembered before those are forgotten whose pause is over. */
const REMEMBERED = 10_000;

/**
 * When each member sent last, as far as slow mode has to know: read from the end of the log when it is first asked for, kept
 * in memory from then on. Nothing is written for it.
 */
export class SlowMode {
  readonly #sql: SqlStorage;
  #last: Map<string, number> | undefined;
  /** What `#last` reaches back to, in ms. */
  #reach = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** How long, in ms, the user has to wait for the next message; 0: not at all. */
  wait(user: string, pause: number, now: number): number {
    const last = this.#within(pause, now).get(user);
    // A time that is still to come is of a clock that was set back since, and says nothing.
    return last === undefined || last > now ? 0 : Math.max(0, last + pause - now);
  }

  sent(user: string, now: number): void {
    if (this.#last === undefined) return;
    this.#last.set(user, now);
    if (this.#last.size <= REMEMBERED) return;
    for (const [other, at] of this.#last) if (at + this.#reach <= now) this.#last.delete(other);
  }

  #within(pause: number, now: number): Map<string, number> {
    if (this.#last !== undefined && this.#reach >= pause) return this.#last;
    const last = new Map<string, number>();
    const newestFirst = this.#sql.exec<{ actor_id: string; created_at: number }>(
      "SELECT actor_id, created_at FROM events WHERE type = 'message' ORDER BY seq DESC",
    );
    for (const { actor_id, created_at } of newestFirst) {
      if (created_at + pause <= now) break;
      if (!last.has(actor_id)) last.set(actor_id, created_at);
    }
    this.#last = last;
    this.#reach = pause;
    return last;
  }
}
