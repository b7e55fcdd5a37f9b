import type { MessageRow } from './row.ts';

/** A page of history on request: the same in both bare objects, and shaped as Tideline's answer to a pull is. */
export function historyPage(sql: SqlStorage, after: number, limit: number): string {
  const head = sql.exec<{ head: number }>('SELECT coalesce(max(seq), 0) AS head FROM messages').one().head;
  const events = sql
    .exec<MessageRow>(
      'SELECT seq, client_id, content, at FROM messages WHERE seq > ? ORDER BY seq LIMIT ?',
      after,
      limit,
    )
    .toArray();
  return JSON.stringify({ t: 'events', head_seq: head, events });
}
