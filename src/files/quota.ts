import { eq, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { fileUsage } from '../db/schema.ts';
import { LIMITS } from '../protocol/limits.ts';

export const QUOTA = { user: LIMITS.storagePerUser, workspace: LIMITS.storagePerWorkspace } as const;

/** Holds while so many bytes more fit into what the user, and the workspace if there is one, may store. */
export function fits(userId: string, workspaceId: string | null, size: number): SQL {
  const room = (scope: string, limit: number) =>
    sql`coalesce((SELECT bytes FROM ${fileUsage} WHERE scope = ${scope}), 0) + ${size} <= ${limit}`;
  const forUser = room(userId, QUOTA.user);
  return workspaceId === null ? forUser : sql`${forUser} AND ${room(workspaceId, QUOTA.workspace)}`;
}

export const usedBy = async (db: Db, scope: string): Promise<number> =>
  (await db.select({ bytes: fileUsage.bytes }).from(fileUsage).where(eq(fileUsage.scope, scope)).get())?.bytes ?? 0;
