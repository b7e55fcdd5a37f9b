import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Announcement, AnnouncementReader } from '../protocol/people.ts';
import type { Conversation } from './conversation.ts';
import { answer, type Outcome, type PageAfter, type PageOf, pageOf } from './outcome.ts';

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  text: string;
  announced_by: string;
  announced_at: number;
  readers: number;
}

const NONE = refuse('not_found', 'there is no announcement');

const current = (sql: SqlStorage): Row | undefined => sql.exec<Row>('SELECT * FROM announcement').toArray()[0];

const hasRead = (sql: SqlStorage, user: string, seq: number): boolean =>
  sql.exec('SELECT 1 FROM announcement_reads WHERE user_id = ? AND seq = ?', user, seq).toArray().length > 0;

const toAnnouncement = (sql: SqlStorage, row: Row, user: string): Announcement => ({
  seq: row.seq,
  text: row.text,
  by: row.announced_by,
  at: timestamp(row.announced_at),
  readers: row.readers,
  read: hasRead(sql, user, row.seq),
});

/** Puts up an announcement in the place of the one before, or takes it down. Nobody has read a new one. */
export function announce(
  conversation: Conversation,
  user: string,
  text: string | null,
): Result<Outcome<Announcement | null>> {
  const actor = conversation.actor(user, 'announce');
  if (!actor.ok) return actor;
  const { sql } = conversation;
  const before = current(sql);
  if ((before?.text ?? null) === text) {
    return answer(before === undefined ? null : toAnnouncement(sql, before, user));
  }
  const commit = conversation.change(() => {
    const event = conversation.append(user, 'chat.announced', { text });
    sql.exec('DELETE FROM announcement');
    if (text !== null) {
      sql.exec('INSERT INTO announcement VALUES (?, ?, ?, ?, 0)', event.seq, text, user, event.created_at);
    }
    return { events: [event], ended: [] };
  });
  const now = current(sql);
  return ok({ commit, value: now === undefined ? null : toAnnouncement(sql, now, user) });
}

export function getAnnouncement(conversation: Conversation, user: string): Result<Outcome<Announcement>> {
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const row = current(conversation.sql);
  return row === undefined ? NONE : answer(toAnnouncement(conversation.sql, row, user));
}

/** A member has read the announcement. A mark as a read mark is, not an event: doing it again changes nothing. */
export function readAnnouncement(conversation: Conversation, user: string): Result<Outcome<null>> {
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const { sql } = conversation;
  const row = current(sql);
  if (row === undefined) return NONE;
  if (hasRead(sql, user, row.seq)) return answer(null);
  conversation.transaction(() => {
    sql.exec(
      `INSERT INTO announcement_reads VALUES (?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, read_at = excluded.read_at`,
      user,
      row.seq,
      conversation.now,
    );
    sql.exec('UPDATE announcement SET readers = readers + 1');
  });
  return answer(null);
}

/** Who has read the announcement, by user id, for the members. */
export function listReaders(
  conversation: Conversation,
  user: string,
  page: PageAfter,
): Result<Outcome<PageOf<AnnouncementReader>>> {
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const row = current(conversation.sql);
  if (row === undefined) return NONE;
  const rows = conversation.sql
    .exec<{ user_id: string; read_at: number }>(
      'SELECT user_id, read_at FROM announcement_reads WHERE seq = ? AND user_id > ? ORDER BY user_id LIMIT ?',
      row.seq,
      page.after ?? '',
      page.limit + 1,
    )
    .toArray();
  return answer(pageOf(rows, page.limit, ({ user_id, read_at }) => ({ user_id, read_at: timestamp(read_at) })));
}
