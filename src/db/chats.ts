import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm';
import { newId } from '../ids.ts';
import type { ChatType } from '../protocol/chats.ts';
import type { Db } from './client.ts';
import { chats, dms, workspaceMembers, workspaces } from './schema.ts';

export interface ChatEntry {
  id: string;
  created_by: string;
}

/**
 * Enters a conversation into the directory, before its room exists: nothing exists that the directory does not know.
 * Returns null when it names a workspace in which the creator may not make it (or which is gone).
 */
export async function registerChat(
  db: Db,
  chat: { type: ChatType; workspace_id: string | null; created_by: string },
  now: number,
): Promise<ChatEntry | null> {
  const id = newId('chat');
  const allowed =
    chat.workspace_id === null
      ? sql`true`
      : sql`EXISTS (SELECT 1 FROM ${workspaceMembers} JOIN ${workspaces} ON ${workspaces.id} = ${workspaceMembers.workspace_id}
          WHERE ${workspaceMembers.workspace_id} = ${chat.workspace_id}
            AND ${workspaceMembers.user_id} = ${chat.created_by} AND ${workspaces.deleted_at} IS NULL
            AND (${workspaceMembers.role} IN ('owner', 'admin') OR ${workspaceMembers.role} = 'member'
              AND (${chat.type} = 'Group' OR ${workspaces.create_channels} = 'everyone')))`;
  const entered = await db
    .insert(chats)
    .select(sql`SELECT ${id}, ${chat.type}, ${chat.workspace_id}, ${chat.created_by}, ${now}, NULL WHERE ${allowed}`)
    .returning({ id: chats.id });
  return entered.length > 0 ? { id, created_by: chat.created_by } : null;
}

/** Two users in one order, whoever begins. */
const pairKey = (a: string, b: string): string => (a < b ? `${a}:${b}` : `${b}:${a}`);

const ofPair = (db: Db, pair: string) =>
  db
    .select({ id: chats.id, created_by: chats.created_by })
    .from(dms)
    .innerJoin(chats, eq(chats.id, dms.chat_id))
    .where(eq(dms.pair_key, pair));

/** The Single of a pair, if it has been registered. */
export const findDm = (db: Db, a: string, b: string): Promise<ChatEntry | undefined> => ofPair(db, pairKey(a, b)).get();

/** The Single of a pair: the first who registers it decides its id, everybody gets the same. */
export async function registerDm(db: Db, creator: string, other: string, now: number): Promise<ChatEntry> {
  const pair = pairKey(creator, other);
  const [, , [entry]] = await db.batch([
    db
      .insert(dms)
      .values({ pair_key: pair, chat_id: newId('chat') })
      .onConflictDoNothing(),
    db
      .insert(chats)
      .select(sql`SELECT chat_id, 'Single', NULL, ${creator}, ${now}, NULL FROM ${dms} WHERE ${dms.pair_key} = ${pair}`)
      .onConflictDoNothing(),
    ofPair(db, pair),
  ]);
  if (entry === undefined) throw new Error('a registered Single has no directory entry');
  return entry;
}

/** Conversations of a workspace that are not marked deleted, by id, after `after`. */
export async function chatsOfWorkspace(db: Db, workspaceId: string, after: string, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: chats.id })
    .from(chats)
    .where(and(eq(chats.workspace_id, workspaceId), gt(chats.id, after), isNull(chats.deleted_at)))
    .orderBy(asc(chats.id))
    .limit(limit);
  return rows.map((row) => row.id);
}

/** The statement that marks a conversation as deleted. */
export const markDeleted = (db: Db, id: string, now: number) =>
  db
    .update(chats)
    .set({ deleted_at: now })
    .where(and(eq(chats.id, id), isNull(chats.deleted_at)));
