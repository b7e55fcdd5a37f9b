export interface HeldBlock {
  user_id: string;
  blocked: boolean;
  version: number;
}

/**
 * Who of the two people of a Single has blocked the other: a projection of D1, told at least once and in any order. It may be
 * told before the conversation begins, so that none begins without it.
 */
export class Blocks {
  readonly #sql: SqlStorage;
  readonly #by: Set<string>;

  /** @param stored whether the tables exist */
  constructor(sql: SqlStorage, stored: boolean) {
    this.#sql = sql;
    const rows = stored ? sql.exec<{ user_id: string }>('SELECT user_id FROM blocks WHERE blocked = 1').toArray() : [];
    this.#by = new Set(rows.map((row) => row.user_id));
  }

  /** The tables exist. The highest version holds. */
  set(user: string, { blocked, version }: { blocked: boolean; version: number }): void {
    const written = this.#sql.exec(
      `INSERT INTO blocks VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET blocked = excluded.blocked,
         version = excluded.version WHERE excluded.version > version RETURNING user_id`,
      user,
      blocked ? 1 : 0,
      version,
    );
    if (written.toArray().length === 0) return;
    if (blocked) this.#by.add(user);
    else this.#by.delete(user);
  }

  /** What is stored of whom, for an audit. */
  held(): HeldBlock[] {
    return this.#sql
      .exec<{ user_id: string; blocked: number; version: number }>('SELECT * FROM blocks')
      .toArray()
      .map(({ blocked, ...row }) => ({ ...row, blocked: blocked === 1 }));
  }

  /** Takes what D1 has, also where what is stored has a higher version: D1 was restored to an earlier state. */
  mend(user: string, block: { blocked: boolean; version: number }): void {
    this.#sql.exec('UPDATE blocks SET version = -1 WHERE user_id = ?', user);
    this.set(user, block);
  }

  /** Somebody else has blocked this user. */
  bar(user: string): boolean {
    return this.#by.size > (this.#by.has(user) ? 1 : 0);
  }
}
