import type { Db } from '../db/client.ts';
import { contactRows, friendGroupRows, readPrivacy } from '../db/contacts.ts';
import { seatsOf } from '../db/workspaces.ts';
import { contactOf } from '../friends/rules.ts';
import { type Item, type ItemRecord, valueJson } from '../inbox/items.ts';
import { inbox } from '../objects/stubs.ts';
import type { Found } from './found.ts';

const nameOf = ({ kind, id }: Pick<ItemRecord, 'kind' | 'id'>): string => `${kind}/${id}`;

/** The rows of a user's inbox of which D1 is the owner, as D1 has them. `held`: those of which it has to say that they are gone. */
async function ownedBy(db: Db, userId: string, held: readonly ItemRecord[]): Promise<Item[]> {
  const workspaceIds = held.flatMap(({ kind, id }) => (kind === 'workspace' ? [id] : []));
  const [contacts, groups, privacy, seats] = await Promise.all([
    contactRows(db, userId),
    friendGroupRows(db, userId),
    readPrivacy(db, userId),
    seatsOf(db, userId, workspaceIds),
  ]);
  return [
    ...contacts.map(
      ({ peer_id, side, version }): Item => ({
        kind: 'contact',
        id: peer_id,
        version,
        value: contactOf(peer_id, side),
      }),
    ),
    ...groups.map(({ id, version, value }): Item => ({ kind: 'friend_group', id, version, value })),
    // Whoever has never set it has no row.
    ...(privacy.version === 0 ? [] : [{ kind: 'privacy', id: 'me', ...privacy } satisfies Item]),
    ...seats.map(({ id, version, value }): Item => ({ kind: 'workspace', id, version, value })),
  ];
}

/**
 * Rows of an inbox that are not as D1 has them, or of a version that D1 has not come to: what it tells of them next would be
 * taken for old.
 */
export async function itemsBehind(env: Env, db: Db, userId: string, held: readonly ItemRecord[]): Promise<Found[]> {
  const owned = await ownedBy(db, userId, held);
  const known = new Set(owned.map(nameOf));
  const unknown = held
    .filter((item) => !known.has(nameOf(item)))
    .map(({ kind, id }): Item => ({ kind, id, version: 0, value: null }));
  const byName = new Map(held.map((item) => [nameOf(item), item]));
  return [...owned, ...unknown].flatMap((item): Found[] => {
    const there = byName.get(nameOf(item));
    const same = (there?.value ?? null) === valueJson(item) && (there?.version ?? 0) <= item.version;
    if (same) return [];
    const mend = () => inbox(env, userId).mend([item]);
    return [{ kind: 'item.behind', user_id: userId, item: nameOf(item), mend }];
  });
}
