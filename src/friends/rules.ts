import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Contact, ContactState, Privacy } from '../protocol/friends.ts';

/** How one user has another. Times in milliseconds since 1970. */
export interface Side {
  state: ContactState;
  text: string | null;
  source: string | null;
  since: number | null;
  remark: string | null;
  group_ids: string[];
  blocked_at: number | null;
}

/** Both sides of two people, as the one who acts sees them. */
export interface Pair {
  mine: Side;
  theirs: Side;
}

export const STRANGER: Side = {
  state: 'none',
  text: null,
  source: null,
  since: null,
  remark: null,
  group_ids: [],
  blocked_at: null,
};

/** A change of how two people stand to each other: the pair after it; the same object when nothing changes. */
export type Step = (pair: Pair) => Result<Pair>;

/** Without the friendship or request; a block stays. */
const apart = (side: Side): Side => ({ ...STRANGER, blocked_at: side.blocked_at });

const together = ({ mine, theirs }: Pair, now: number): Pair => {
  const friend = (side: Side): Side => ({ ...apart(side), state: 'friend', since: now });
  return { mine: friend(mine), theirs: friend(theirs) };
};

/**
 * Asks to be friends. Whoever is asked by both sides at once, or takes everybody, is a friend at once. A block answers as the
 * policy `nobody` does: the blocked cannot tell one from the other.
 */
export const request =
  (ask: { text: string; source: string | null }, policy: Privacy['friend_requests'], now: number): Step =>
  (pair) => {
    const { mine, theirs } = pair;
    if (mine.state === 'friend') return ok(pair);
    if (mine.blocked_at !== null) return refuse('conflict', 'you have blocked this person: unblock them first');
    if (theirs.state === 'sent' && theirs.blocked_at === null) return ok(together(pair, now));
    const closed = theirs.blocked_at !== null || policy === 'nobody';
    if (closed && mine.state !== 'sent') {
      return refuse('forbidden', 'this person takes no friend requests from you');
    }
    if (policy === 'anyone' && !closed) return ok(together(pair, now));
    const since = mine.state === 'sent' ? mine.since : now;
    const sent: Side = { ...mine, ...ask, state: 'sent', since };
    // A request that stands goes on standing, though the other side hears of it no more.
    const received: Side = closed ? theirs : { ...theirs, ...ask, state: 'received', since };
    return ok(same(mine, sent) && same(theirs, received) ? pair : { mine: sent, theirs: received });
  };

/** Accepts a request. Accepted twice, it is the same. */
export const accept =
  (now: number): Step =>
  (pair) => {
    if (pair.mine.state === 'friend') return ok(pair);
    if (pair.mine.state !== 'received') return refuse('not_found', 'there is no request from this person');
    return ok(together(pair, now));
  };

/** Rejects their request, or takes back one's own. */
export const decline: Step = (pair) =>
  pair.mine.state === 'sent' || pair.mine.state === 'received'
    ? ok({ mine: apart(pair.mine), theirs: apart(pair.theirs) })
    : refuse('not_found', 'there is no request between you and this person');

export const unfriend: Step = (pair) =>
  pair.mine.state === 'friend'
    ? ok({ mine: apart(pair.mine), theirs: apart(pair.theirs) })
    : refuse('not_found', 'this person is not a friend of yours');

export const describe =
  (patch: { remark?: string | null | undefined; group_ids?: string[] | undefined }): Step =>
  (pair) => {
    const { mine } = pair;
    if (mine.state !== 'friend') return refuse('not_found', 'this person is not a friend of yours');
    const next = {
      ...mine,
      remark: patch.remark === undefined ? mine.remark : patch.remark,
      group_ids: patch.group_ids ?? mine.group_ids,
    };
    return ok(same(mine, next) ? pair : { ...pair, mine: next });
  };

/**
 * Blocks. A friendship stays, and what they asked is dropped on this side only: nothing on theirs shows the block. A request of
 * one's own is taken back.
 */
export const block =
  (now: number): Step =>
  (pair) => {
    const { mine, theirs } = pair;
    if (mine.blocked_at !== null) return ok(pair);
    if (mine.state === 'friend') return ok({ ...pair, mine: { ...mine, blocked_at: now } });
    return ok({
      mine: { ...STRANGER, blocked_at: now },
      theirs: mine.state === 'sent' ? apart(theirs) : theirs,
    });
  };

export const unblock: Step = (pair) =>
  pair.mine.blocked_at === null
    ? refuse('not_found', 'this person is not blocked')
    : ok({ ...pair, mine: { ...pair.mine, blocked_at: null } });

/** One made from the other has its keys in the same order. */
const same = (a: Side, b: Side): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The row of the inbox; null for somebody who is nothing to the user. */
export function contactOf(peer: string, side: Side): Contact | null {
  const { state, text, source, since, remark, group_ids, blocked_at } = side;
  if (state === 'none' && blocked_at === null) return null;
  const at = since === null ? null : timestamp(since);
  const asked = state === 'sent' || state === 'received';
  return {
    user_id: peer,
    state,
    request: asked && at !== null ? { text: text ?? '', source, created_at: at } : null,
    since: state === 'friend' ? at : null,
    remark,
    group_ids,
    blocked: blocked_at !== null,
  };
}
