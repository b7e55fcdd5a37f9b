import { refuseUsers } from '../auth/users.ts';
import { type Db, database } from '../db/client.ts';
import {
  blockersAmong,
  changingFriendGroup,
  groupOf,
  listContacts,
  listFriendGroups,
  makingFriendGroup,
  type Place,
  type ReadPair,
  readPair,
  readPrivacy,
  readStanding,
  takenAmong,
  writingPair,
  writingPrivacy,
} from '../db/contacts.ts';
import { deleting, inserting, type StoredTask, type Task } from '../db/tasks.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Contact, ContactState, FriendGroup, Privacy, UpdateFriend, UpdatePrivacy } from '../protocol/friends.ts';
import { LIMITS } from '../protocol/limits.ts';
import { unwrap } from '../routes/api.ts';
import { followUp } from '../tasks/perform.ts';
import * as rules from './rules.ts';

/*
 * Friends, requests and blocks over D1. Each change is decided on both people's rows as they were read, and written only if
 * neither has changed since: of two at once one comes second, reads again and decides anew. What follows in inboxes and in
 * the Single is a task of the same batch.
 */

/** Times that a change which came second is decided anew. */
const TRIES = 8;

const pending = (task: Task): StoredTask => ({ id: newId('tsk'), task });

/** A place that a change takes, and what is said when there is none. */
type Claim = Place & { of: string };

/** The places that both people take by going over from how they were. */
function claimsOf(user: string, peer: string, before: rules.Pair, after: rules.Pair): Claim[] {
  const { mine, theirs } = after;
  const friend = (of: string, who: string): Claim => ({ user: who, what: 'friend', limit: LIMITS.friends, of });
  const claims: Claim[] = [];
  if (mine.state !== before.mine.state) {
    if (mine.state === 'friend' || mine.state === 'sent') claims.push(friend('You have', user));
    if (mine.state === 'sent') {
      const of = 'Requests of yours wait for an answer:';
      claims.push({ user, what: 'sent', limit: LIMITS.friendRequests, of });
    }
  }
  if (theirs.state !== before.theirs.state) {
    if (theirs.state === 'friend') claims.push(friend('They have', peer));
    if (theirs.state === 'received') {
      const of = 'Requests wait for their answer:';
      claims.push({ user: peer, what: 'received', limit: LIMITS.friendRequests, of });
    }
  }
  if (mine.blocked_at !== null && before.mine.blocked_at === null) {
    claims.push({ user, what: 'blocked', limit: LIMITS.blocks, of: 'You block' });
  }
  return claims;
}

/**
 * Makes a change, and returns how the user has the other person then. Throws the refusal of the step, and `conflict` when
 * there are as many of something as there may be.
 */
async function change(env: Env, db: Db, user: string, peer: string, step: rules.Step): Promise<rules.Side> {
  let taken: Claim | undefined;
  for (let i = 0; i < TRIES; i++) {
    const before = await readPair(db, user, peer);
    const after = unwrap(step(before));
    const claims = claimsOf(user, peer, before, after);
    // Read anew before it is said: another device may have done the same and taken the last place for it.
    if (taken !== undefined && claims.some(({ of }) => of === taken?.of)) {
      throw new ApiError('conflict', `${taken.of} at most ${taken.limit}`);
    }
    if (await write(env, db, user, peer, before, after, claims)) return after.mine;
    taken = await takenAmong(db, claims);
  }
  throw new ApiError('unavailable', 'Much is changing between the two of you at once: try again', { retryAfter: 1 });
}

/** Writes a pair, and tells of it. false: somebody else has written since it was read, or a place is taken. */
async function write(
  env: Env,
  db: Db,
  user: string,
  peer: string,
  before: ReadPair,
  after: rules.Pair,
  places: readonly Place[],
): Promise<boolean> {
  const rows = [
    ...(after.mine === before.mine ? [] : [{ user_id: user, peer_id: peer }]),
    ...(after.theirs === before.theirs ? [] : [{ user_id: peer, peer_id: user }]),
  ];
  if (rows.length === 0) return true;
  const block = (after.mine.blocked_at === null) !== (before.mine.blocked_at === null);
  const task = pending({ kind: 'settle_contacts', rows, block, by: user });
  const [written] = await db.batch([
    writingPair(db, user, peer, before, after, places),
    inserting(db, task, Date.now()),
  ]);
  if (written.length === 0) {
    await deleting(db, task.id);
    return false;
  }
  // failpoint: friends.written
  await followUp(env, task);
  return true;
}

const contact = (peer: string, side: rules.Side): Contact => {
  const value = rules.contactOf(peer, side);
  if (value === null) throw new Error('a contact that was made is one');
  return value;
};

function refuseSelf(user: string, peer: string): void {
  if (user === peer) throw new ApiError('invalid', 'user_id: that is you');
}

const noUser = () => new ApiError('not_found', 'There is no such user');

/** Asks somebody to be friends. Throws `not_found`, `forbidden` (they take none), `conflict` (blocked by the user, too many). */
export async function requestFriend(
  env: Env,
  user: string,
  peer: string,
  ask: { text: string; source: string | null },
  now: number,
): Promise<Contact> {
  refuseSelf(user, peer);
  const db = database(env);
  const { status, privacy } = await readStanding(db, user, peer);
  if (status !== 'Active') throw noUser();
  return contact(peer, await change(env, db, user, peer, rules.request(ask, privacy.friend_requests, now)));
}

/** Throws `not_found` (no request), `conflict` (one of the two has too many friends). */
export async function acceptFriend(env: Env, user: string, peer: string, now: number): Promise<Contact> {
  return contact(peer, await change(env, database(env), user, peer, rules.accept(now)));
}

/** Rejects a request, or takes one back. Throws `not_found`. */
export async function declineFriend(env: Env, user: string, peer: string): Promise<void> {
  await change(env, database(env), user, peer, rules.decline);
}

/** Ends a friendship, on both sides. Throws `not_found`. */
export async function removeFriend(env: Env, user: string, peer: string): Promise<void> {
  await change(env, database(env), user, peer, rules.unfriend);
}

/** Sets the private name of a friend and the groups they are in. Throws `not_found`, `invalid`. */
export async function updateFriend(env: Env, user: string, peer: string, patch: UpdateFriend): Promise<Contact> {
  const db = database(env);
  const group_ids = patch.group_ids && [...new Set(patch.group_ids)];
  if (group_ids !== undefined && group_ids.length > 0) {
    const known = new Set((await listFriendGroups(db, user)).map(({ id }) => id));
    refuseUsers(
      group_ids.filter((id) => !known.has(id)),
      'group_ids',
      'you have no such group of friends',
    );
  }
  return contact(peer, await change(env, db, user, peer, rules.describe({ remark: patch.remark, group_ids })));
}

/** Throws `not_found` (no such user), `conflict` (too many). */
export async function blockUser(env: Env, user: string, peer: string, now: number): Promise<Contact> {
  refuseSelf(user, peer);
  const db = database(env);
  const { status } = await readStanding(db, user, peer);
  if (status === undefined) throw noUser();
  return contact(peer, await change(env, db, user, peer, rules.block(now)));
}

/** Throws `not_found` when they are not blocked. */
export async function unblockUser(env: Env, user: string, peer: string): Promise<void> {
  await change(env, database(env), user, peer, rules.unblock);
}

export async function contactsOf(
  env: Env,
  user: string,
  what: ContactState[] | 'blocked',
  page: { cursor?: string | undefined; limit: number },
): Promise<{ items: Contact[]; next_cursor: string | null }> {
  const { items, next_cursor } = await listContacts(database(env), user, what, page);
  return { items: items.map(({ peer_id, side }) => contact(peer_id, side)), next_cursor };
}

// Groups of friends

export const friendGroups = (env: Env, user: string): Promise<FriendGroup[]> => listFriendGroups(database(env), user);

/** Throws `conflict` when the user has as many as there may be. */
export async function createFriendGroup(env: Env, user: string, name: string, now: number): Promise<FriendGroup> {
  const id = newId('fgr');
  const made = await changeGroup(env, id, makingFriendGroup(database(env), user, { id, name }, now));
  if (made === undefined) throw new ApiError('conflict', `You have at most ${LIMITS.friendGroups} groups of friends`);
  return made;
}

/** Renames or deletes a group. Its name goes; friends who were in it stay friends. Throws `not_found`. */
export async function changeFriendGroup(
  env: Env,
  user: string,
  id: string,
  patch: { name: string } | { deleted_at: number },
): Promise<FriendGroup> {
  const changed = await changeGroup(env, id, changingFriendGroup(database(env), user, id, patch));
  if (changed === undefined) throw new ApiError('not_found', 'You have no such group of friends');
  return changed;
}

async function changeGroup(
  env: Env,
  id: string,
  statement: ReturnType<typeof makingFriendGroup> | ReturnType<typeof changingFriendGroup>,
): Promise<FriendGroup | undefined> {
  const db = database(env);
  const task = pending({ kind: 'settle_friend_group', id });
  const [[row]] = await db.batch([statement, inserting(db, task, Date.now())]);
  // failpoint: friends.group-written
  if (row === undefined) await deleting(db, task.id);
  else await followUp(env, task);
  return row && groupOf(row);
}

// Privacy

export const getPrivacy = async (env: Env, user: string): Promise<Privacy> =>
  (await readPrivacy(database(env), user)).value;

export async function updatePrivacy(env: Env, user: string, patch: UpdatePrivacy): Promise<Privacy> {
  const db = database(env);
  const task = pending({ kind: 'settle_privacy', user_id: user });
  if (Object.values(patch).some((value) => value !== undefined)) {
    await db.batch([writingPrivacy(db, user, patch), inserting(db, task, Date.now())]);
    // failpoint: friends.privacy-written
    await followUp(env, task);
  }
  return getPrivacy(env, user);
}

// What others may do

/** Why `user` may not begin a Single with `peer`; undefined: they may. The reason does not tell a block from a setting. */
export async function singleRefused(db: Db, user: string, peer: string): Promise<ApiError | undefined> {
  const { privacy, pair, share_workspace } = await readStanding(db, user, peer);
  const friends = pair.mine.state === 'friend';
  const welcome = { everyone: true, friends, workspace: friends || share_workspace }[privacy.messages];
  if (welcome && pair.theirs.blocked_at === null) return undefined;
  return new ApiError('forbidden', 'You cannot write to this person');
}

/** Throws `invalid` naming those who cannot be added to a conversation by this user, who is blocked by them. */
export async function requireUnblocked(db: Db, user: string, added: string[], path: string): Promise<void> {
  refuseUsers(await blockersAmong(db, added, user), path, 'cannot be added by you');
}
