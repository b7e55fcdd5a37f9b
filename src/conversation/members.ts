import { z } from 'zod';
import { timestamp } from '../clock.ts';
import type { Member, Role } from '../protocol/chats.ts';
import { Role as RoleSchema } from '../protocol/chats.ts';
import type { Marked, Marks } from './marks.ts';

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
  nickname: string | null;
  /** Milliseconds since 1970; null: not muted. */
  muted_until: number | null;
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
  nickname: string | null;
  muted_until: number | null;
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
  nickname: row.nickname,
  muted_until: row.muted_until,
});

/** What of a place in the conversation is not said for everybody. */
export const placeOf = ({ nickname, muted_until }: MemberRow): Pick<Member, 'nickname' | 'muted_until'> => ({
  ...(nickname === null ? {} : { nickname }),
  ...(muted_until === null ? {} : { muted_until: timestamp(muted_until) }),
});

export const memberOf = (row: MemberRow): Member => ({
  user_id: row.user_id,
  role: row.role,
  ...placeOf(row),
  joined_at: timestamp(row.joined_at),
  read_seq: row.read_seq,
  delivered_seq: row.delivered_seq,
});

/**
 * The members of one conversation: the authority. Rows are read when they are first asked for and kept; watermarks change
 * in memory and are stored in batches (`storeMarks`), membership is stored at once. Who sends has read: such marks the log
 * implies, so they need no row of their own until the log has grown.
 */
export class Members {
  readonly #sql: SqlStorage;
  readonly #cache = new Map<string, MemberRow>();
  /** Rows whose watermarks neither storage has nor the log implies. */
  readonly #dirty = new Set<MemberRow>();
  /** Rows whose watermarks the log implies and storage does not have. */
  readonly #sent = new Set<MemberRow>();
  /** Rows that storage has as armed, and that are to be stored as disarmed. */
  readonly #disarmed = new Set<MemberRow>();
  /** Rows that storage has as armed, and goes on having so. */
  readonly #hushed = new Set<MemberRow>();
  /** Read marks that the log implies and storage does not have, as they were at the start. */
  #implied: Map<string, number>;
  readonly #marks: Marks;
  #armed: Set<MemberRow> | undefined;

  constructor(sql: SqlStorage, implied: Map<string, number>, marks: Marks) {
    this.#sql = sql;
    this.#implied = implied;
    this.#marks = marks;
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

  ids(): string[] {
    return this.#sql
      .exec<{ user_id: string }>("SELECT user_id FROM members WHERE state = 'member'")
      .toArray()
      .map((row) => row.user_id);
  }

  /** Current members with a nickname that begins so, by nickname. Letters of ASCII are compared without regard to case. */
  byNickname(prefix: string, limit: number): MemberRow[] {
    return this.#sql
      .exec<Stored>(
        `SELECT * FROM members WHERE nickname >= ?1 COLLATE NOCASE AND nickname < ?1 || char(1114111) COLLATE NOCASE
         AND state = 'member' ORDER BY nickname COLLATE NOCASE LIMIT ?2`,
        prefix,
        limit,
      )
      .toArray()
      .map((row) => this.#cache.get(row.user_id) ?? this.#keep(row));
  }

  /** Whether anybody but this one is an owner. */
  hasOtherOwner(userId: string): boolean {
    return (
      this.#sql
        .exec("SELECT 1 FROM members WHERE state = 'member' AND role = 'owner' AND user_id <> ? LIMIT 1", userId)
        .toArray().length > 0
    );
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
    this.#disarmed.clear();
    this.#hushed.clear();
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
    const kept = this.#cache.get(row.user_id);
    // Of a member who is hushed storage goes on saying that they are armed: they are again in the next life.
    const hushed = kept !== undefined && this.#hushed.has(kept) && row.state === 'member' && !row.armed;
    this.#sql.exec(
      `INSERT INTO members (user_id, role, state, member_seq, joined_at, visible_from, read_seq, delivered_seq, armed,
         nickname, muted_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, state = excluded.state, member_seq = excluded.member_seq,
         joined_at = excluded.joined_at, visible_from = excluded.visible_from, read_seq = excluded.read_seq,
         delivered_seq = excluded.delivered_seq, armed = excluded.armed,
         nickname = excluded.nickname, muted_until = excluded.muted_until`,
      row.user_id,
      row.role,
      row.state,
      row.member_seq,
      row.joined_at,
      row.visible_from,
      row.read_seq,
      row.delivered_seq,
      row.armed || hushed ? 1 : 0,
      row.nickname,
      row.muted_until,
    );
    // Or the rows that members share would grow with all who ever were.
    if (row.state !== 'member') this.#marks.forget(row.user_id);
    if (kept !== undefined && kept !== row) Object.assign(kept, row);
    else this.#cache.set(row.user_id, row);
    const now = kept ?? row;
    for (const unstored of [this.#dirty, this.#sent, this.#disarmed]) unstored.delete(now);
    if (!hushed) this.#hushed.delete(now);
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

  /** Raises the watermarks of one who has sent the message with this seq. */
  sent(row: MemberRow, seq: number): void {
    if (seq <= row.read_seq) return;
    row.read_seq = seq;
    row.delivered_seq = Math.max(row.delivered_seq, seq);
    this.#sent.add(row);
  }

  /**
   * No more notices until the user looks. `lasting`: stored, lazily: if it is lost, the inbox is told once more than needed.
   * Else for this life only: then a look has nothing to store either.
   */
  disarm(row: MemberRow, { lasting }: { lasting: boolean }): void {
    if (!row.armed) return;
    row.armed = false;
    this.#armed?.delete(row);
    (lasting ? this.#disarmed : this.#hushed).add(row);
  }

  /** Notices again. Stored at once: if it were lost, the inbox would wait for ever. */
  arm(row: MemberRow): void {
    if (row.armed) return;
    row.armed = true;
    this.#armed?.add(row);
    // Storage may not have heard of the disarming.
    if (this.#hushed.delete(row) || this.#disarmed.delete(row)) return;
    this.#sql.exec('UPDATE members SET armed = 1 WHERE user_id = ?', row.user_id);
  }

  /** Whether anything has changed that only `storeMarks` brings into storage. */
  get unstored(): boolean {
    return this.#dirty.size > 0 || this.#disarmed.size > 0;
  }

  /**
   * Writes what changed since the last time, in a conversation of `among` members: marks that moved together in a few rows.
   * `implied`: also the marks that the log implies.
   */
  storeMarks({ implied, among }: { implied: boolean; among: number }): void {
    const moved: Marked[] = [...(implied ? new Set([...this.#dirty, ...this.#sent]) : this.#dirty)];
    if (implied) {
      // Who is left in #implied was never asked for; the others are in cached rows.
      for (const [user_id, seq] of this.#implied) {
        if (!this.#cache.has(user_id)) moved.push({ user_id, read_seq: seq, delivered_seq: seq });
      }
      this.#implied = new Map();
    }
    if (!this.#marks.store(moved, among)) {
      for (const { read_seq, delivered_seq, user_id } of moved) {
        this.#sql.exec(
          'UPDATE members SET read_seq = max(read_seq, ?), delivered_seq = max(delivered_seq, ?) WHERE user_id = ?',
          read_seq,
          delivered_seq,
          user_id,
        );
      }
    }
    if (implied) this.#sent.clear();
    else for (const row of this.#dirty) this.#sent.delete(row);
    this.#dirty.clear();
    // A statement of its own: an index holds those who are armed, and would be written for every mark.
    for (const row of this.#disarmed) {
      this.#sql.exec('UPDATE members SET armed = 0 WHERE user_id = ?', row.user_id);
    }
    this.#disarmed.clear();
  }

  #keep(stored: Stored): MemberRow {
    const row = fromStored(stored);
    const { read_seq, delivered_seq } = this.#marks.newest(row);
    row.read_seq = read_seq;
    row.delivered_seq = delivered_seq;
    const implied = this.#implied.get(row.user_id) ?? 0;
    if (implied > row.read_seq && row.state === 'member') {
      row.read_seq = implied;
      row.delivered_seq = Math.max(row.delivered_seq, implied);
      this.#sent.add(row);
    }
    this.#cache.set(row.user_id, row);
    return row;
  }
}
