import { z } from 'zod';
import { ChatType, HistoryPolicy, JoinPolicy, Overrides } from '../protocol/chats.ts';

/** What members have made of the conversation. Stored as JSON: what is absent is as it is here. */
const Settings = z.object({
  topic: z.string().nullable().default(null),
  avatar: z.string().nullable().default(null),
  /** null: as its type has it. */
  join_policy: JoinPolicy.nullable().default(null),
  overrides: Overrides.default({}),
  /** Seconds between two messages of one member. */
  slow_mode: z.number().default(0),
  silenced: z.boolean().default(false),
  archived_at: z.number().nullable().default(null),
});
export type Settings = z.infer<typeof Settings>;
export const initialSettings = (given: Partial<Settings> = {}): Settings => Settings.parse(given);

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
  settings: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(Settings),
});
export type ChatRow = z.infer<typeof ChatRow>;

export function loadChat(sql: SqlStorage): ChatRow | undefined {
  const row = sql.exec('SELECT * FROM chat').toArray()[0];
  return row === undefined ? undefined : ChatRow.parse(row);
}

export function insertChat(sql: SqlStorage, chat: ChatRow): void {
  sql.exec(
    `INSERT INTO chat (id, type, name, workspace_id, history, epoch, member_count, created_by, created_at, updated_at,
       deleted_at, told_through, marks_through, settings)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    JSON.stringify(chat.settings),
  );
}

export function saveChat(sql: SqlStorage, chat: ChatRow): void {
  sql.exec(
    `UPDATE chat SET name = ?, history = ?, member_count = ?, updated_at = ?, deleted_at = ?, told_through = ?,
       marks_through = ?, settings = ?`,
    chat.name,
    chat.history,
    chat.member_count,
    chat.updated_at,
    chat.deleted_at,
    chat.told_through,
    chat.marks_through,
    JSON.stringify(chat.settings),
  );
}
