import { and, asc, eq, gt, isNotNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { WorkspaceRole } from '../protocol/workspaces.ts';
import { rolesThatInvite } from '../workspaces/permissions.ts';
import type { Db } from './client.ts';
import { users, workspaceInvitations, workspaceMembers, workspaces } from './schema.ts';
import { hasRole, type WorkspaceRow } from './workspaces.ts';

export type InvitationRow = typeof workspaceInvitations.$inferSelect;

/** Which roles of who made an invitation let it hold: pairs of theirs and its own. */
const HOLDING = JSON.stringify(
  WorkspaceRole.options.flatMap((given) => rolesThatInvite(given).map((role) => [role, given])),
);

/** Not expired, not used up, and who made it may still invite. */
const holds = (now: number) =>
  and(
    gt(workspaceInvitations.expires_at, now),
    or(
      sql`${workspaceInvitations.max_uses} IS NULL`,
      sql`${workspaceInvitations.uses} < ${workspaceInvitations.max_uses}`,
    ),
    sql`EXISTS (SELECT 1 FROM workspace_members AS maker JOIN workspaces AS place ON place.id = maker.workspace_id
      WHERE maker.workspace_id = ${workspaceInvitations.workspace_id} AND maker.user_id = ${workspaceInvitations.created_by}
        AND place.deleted_at IS NULL AND EXISTS (SELECT 1 FROM json_each(${HOLDING}) AS pair
          WHERE pair.value ->> 0 = maker.role AND pair.value ->> 1 = ${workspaceInvitations.role}))`,
  );

/** A link, or an invitation to the address of this user. */
const isFor = (userId: string): SQL =>
  sql`(${workspaceInvitations.email} IS NULL
    OR ${workspaceInvitations.email} = (SELECT ${users.email} FROM ${users} WHERE ${users.id} = ${userId}))`;

const inside = (userId: string): SQL =>
  sql`EXISTS (SELECT 1 FROM workspace_members AS seat WHERE seat.workspace_id = ${workspaceInvitations.workspace_id}
    AND seat.user_id = ${userId})`;

/** The statement that makes an invitation, if its maker may and there are not too many. Returns what was written. */
export const makingInvitation = (db: Db, row: InvitationRow, limit: number) =>
  db
    .insert(workspaceInvitations)
    .select(
      sql`SELECT ${row.id}, ${row.workspace_id}, ${row.digest}, ${row.email}, ${row.role}, ${row.created_by},
          ${row.created_at}, ${row.expires_at}, ${row.max_uses}, 0, NULL
        WHERE ${hasRole(row.workspace_id, row.created_by, rolesThatInvite(row.role))}
          AND (SELECT count(*) FROM workspace_invitations AS other WHERE other.workspace_id = ${row.workspace_id}
            AND other.expires_at > ${row.created_at}) < ${limit}`,
    )
    .returning();

export const invitationExists = (id: string): SQL => sql`EXISTS (SELECT 1 FROM workspace_invitations WHERE id = ${id})`;

/**
 * What the mail of an invitation says, and to whom it goes; the invitation has this code's digest then. undefined: it does not
 * hold any more, or its address is that of somebody who is in already, cannot sign in, or has blocked who made it.
 */
export async function invitationToMail(
  db: Db,
  id: string,
  digest: string,
  now: number,
): Promise<{ email: string; expires_at: number; workspace: string; inviter: string } | undefined> {
  const [, [letter]] = await db.batch([
    db
      .update(workspaceInvitations)
      .set({ digest })
      .where(and(eq(workspaceInvitations.id, id), isNotNull(workspaceInvitations.email))),
    db
      .select({
        email: workspaceInvitations.email,
        expires_at: workspaceInvitations.expires_at,
        workspace: workspaces.name,
        inviter: users.fullname,
      })
      .from(workspaceInvitations)
      .innerJoin(workspaces, eq(workspaces.id, workspaceInvitations.workspace_id))
      .innerJoin(users, eq(users.id, workspaceInvitations.created_by))
      .where(
        and(
          eq(workspaceInvitations.id, id),
          holds(now),
          sql`NOT EXISTS (SELECT 1 FROM users AS account WHERE account.email = ${workspaceInvitations.email} AND (
            account.status <> 'Active'
            OR EXISTS (SELECT 1 FROM workspace_members AS seat
              WHERE seat.workspace_id = ${workspaceInvitations.workspace_id} AND seat.user_id = account.id)
            OR EXISTS (SELECT 1 FROM contacts WHERE contacts.user_id = account.id
              AND contacts.peer_id = ${workspaceInvitations.created_by} AND contacts.blocked_at IS NOT NULL)))`,
        ),
      ),
  ]);
  return letter === undefined || letter.email === null ? undefined : { ...letter, email: letter.email };
}

/** Invitations that hold, by id: of everybody, or of one who made them. */
export async function listInvitations(
  db: Db,
  workspaceId: string,
  madeBy: string | undefined,
  page: { cursor?: string | undefined; limit: number },
  now: number,
): Promise<{ items: InvitationRow[]; next_cursor: string | null }> {
  const rows = await db
    .select()
    .from(workspaceInvitations)
    .where(
      and(
        eq(workspaceInvitations.workspace_id, workspaceId),
        gt(workspaceInvitations.id, page.cursor ?? ''),
        madeBy === undefined ? undefined : eq(workspaceInvitations.created_by, madeBy),
        holds(now),
      ),
    )
    .orderBy(asc(workspaceInvitations.id))
    .limit(page.limit + 1);
  const items = rows.slice(0, page.limit);
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** The statement that revokes one: anybody's, or that of one who made it. Returns its id. */
export const revokingInvitation = (db: Db, workspaceId: string, id: string, madeBy: string | undefined) =>
  db
    .delete(workspaceInvitations)
    .where(
      and(
        eq(workspaceInvitations.workspace_id, workspaceId),
        eq(workspaceInvitations.id, id),
        madeBy === undefined ? undefined : eq(workspaceInvitations.created_by, madeBy),
      ),
    )
    .returning({ id: workspaceInvitations.id });

export interface Offer {
  invitation: InvitationRow;
  workspace: WorkspaceRow;
  /** The user is in the workspace already. */
  member: boolean;
}

/** What a code offers this user: something to a member always, to others while it holds. */
export async function findOffer(db: Db, digest: string, userId: string, now: number): Promise<Offer | undefined> {
  const row = await db
    .select({ invitation: workspaceInvitations, workspace: workspaces, member: sql<number>`${inside(userId)}` })
    .from(workspaceInvitations)
    .innerJoin(workspaces, eq(workspaces.id, workspaceInvitations.workspace_id))
    .where(
      and(
        eq(workspaceInvitations.digest, digest),
        sql`${workspaces.deleted_at} IS NULL`,
        or(inside(userId), and(holds(now), isFor(userId))),
      ),
    )
    .get();
  return row && { ...row, member: row.member === 1 };
}

/** The statement that uses an invitation once, in the name of this attempt, if it holds for a user who is not in yet. */
export const usingInvitation = (db: Db, digest: string, userId: string, attempt: string, now: number) =>
  db
    .update(workspaceInvitations)
    .set({ uses: sql`${workspaceInvitations.uses} + 1`, attempt })
    .where(and(eq(workspaceInvitations.digest, digest), holds(now), isFor(userId), sql`NOT ${inside(userId)}`))
    .returning({ id: workspaceInvitations.id });

/** Holds when this attempt has used the invitation: what follows it in the same batch. */
export const usedBy = (attempt: string, digest: string): SQL =>
  sql`EXISTS (SELECT 1 FROM workspace_invitations WHERE digest = ${digest} AND attempt = ${attempt})`;

/** The statement that lets a user in by an invitation that this attempt has used. */
export const enteringByInvitation = (db: Db, digest: string, userId: string, attempt: string, now: number) =>
  db.insert(workspaceMembers).select(
    sql`SELECT workspace_id, ${userId}, role, ${now} FROM workspace_invitations
      WHERE digest = ${digest} AND attempt = ${attempt}`,
  );

/** The statement that forgets invitations that have expired. */
export const forgettingInvitations = (db: Db, now: number) =>
  db.delete(workspaceInvitations).where(lte(workspaceInvitations.expires_at, now));
