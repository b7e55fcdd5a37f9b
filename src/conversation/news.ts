import { LIMITS } from '../protocol/limits.ts';
import type { MentionRef, Placed } from './api.ts';
import type { MemberRow } from './members.ts';

/** Users whose mentions are remembered: about a kilobyte each. */
const REMEMBERED = 1000;
/** Events that change somebody's place, by what they do. */
const PLACING: ReadonlyMap<string, Placed['how']> = new Map([
  ['chat.created', 'joined'],
  ['member.joined', 'joined'],
  ['member.role', 'role'],
  ['member.left', 'removed'],
]);

/**
 * What inboxes make notifications of. Every notice says it, for a notice is the whole state; it changes rarely, so it is read
 * once and remembered.
 */
export class News {
  readonly #sql: SqlStorage;
  readonly #mentions = new Map<string, { key: string; refs: MentionRef[] }>();
  readonly #placed = new Map<number, Placed | undefined>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Somebody is mentioned, or is so no more. */
  mentionsChanged(): void {
    this.#mentions.clear();
  }

  /** The newest messages since a member came that mention them, read or not, by name or with everyone, the newest first. */
  mentions({ user_id, visible_from, joined_at }: MemberRow, hidden: number): MentionRef[] {
    const key = `${visible_from} ${joined_at} ${hidden}`;
    const known = this.#mentions.get(user_id);
    if (known?.key === key) return known.refs;
    const refs = this.#sql
      .exec<Record<string, SqlStorageValue> & MentionRef>(
        `SELECT seq, actor_id, created_at AS at, extra ->> '$.thread_seq' AS thread_seq FROM (
           SELECT seq FROM (SELECT seq FROM mentions WHERE user_id = ?1 AND seq >= ?2 ORDER BY seq DESC LIMIT ?3)
           UNION SELECT seq FROM (
             SELECT seq FROM everyone JOIN events USING (seq)
             WHERE seq >= ?2 AND actor_id <> ?1 AND (users IS NULL OR instr(users, ?1) > 0) ORDER BY seq DESC LIMIT ?3)
         ) JOIN events USING (seq)
         WHERE created_at >= ?4 AND seq NOT IN (SELECT seq FROM hidden WHERE user_id = ?1) ORDER BY seq DESC LIMIT ?3`,
        user_id,
        visible_from,
        LIMITS.mentionNotifications,
        joined_at,
      )
      .toArray();
    if (this.#mentions.size >= REMEMBERED) this.#mentions.clear();
    this.#mentions.set(user_id, { key, refs });
    return refs;
  }

  /** How a member came to the place that they have, or lost it, by what somebody else did; undefined: by themself. */
  placed({ user_id, member_seq }: MemberRow): Placed | undefined {
    if (!this.#placed.has(member_seq)) {
      if (this.#placed.size >= REMEMBERED) this.#placed.clear();
      this.#placed.set(member_seq, this.#placing(member_seq));
    }
    const placed = this.#placed.get(member_seq);
    return placed?.by === user_id ? undefined : placed;
  }

  #placing(seq: number): Placed | undefined {
    const query = 'SELECT type, actor_id, created_at FROM events WHERE seq = ?';
    const row = this.#sql.exec<{ type: string; actor_id: string; created_at: number }>(query, seq).toArray()[0];
    const how = PLACING.get(row?.type ?? '');
    return row === undefined || how === undefined ? undefined : { how, by: row.actor_id, at: row.created_at };
  }
}
