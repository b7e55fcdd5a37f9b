import { and, asc, eq, gt, isNull, lte, ne, or, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { timestamp } from '../clock.ts';
import type { Workspace, WorkspaceMember, WorkspaceRole } from '../protocol/workspaces.ts';
import type { Db } from './client.ts';
import { chats, users, workspaceMembers, workspaces } from './schema.ts';

/*
 * Workspaces and their members in D1. Who may do what is decided in src/workspaces; what must hold at the moment of a write
 * (the role of who writes, an owner who stays) is a condition of the statement.
 */

export type WorkspaceRow = typeof workspaces.$inferSelect;
export interface Page {
  cursor?: string | undefined;
  limit: number;
}
export interface PageOf<T> {
  items: T[];
  next_cursor: string | null;
}

const ChatIds = z.array(z.string());
export const defaultChatsOf = (row: WorkspaceRow): string[] => ChatIds.parse(JSON.parse(row.default_chat_ids));

/** The workspace as somebody with this role has it. */
export const toWorkspace = (row: WorkspaceRow, role: WorkspaceRole): Workspace => ({
  id: row.id,
  name: row.name,
  description: row.description,
  owner_id: row.owner_id,
  role,
  create_channels: row.create_channels,
  retention_days: row.retention_days,
  max_file_bytes: row.max_file_bytes,
  default_chat_ids: role === 'guest' ? [] : defaultChatsOf(row),
  deleting_at: row.deleting_at === null ? null : timestamp(row.deleting_at),
  created_at: timestamp(row.created_at),
  updated_at: timestamp(row.updated_at),
});

/** One parameter for any number of ids: D1 allows 100 in a statement. */
const among = (column: typeof workspaceMembers.user_id | typeof chats.id, ids: readonly string[]) =>
  sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;

const alive = (id: string) => and(eq(workspaces.id, id), isNull(workspaces.deleted_at));

/** The statements that make a workspace. */
export const makingWorkspace = (db: Db, row: typeof workspaces.$inferInsert) =>
  [
    db.insert(workspaces).values(row),
    db
      .insert(workspaceMembers)
      .values({ workspace_id: row.id, user_id: row.owner_id, role: 'owner', joined_at: row.created_at }),
  ] as const;

/** Workspaces that the user is in, by id. */
export async function listWorkspaces(db: Db, userId: string, page: Page): Promise<PageOf<Workspace>> {
  const rows = await db
    .select({ workspace: workspaces, role: workspaceMembers.role })
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspace_id))
    .where(
      and(
        eq(workspaceMembers.user_id, userId),
        gt(workspaceMembers.workspace_id, page.cursor ?? ''),
        isNull(workspaces.deleted_at),
      ),
    )
    .orderBy(asc(workspaceMembers.workspace_id))
    .limit(page.limit + 1);
  const items = rows.slice(0, page.limit).map(({ workspace, role }) => toWorkspace(workspace, role));
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** How a user has each workspace that they are in, and each of `others`: with its version, null where they have it not. */
export async function seatsOf(
  db: Db,
  userId: string,
  others: readonly string[],
): Promise<{ id: string; version: number; value: Workspace | null }[]> {
  const rows = await db
    .select({ workspace: workspaces, role: workspaceMembers.role })
    .from(workspaces)
    .leftJoin(
      workspaceMembers,
      and(eq(workspaceMembers.workspace_id, workspaces.id), eq(workspaceMembers.user_id, userId)),
    )
    .where(
      sql`${workspaces.id} IN (SELECT value FROM json_each(${JSON.stringify(others)})
        UNION SELECT workspace_id FROM workspace_members WHERE user_id = ${userId})`,
    );
  return rows.map(({ workspace, role }) => ({
    id: workspace.id,
    version: workspace.version,
    value: role === null || workspace.deleted_at !== null ? null : toWorkspace(workspace, role),
  }));
}

/** A workspace and the user's role in it; undefined to a stranger, and once it is deleted. */
export const findSeat = (
  db: Db,
  id: string,
  userId: string,
): Promise<{ workspace: WorkspaceRow; role: WorkspaceRole } | undefined> =>
  db
    .select({ workspace: workspaces, role: workspaceMembers.role })
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspace_id))
    .where(and(eq(workspaceMembers.workspace_id, id), eq(workspaceMembers.user_id, userId), alive(id)))
    .get();

export const findWorkspace = (db: Db, id: string): Promise<WorkspaceRow | undefined> =>
  db.select().from(workspaces).where(alive(id)).get();

/** The role of a user; undefined when they are not in it. */
export const roleIn = async (db: Db, id: string, userId: string): Promise<WorkspaceRole | undefined> =>
  (await findSeat(db, id, userId))?.role;

/** Holds while the user is in the workspace with one of these roles. */
export const hasRole = (id: string, userId: string, roles: readonly WorkspaceRole[]): SQL =>
  sql`EXISTS (SELECT 1 FROM workspace_members AS actor JOIN workspaces AS place ON place.id = actor.workspace_id
    WHERE actor.workspace_id = ${id} AND actor.user_id = ${userId} AND place.deleted_at IS NULL
      AND actor.role IN (SELECT value FROM json_each(${JSON.stringify(roles)})))`;

/**
 * The statement behind every change: it gives the change its version, and names another owner where the named one is none
 * any more.
 */
export const versioning = (db: Db, id: string) =>
  db
    .update(workspaces)
    .set({
      version: sql`${workspaces.version} + 1`,
      // Not one ORDER BY with the named owner first: some versions of SQLite do not see the outer row there.
      owner_id: sql`CASE
        WHEN EXISTS (SELECT 1 FROM workspace_members AS m
          WHERE m.workspace_id = ${id} AND m.role = 'owner' AND m.user_id = ${workspaces.owner_id}) THEN ${workspaces.owner_id}
        ELSE coalesce((SELECT m.user_id FROM workspace_members AS m WHERE m.workspace_id = ${id} AND m.role = 'owner'
          ORDER BY m.joined_at, m.user_id LIMIT 1), ${workspaces.owner_id}) END`,
    })
    .where(eq(workspaces.id, id));

/** The statement that changes a workspace under a condition; gives back the row when it held. */
export const changingWorkspace = (
  db: Db,
  id: string,
  set: { [K in keyof WorkspaceRow]?: WorkspaceRow[K] | undefined },
  ...conditions: SQL[]
) =>
  db
    .update(workspaces)
    .set({ ...set, version: sql`${workspaces.version} + 1` })
    .where(and(alive(id), ...conditions))
    .returning();

/** Those of the conversations that are public channels of the workspace. */
export async function publicChannelsAmong(db: Db, id: string, chatIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .select({ id: chats.id })
    .from(chats)
    .where(
      and(
        eq(chats.workspace_id, id),
        eq(chats.type, 'PublicChannel'),
        isNull(chats.deleted_at),
        among(chats.id, chatIds),
      ),
    );
  return rows.map((row) => row.id);
}

// Members

const personOf = {
  user_id: workspaceMembers.user_id,
  fullname: users.fullname,
  handle: users.handle,
  avatar: users.avatar,
  role: workspaceMembers.role,
  joined_at: workspaceMembers.joined_at,
};
const toPerson = (row: Omit<WorkspaceMember, 'joined_at'> & { joined_at: number }): WorkspaceMember => ({
  ...row,
  joined_at: timestamp(row.joined_at),
});

const selectingPeople = (db: Db, id: string, ...conditions: (SQL | undefined)[]) =>
  db
    .select(personOf)
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.user_id))
    .where(and(eq(workspaceMembers.workspace_id, id), ...conditions))
    .orderBy(asc(workspaceMembers.user_id));

/** What the directory is searched by. */
export interface PeopleFilter {
  /** The beginning of a handle, or of a word of the name. */
  q?: string | undefined;
  role?: WorkspaceRole | undefined;
}

const escaped = (text: string): string => text.replaceAll(/[\\%_]/g, (mark) => `\\${mark}`);

/** LIKE ignores the case of ASCII alone: other letters are tried as written, small, and with a capital. */
function named(q: string): SQL {
  const small = q.toLowerCase();
  const forms = [...new Set([q, small, small.charAt(0).toUpperCase() + small.slice(1)])].map(escaped);
  const patterns = forms.flatMap((form) => [`${form}%`, `% ${form}%`]);
  const names = patterns.map((pattern) => sql`${users.fullname} LIKE ${pattern} ESCAPE '\\'`);
  const handle = sql`${users.handle} LIKE ${`${escaped(small)}%`} ESCAPE '\\'`;
  return sql`(${or(handle, ...names)})`;
}

const matching = ({ q, role }: PeopleFilter): (SQL | undefined)[] => [
  q === undefined || q === '' ? undefined : named(q),
  role === undefined ? undefined : eq(workspaceMembers.role, role),
];

/** People of a workspace, by id. */
export async function listPeople(db: Db, id: string, page: Page & PeopleFilter): Promise<PageOf<WorkspaceMember>> {
  const after = gt(workspaceMembers.user_id, page.cursor ?? '');
  const rows = await selectingPeople(db, id, after, ...matching(page)).limit(page.limit + 1);
  const items = rows.slice(0, page.limit).map(toPerson);
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.user_id ?? null) : null };
}

/** Those of the users who are in the workspace and match, by id. */
export const peopleAmong = async (
  db: Db,
  id: string,
  userIds: readonly string[],
  filter: PeopleFilter = {},
): Promise<WorkspaceMember[]> =>
  (await selectingPeople(db, id, among(workspaceMembers.user_id, userIds), ...matching(filter))).map(toPerson);

/** The statement that lets users in, as long as the actor may. Who is in it stays as they are. Returns who came. */
export const enteringMembers = (
  db: Db,
  id: string,
  userIds: readonly string[],
  role: WorkspaceRole,
  now: number,
  condition: SQL,
) =>
  db
    .insert(workspaceMembers)
    .select(sql`SELECT ${id}, value, ${role}, ${now} FROM json_each(${JSON.stringify(userIds)}) WHERE ${condition}`)
    .onConflictDoNothing()
    .returning({ user_id: workspaceMembers.user_id });

const memberIs = (id: string, userId: string, role: WorkspaceRole) =>
  and(eq(workspaceMembers.workspace_id, id), eq(workspaceMembers.user_id, userId), eq(workspaceMembers.role, role));

/** Somebody else owns it too: what has to hold when an owner stops being one. */
const ownedByOthers = (id: string, userId: string): SQL =>
  sql`EXISTS (SELECT 1 FROM workspace_members AS other WHERE other.workspace_id = ${id} AND other.role = 'owner'
    AND other.user_id <> ${userId})`;

/** Who acts on whom, with the roles that the decision was made on. */
export interface Deed {
  id: string;
  actor: string;
  actorRole: WorkspaceRole;
  target: string;
  targetRole: WorkspaceRole;
}

const asDecided = ({ id, actor, actorRole, target, targetRole }: Deed, ownerGoes: boolean) =>
  and(
    memberIs(id, target, targetRole),
    hasRole(id, actor, [actorRole]),
    ownerGoes && targetRole === 'owner' ? ownedByOthers(id, target) : undefined,
  );

/** The statement that gives a member another role, if both are still what they were and an owner stays. */
export const changingRole = (db: Db, deed: Deed, role: WorkspaceRole) =>
  db
    .update(workspaceMembers)
    .set({ role })
    .where(asDecided(deed, role !== 'owner'))
    .returning({ user_id: workspaceMembers.user_id });

/** The statement that removes a member, if both are still what they were and an owner stays. */
export const removingMember = (db: Db, deed: Deed) =>
  db.delete(workspaceMembers).where(asDecided(deed, true)).returning({ user_id: workspaceMembers.user_id });

/** The statement that ends the actor's ownership once the target has it. */
export const steppingDown = (db: Db, { id, actor, target }: Deed) =>
  db
    .update(workspaceMembers)
    .set({ role: 'admin' })
    .where(and(memberIs(id, actor, 'owner'), hasRole(id, target, ['owner']), sql`${actor} <> ${target}`));

/** Those of the users who are not in the workspace; everybody when it is gone. */
export async function outsiders(db: Db, id: string, userIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .select({ user_id: workspaceMembers.user_id })
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspace_id))
    .where(and(eq(workspaceMembers.workspace_id, id), among(workspaceMembers.user_id, userIds), alive(id)));
  const inside = new Set(rows.map((row) => row.user_id));
  return userIds.filter((userId) => !inside.has(userId));
}

export const isWorkspaceMember = async (db: Db, id: string, userId: string): Promise<boolean> =>
  (await roleIn(db, id, userId)) !== undefined;

/** In the workspace and no guest: may know of what is open to all of it. */
export async function isFullMember(db: Db, id: string, userId: string): Promise<boolean> {
  const role = await roleIn(db, id, userId);
  return role !== undefined && role !== 'guest';
}

// What is told to others

/** A workspace, deleted or not, and the roles of these users in it, read at one moment. */
export async function readSeats(
  db: Db,
  id: string,
  userIds: readonly string[],
): Promise<{ workspace: WorkspaceRow | undefined; roles: Map<string, WorkspaceRole> }> {
  const [[workspace], rows] = await db.batch([
    db.select().from(workspaces).where(eq(workspaces.id, id)),
    db
      .select({ user_id: workspaceMembers.user_id, role: workspaceMembers.role })
      .from(workspaceMembers)
      .where(and(eq(workspaceMembers.workspace_id, id), among(workspaceMembers.user_id, userIds))),
  ]);
  return { workspace, roles: new Map(rows.map((row) => [row.user_id, row.role])) };
}

/** Members by id, after `after`, of a deleted workspace too. */
export async function memberIds(db: Db, id: string, after: string, limit: number): Promise<string[]> {
  const rows = await db
    .select({ user_id: workspaceMembers.user_id })
    .from(workspaceMembers)
    .where(and(eq(workspaceMembers.workspace_id, id), gt(workspaceMembers.user_id, after)))
    .orderBy(asc(workspaceMembers.user_id))
    .limit(limit);
  return rows.map((row) => row.user_id);
}

/** The statement that forgets who was in a deleted workspace: those who were told. */
export const forgettingMembers = (db: Db, id: string, userIds: readonly string[]) =>
  db
    .delete(workspaceMembers)
    .where(and(eq(workspaceMembers.workspace_id, id), among(workspaceMembers.user_id, userIds)));

/** Workspaces whose time has come. */
export const dueForDeletion = (db: Db, now: number, limit: number): Promise<{ id: string }[]> =>
  db
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(and(lte(workspaces.deleting_at, now), isNull(workspaces.deleted_at)))
    .limit(limit);

/** Whoever else than `userId` owns it: for the rule that an owner stays. */
export const hasOtherOwner = async (db: Db, id: string, userId: string): Promise<boolean> =>
  (await db
    .select({ user_id: workspaceMembers.user_id })
    .from(workspaceMembers)
    .where(
      and(
        eq(workspaceMembers.workspace_id, id),
        eq(workspaceMembers.role, 'owner'),
        ne(workspaceMembers.user_id, userId),
      ),
    )
    .limit(1)
    .get()) !== undefined;
