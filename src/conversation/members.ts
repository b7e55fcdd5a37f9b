import { z } from 'zod';
import type { Role } from '../protocol/chats.ts';
import { Role as RoleSchema } from '../protocol/chats.ts';

const State = z.enum(['member', 'left', 'removed']);
export type MemberState = z.infer<typeof State>;

/**
 * One person in the conversation, or one who was. Watermarks only grow and never pass the head;
 * `delivered_seq >= read_seq` always.
 */
export interface MemberRow {
  readonly user_id: string;
  role: Role;
  state: MemberState;
  /** seq of the event that last changed the membership. */
  member_seq: number;
  joined_at: number;
  visible_from: number;
  read_seq: number;
  delivered_seq: number;
  /** Whether the inbox is told of news, or has to look first (large and huge rooms). */
  armed: boolean;
}

interface Stored extends Record<string, SqlStorageValue> {
  user_id: string;
  role: string;
  state: string;
  member_seq: number;
  joined_at: number;
  visible_from: number;
  read_seq: number;
  delivered_seq: number;
  armed: number;
}

const fromStored = (row: Stored): MemberRow => ({
  user_id: row.user_id,
  role: RoleSchema.parse(row.role),
  state: State.parse(row.state),
  member_seq: row.member_seq,
  joined_at: row.joined_at,
  visible_from: row.visible_from,
  read_seq: row.read_seq,
  delivered_seq: row.delivered_seq,
  armed: row.armed === 1,
});

/**
 * The members of one conversation: the authority. Rows are read when they are first asked for and kept; watermarks change
 * in memory and are stored in batches (`storeMarks`), membership is stored at once.
 */
export class Members {
  readonly #sql: SqlStorage;
  readonly #cache = new Map<string, MemberRow>();
  /** Rows whose watermarks, or whose disarming, storage does not have yet. */
  readonly #dirty = new Set<MemberRow>();
  /** Read marks that the log implies and storage does not have. */
  #implied: Map<string, number>;
  #armed: Set<MemberRow> | undefined;

  constructor(sql: SqlStorage, implied: Map<string, number>) {
    this.#sql = sql;
    this.#implied = implied;
  }

  /** Somebody who is or was in the conversation. */
  known(userId: string): MemberRow | undefined {
    const cached = this.#cache.get(userId);
    if (cached !== undefined) return cached;
    const row = this.#sql.exec<Stored>('SELECT * FROM members WHERE user_id = ?', userId).toArray()[0];
    return row === undefined ? undefined : this.#keep(row);
  }

  /** Somebody who is in the conversation now. */
  current(userId: string): MemberRow | undefined {
    const row = this.known(userId);
    return row?.state === 'member' ? row : undefined;
  }

  /** Current members, by user id, after a user id. */
  page(after: string, limit: number): MemberRow[] {
    return this.#sql
      .exec<Stored>(
        "SELECT * FROM members WHERE state = 'member' AND user_id > ? ORDER BY user_id LIMIT ?",
        after,
        limit,
      )
      .toArray()
      .map((row) => this.#cache.get(row.user_id) ?? this.#keep(row));
  }

  /** Current members whose inboxes are told of news. */
  armed(): ReadonlySet<MemberRow> {
    if (this.#armed === undefined) {
      const stored = this.#sql.exec<Stored>("SELECT * FROM members WHERE state = 'member' AND armed = 1").toArray();
      this.#armed = new Set(
        stored.map((row) => this.#cache.get(row.user_id) ?? this.#keep(row)).filter((row) => row.armed),
      );
    }
    return this.#armed;
  }

  /** The room has become small: everybody is told again. */
  armAll(): void {
    this.#sql.exec("UPDATE members SET armed = 1 WHERE state = 'member' AND armed = 0");
    for (const row of this.#cache.values()) row.armed = row.state === 'member';
    this.#armed = undefined;
  }

  /** The longest-standing current member. */
  eldest(): MemberRow | undefined {
    const row = this.#sql
      .exec<Stored>("SELECT * FROM members WHERE state = 'member' ORDER BY joined_at, member_seq, user_id LIMIT 1")
      .toArray()[0];
    return row === undefined ? undefined : (this.#cache.get(row.user_id) ?? this.#keep(row));
  }

  /** Stores a membership as it is now, new or changed. */
  put(row: MemberRow): MemberRow {
    this.#sql.exec(
      `INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, state = excluded.state, member_seq = excluded.member_seq,
         joined_at = excluded.joined_at, visible_from = excluded.visible_from, read_seq = excluded.read_seq,
         delivered_seq = excluded.delivered_seq, armed = excluded.armed`,
      row.user_id,
      row.role,
      row.state,
      row.member_seq,
      row.joined_at,
      row.visible_from,
      row.read_seq,
      row.delivered_seq,
      row.armed ? 1 : 0,
    );
    const kept = this.#cache.get(row.user_id);
    if (kept !== undefined && kept !== row) Object.assign(kept, row);
    else this.#cache.set(row.user_id, row);
    const now = kept ?? row;
    this.#dirty.delete(now);
    if (now.state === 'member' && now.armed) this.#armed?.add(now);
    else this.#armed?.delete(now);
    return now;
  }

  /** Raises watermarks; both are capped at head. Returns whether anything moved. Stored by the next `storeMarks`. */
  advance(row: MemberRow, marks: { read?: number; delivered?: number }, head: number): boolean {
    const read = Math.max(row.read_seq, Math.min(marks.read ?? 0, head));
    const delivered = Math.max(row.delivered_seq, Math.min(marks.delivered ?? 0, head), read);
    if (read === row.read_seq && delivered === row.delivered_seq) return false;
    row.read_seq = read;
    row.delivered_seq = delivered;
    this.#dirty.add(row);
    return true;
  }

  /** No more notices until the user looks. Stored lazily: if it is lost, the inbox is told once more than needed. */
  disarm(row: MemberRow): void {
    if (!row.armed) return;
    row.armed = false;
    this.#armed?.delete(row);
    this.#dirty.add(row);
  }

  /** Notices again. Stored at once: if it were lost, the inbox would wait for ever. */
  arm(row: MemberRow): void {
    if (row.armed) return;
    row.armed = true;
    this.#armed?.add(row);
    this.#sql.exec('UPDATE members SET armed = 1 WHERE user_id = ?', row.user_id);
  }

  /** Writes the watermarks that changed since the last time: one row each. */
  storeMarks(): void {
    for (const row of this.#dirty) {
      this.#sql.exec(
        'UPDATE members SET read_seq = ?, delivered_seq = ?, armed = ? WHERE user_id = ?',
        row.read_seq,
        row.delivered_seq,
        row.armed ? 1 : 0,
        row.user_id,
      );
    }
    // Everything that the log implied was either never asked for (and stays in #implied) or is in a cached row now.
    for (const [userId, seq] of this.#implied) {
      if (!this.#cache.has(userId)) {
        this.#sql.exec(
          'UPDATE members SET read_seq = max(read_seq, ?1), delivered_seq = max(delivered_seq, ?1) WHERE user_id = ?2',
          seq,
          userId,
        );
      }
    }
    this.#implied = new Map();
    this.#dirty.clear();
  }

  #keep(stored: Stored): MemberRow {
    const row = fromStored(stored);
    const implied = this.#implied.get(row.user_id) ?? 0;
    if (implied > row.read_seq && row.state === 'member') {
      row.read_seq = implied;
      row.delivered_seq = Math.max(row.delivered_seq, implied);
      this.#dirty.add(row);
    }
    this.#cache.set(row.user_id, row);
    return row;
  }
}
