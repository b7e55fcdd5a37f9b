import { Retention, type UpdateRetention } from '../protocol/chats.ts';
import { ok, type Result } from '../protocol/errors.ts';
import type { Commit, Conversation } from './conversation.ts';

/** How a conversation begins: two days to change one's mind, and nothing disappears. */
const INITIAL: Retention = { edit_window: 48 * 3600, recall_window: 48 * 3600, message_timer: null };

export function loadRetention(sql: SqlStorage): Retention {
  const row = sql.exec('SELECT * FROM retention').toArray()[0];
  return row === undefined ? INITIAL : Retention.parse(row);
}

/** Sets windows and timer. A timer holds for what is sent from now on. */
export function updateRetention(conversation: Conversation, user: string, patch: UpdateRetention): Result<Commit> {
  const actor = conversation.actor(user, 'update');
  if (!actor.ok) return actor;
  const now = conversation.retention;
  const retention = Retention.parse({ ...now, ...patch });
  if (JSON.stringify(retention) === JSON.stringify(now)) return ok({ events: [], ended: [] });
  return ok(
    conversation.change(() => {
      const event = conversation.append(user, 'chat.updated', { retention });
      conversation.chat.updated_at = event.created_at;
      conversation.retain(retention);
      const { edit_window, recall_window, message_timer } = retention;
      conversation.sql.exec('DELETE FROM retention');
      conversation.sql.exec('INSERT INTO retention VALUES (?, ?, ?)', edit_window, recall_window, message_timer);
      return { events: [event], ended: [] };
    }),
  );
}
