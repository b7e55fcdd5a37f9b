import { and, asc, eq, gt, isNotNull, isNull, ne, or, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { timestamp } from '../clock.ts';
import { type Pair, type Side, STRANGER } from '../friends/rules.ts';
import {
  type ContactState,
  DEFAULT_PRIVACY,
  type FriendGroup,
  type Privacy,
  type UpdatePrivacy,
} from '../protocol/friends.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Db } from './client.ts';
import { contacts, friendGroups, privacy, users, workspaceMembers } from './schema.ts';

type Row = typeof contacts.$inferSelect;

const GroupIds = z.array(z.string());
const sideOf = ({ user_id: _, peer_id: _p, version: _v, group_ids, ...row }: Row): Side => ({
  ...row,
  group_ids: GroupIds.parse(JSON.parse(group_ids)),
});

/** Both rows of two people with their versions; a row that is not there has version 0. */
export interface ReadPair extends Pair {
  versions: { mine: number; theirs: number };
}

const rowsOfPair = (db: Db, user: string, peer: string) =>
  db
    .select()
    .from(contacts)
    .where(
      or(
        and(eq(contacts.user_id, user), eq(contacts.peer_id, peer)),
        and(eq(contacts.user_id, peer), eq(contacts.peer_id, user)),
      ),
    );

function pairOf(rows: Row[], user: string): ReadPair {
  const mine = rows.find((row) => row.user_id === user);
  const theirs = rows.find((row) => row.user_id !== user);
  return {
    mine: mine === undefined ? STRANGER : sideOf(mine),
    theirs: theirs === undefined ? STRANGER : sideOf(theirs),
    versions: { mine: mine?.version ?? 0, theirs: theirs?.version ?? 0 },
  };
}

export const readPair = async (db: Db, user: string, peer: string): Promise<ReadPair> =>
  pairOf(await rowsOfPair(db, user, peer), user);

/** Every row of a user, with its version. */
export const contactRows = async (db: Db, user: string): Promise<{ peer_id: string; side: Side; version: number }[]> =>
  (await db.select().from(contacts).where(eq(contacts.user_id, user))).map((row) => ({
    peer_id: row.peer_id,
    side: sideOf(row),
    version: row.version,
  }));

/** What there may be so many of and no more: rows of a user in a state. */
export interface Place {
  user: string;
  what: ContactState | 'blocked';
  limit: number;
}

/** Holds while there is room for one more. */
const isFree = ({ user, what, limit }: Place): SQL => {
  const counted = what === 'blocked' ? sql`blocked_at IS NOT NULL` : sql`state = ${what}`;
  return sql`(SELECT count(*) FROM (SELECT 1 FROM contacts WHERE user_id = ${user} AND ${counted} LIMIT ${limit})) < ${limit}`;
};

/** The first of these places that is taken; undefined: all are free. */
export async function takenAmong<P extends Place>(db: Db, places: readonly P[]): Promise<P | undefined> {
  for (const place of places) {
    const row = await db.get<{ free: number }>(sql`SELECT ${isFree(place)} AS free`);
    if (row?.free !== 1) return place;
  }
  return undefined;
}

/**
 * The statement that replaces both rows, if neither has changed since it was read and the places that this takes are free:
 * whoever comes second writes nothing and reads again. Returns the rows written.
 */
export function writingPair(
  db: Db,
  user: string,
  peer: string,
  before: ReadPair,
  after: Pair,
  places: readonly Place[],
) {
  const rows = [
    { user, peer, version: before.versions.mine, was: before.mine, side: after.mine },
    { user: peer, peer: user, version: before.versions.theirs, was: before.theirs, side: after.theirs },
  ]
    .filter(({ was, side }) => was !== side)
    .map(({ side, version, ...row }) => ({ ...row, ...side, version: version + 1 }));
  const version = (a: string, b: string) =>
    sql`coalesce((SELECT version FROM contacts WHERE user_id = ${a} AND peer_id = ${b}), 0)`;
  return db
    .insert(contacts)
    .select(
      sql`SELECT value ->> 'user', value ->> 'peer', value ->> 'state', value ->> 'text', value ->> 'source',
          value ->> 'since', value ->> 'remark', value -> 'group_ids', value ->> 'blocked_at', value ->> 'version'
        FROM json_each(${JSON.stringify(rows)})
        WHERE ${and(
          sql`${version(user, peer)} = ${before.versions.mine}`,
          sql`${version(peer, user)} = ${before.versions.theirs}`,
          ...places.map(isFree),
        )}`,
    )
    .onConflictDoUpdate({
      target: [contacts.user_id, contacts.peer_id],
      set: {
        state: sql`excluded.state`,
        text: sql`excluded.text`,
        source: sql`excluded.source`,
        since: sql`excluded.since`,
        remark: sql`excluded.remark`,
        group_ids: sql`excluded.group_ids`,
        blocked_at: sql`excluded.blocked_at`,
        version: sql`excluded.version`,
      },
    })
    .returning({ user_id: contacts.user_id });
}

/** Contacts of a user in a state, or those blocked, by id. */
export async function listContacts(
  db: Db,
  user: string,
  what: ContactState[] | 'blocked',
  page: { cursor?: string | undefined; limit: number },
): Promise<{ items: { peer_id: string; side: Side }[]; next_cursor: string | null }> {
  const rows = await db
    .select()
    .from(contacts)
    .where(
      and(
        eq(contacts.user_id, user),
        gt(contacts.peer_id, page.cursor ?? ''),
        what === 'blocked' ? isNotNull(contacts.blocked_at) : or(...what.map((state) => eq(contacts.state, state))),
      ),
    )
    .orderBy(asc(contacts.peer_id))
    .limit(page.limit + 1);
  const items = rows.slice(0, page.limit).map((row) => ({ peer_id: row.peer_id, side: sideOf(row) }));
  return { items, next_cursor: rows.length > page.limit ? (items.at(-1)?.peer_id ?? null) : null };
}

const privacyOf = (row: typeof privacy.$inferSelect | null | undefined): Privacy =>
  row == null
    ? DEFAULT_PRIVACY
    : { friend_requests: row.friend_requests, messages: row.messages, last_seen: row.last_seen };

export async function readPrivacy(db: Db, user: string): Promise<{ value: Privacy; version: number }> {
  const row = await db.select().from(privacy).where(eq(privacy.user_id, user)).get();
  return { value: privacyOf(row), version: row?.version ?? 0 };
}

/** The statement that sets what the patch names. */
export const writingPrivacy = (db: Db, user: string, patch: UpdatePrivacy) =>
  db
    .insert(privacy)
    .values({
      user_id: user,
      friend_requests: patch.friend_requests ?? DEFAULT_PRIVACY.friend_requests,
      messages: patch.messages ?? DEFAULT_PRIVACY.messages,
      last_seen: patch.last_seen ?? DEFAULT_PRIVACY.last_seen,
      version: 1,
    })
    .onConflictDoUpdate({ target: privacy.user_id, set: { ...patch, version: sql`${privacy.version} + 1` } });

/** What decides whether one person may approach another. */
export interface Standing {
  /** The account of the other, if there is one. */
  status: 'Active' | 'Suspended' | undefined;
  privacy: Privacy;
  pair: ReadPair;
  share_workspace: boolean;
}

/** How `user` stands to `peer`, read at one moment. */
export async function readStanding(db: Db, user: string, peer: string): Promise<Standing> {
  const [rows, [person], shared] = await db.batch([
    rowsOfPair(db, user, peer),
    db
      .select({ status: users.status, privacy })
      .from(users)
      .leftJoin(privacy, eq(privacy.user_id, users.id))
      .where(eq(users.id, peer)),
    db
      .select({ id: workspaceMembers.workspace_id })
      .from(workspaceMembers)
      .where(
        and(
          eq(workspaceMembers.user_id, user),
          // A guest knows those of the chats they share, not the workspace.
          ne(workspaceMembers.role, 'guest'),
          sql`EXISTS (SELECT 1 FROM workspace_members AS theirs JOIN workspaces AS place ON place.id = theirs.workspace_id
            WHERE theirs.user_id = ${peer} AND theirs.role <> 'guest' AND place.deleted_at IS NULL
              AND theirs.workspace_id = ${workspaceMembers.workspace_id})`,
        ),
      )
      .limit(1),
  ]);
  return {
    status: person?.status,
    privacy: privacyOf(person?.privacy),
    pair: pairOf(rows, user),
    share_workspace: shared.length > 0,
  };
}

/** Those of the users who have blocked `user`. */
export async function blockersAmong(db: Db, userIds: string[], user: string): Promise<string[]> {
  const rows = await db
    .select({ user_id: contacts.user_id })
    .from(contacts)
    .where(
      and(
        sql`${contacts.user_id} IN (SELECT value FROM json_each(${JSON.stringify(userIds)}))`,
        eq(contacts.peer_id, user),
        isNotNull(contacts.blocked_at),
      ),
    );
  return rows.map((row) => row.user_id);
}

/** A group of friends as its owner has it; `value` null: deleted. */
export interface StoredGroup {
  user_id: string;
  version: number;
  value: FriendGroup | null;
}

type GroupRow = typeof friendGroups.$inferSelect;
export const groupOf = ({ id, name, created_at }: GroupRow): FriendGroup => ({
  id,
  name,
  created_at: timestamp(created_at),
});

export async function findFriendGroup(db: Db, id: string): Promise<StoredGroup | undefined> {
  const row = await db.select().from(friendGroups).where(eq(friendGroups.id, id)).get();
  if (row === undefined) return undefined;
  return { user_id: row.user_id, version: row.version, value: row.deleted_at === null ? groupOf(row) : null };
}

/** Every group of a user, deleted ones too. */
export const friendGroupRows = async (db: Db, user: string): Promise<(StoredGroup & { id: string })[]> =>
  (await db.select().from(friendGroups).where(eq(friendGroups.user_id, user))).map((row) => ({
    id: row.id,
    user_id: row.user_id,
    version: row.version,
    value: row.deleted_at === null ? groupOf(row) : null,
  }));

const ownGroups = (user: string) => and(eq(friendGroups.user_id, user), isNull(friendGroups.deleted_at));

export const listFriendGroups = async (db: Db, user: string): Promise<FriendGroup[]> =>
  (await db.select().from(friendGroups).where(ownGroups(user)).orderBy(asc(friendGroups.id))).map(groupOf);

/** The statement that makes a group, unless the user has as many as there may be. Returns what was written. */
export const makingFriendGroup = (db: Db, user: string, group: { id: string; name: string }, now: number) =>
  db
    .insert(friendGroups)
    .select(
      sql`SELECT ${group.id}, ${user}, ${group.name}, ${now}, NULL, 1
        WHERE (SELECT count(*) FROM friend_groups WHERE user_id = ${user} AND deleted_at IS NULL) < ${LIMITS.friendGroups}`,
    )
    .returning();

/** The statement that renames a group of the user, or deletes it. Returns what was written. */
export const changingFriendGroup = (
  db: Db,
  user: string,
  id: string,
  change: { name: string } | { deleted_at: number },
) =>
  db
    .update(friendGroups)
    .set({ ...change, version: sql`${friendGroups.version} + 1` })
    .where(and(eq(friendGroups.id, id), ownGroups(user)))
    .returning();
