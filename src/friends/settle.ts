import { findDm } from '../db/chats.ts';
import type { Db } from '../db/client.ts';
import { findFriendGroup, readPair, readPrivacy } from '../db/contacts.ts';
import type { Task } from '../db/tasks.ts';
import type { Item } from '../inbox/items.ts';
import { notificationItem } from '../inbox/notifications.ts';
import { inbox, room } from '../objects/stubs.ts';
import { contactOf } from './rules.ts';

/*
 * What follows from a change of friends in other places. All of it tells what D1 has now, with its version: to tell it
 * twice, late, or in another order ends the same.
 */

export async function settleContacts(
  env: Env,
  db: Db,
  { rows, block, by }: Extract<Task, { kind: 'settle_contacts' }>,
): Promise<void> {
  await Promise.all(
    rows.map(async ({ user_id, peer_id }) => {
      const { mine, versions } = await readPair(db, user_id, peer_id);
      const value = contactOf(peer_id, mine);
      // The room first: who hears of a block may rely on it.
      if (block) await settleBlock(env, db, user_id, peer_id);
      // failpoint: friends.block-told
      const items: Item[] = [{ kind: 'contact', id: peer_id, version: versions.mine, value }];
      // A request is notified by the contact itself.
      if (by !== undefined && by !== user_id && mine.state === 'friend' && mine.since !== null) {
        const fields = { kind: 'friend_accepted', actor_id: peer_id } as const;
        items.push(notificationItem(`${peer_id}.friend`, mine.since, mine.since, fields));
      }
      await inbox(env, user_id).put(items);
    }),
  );
}

/** The Single of the two, if it is registered, learns whether `user` has blocked `peer`. One that is registered later asks itself. */
async function settleBlock(env: Env, db: Db, user: string, peer: string): Promise<void> {
  const dm = await findDm(db, user, peer);
  if (dm === undefined) return;
  const { mine, versions } = await readPair(db, user, peer);
  await room(env, dm.id).setBlocked(user, { blocked: mine.blocked_at !== null, version: versions.mine });
}

/** A Single that is registered and about to begin learns who of the two blocks the other: later blocks find it by themselves. */
export async function beginWithBlocks(env: Env, db: Db, chatId: string, user: string, peer: string): Promise<void> {
  const { mine, theirs, versions } = await readPair(db, user, peer);
  if (mine.blocked_at !== null) await room(env, chatId).setBlocked(user, { blocked: true, version: versions.mine });
  if (theirs.blocked_at !== null) await room(env, chatId).setBlocked(peer, { blocked: true, version: versions.theirs });
}

export async function settleFriendGroup(env: Env, db: Db, id: string): Promise<void> {
  const group = await findFriendGroup(db, id);
  if (group === undefined) return;
  await inbox(env, group.user_id).put([{ kind: 'friend_group', id, version: group.version, value: group.value }]);
}

export async function settlePrivacy(env: Env, db: Db, user: string): Promise<void> {
  const { value, version } = await readPrivacy(db, user);
  await inbox(env, user).put([{ kind: 'privacy', id: 'me', version, value }]);
}
