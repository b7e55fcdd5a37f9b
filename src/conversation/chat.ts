import { z } from 'zod';
import { ChatType, HistoryPolicy } from '../protocol/chats.ts';

/** The one row of `chat`: what the conversation is, and how far it has been told and stored (see schema.ts). */
const ChatRow = z.object({
  id: z.string(),
  type: ChatType,
  name: z.string().nullable(),
  workspace_id: z.string().nullable(),
  history: HistoryPolicy,
  epoch: z.string(),
  member_count: z.number(),
  created_by: z.string(),
  created_at: z.number(),
  updated_at: z.number(),
  deleted_at: z.number().nullable(),
  told_through: z.number(),
  marks_through: z.number(),
});
export type ChatRow = z.infer<typeof ChatRow>;

export function loadChat(sql: SqlStorage): ChatRow | undefined {
  const row = sql.exec('SELECT * FROM chat').toArray()[0];
  return row === undefined ? undefined : ChatRow.parse(row);
}

export function insertChat(sql: SqlStorage, chat: ChatRow): void {
  sql.exec(
    `INSERT INTO chat (id, type, name, workspace_id, history, epoch, member_count, created_by, created_at, updated_at,
       deleted_at, told_through, marks_through) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    chat.id,
    chat.type,
    chat.name,
    chat.workspace_id,
    chat.history,
    chat.epoch,
    chat.member_count,
    chat.created_by,
    chat.created_at,
    chat.updated_at,
    chat.deleted_at,
    chat.told_through,
    chat.marks_through,
  );
}

export function saveChat(sql: SqlStorage, chat: ChatRow): void {
  sql.exec(
    `UPDATE chat SET epoch = ?, name = ?, history = ?, member_count = ?, updated_at = ?, deleted_at = ?, told_through = ?,
       marks_through = ?`,
    chat.epoch,
    chat.name,
    chat.history,
    chat.member_count,
    chat.updated_at,
    chat.deleted_at,
    chat.told_through,
    chat.marks_through,
  );
}
