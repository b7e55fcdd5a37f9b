import type { FanoutTier } from '../protocol/chats.ts';

/** Largest room of each tier, in members; see `FanoutTier` for what a tier gives up. */
export const TIER_LIMITS = { small: 32, large: 5000 } as const;

export function tierOf(members: number): FanoutTier {
  if (members <= TIER_LIMITS.small) return 'small';
  return members <= TIER_LIMITS.large ? 'large' : 'huge';
}

/** Receipts are pushed to the sockets of rooms up to this size; in larger ones they are read from the member list. */
export const RECEIPTS_PUSHED_UP_TO = 256;
/** "Delivered" is pushed in small rooms only: in larger ones nobody reads ticks per person. */
export const DELIVERED_PUSHED_UP_TO = TIER_LIMITS.small;

/** Pause between two flushes of messages, in ms: grows with what a broadcast costs. */
export const sendPause = (sockets: number): number => Math.min(25, Math.max(1, sockets * 0.05));
/** So many messages do not wait for the end of a long one: a frame that carries them costs what they cost, not what a frame does. */
export const SENDS_ENOUGH = 64;
/** Pause between two flushes of receipts, in ms. */
export const receiptPause = (members: number): number => Math.min(1000, Math.max(100, members * 2));
/**
 * Notices that a small room spends on an inbox in which no device listens: one every so many ms, some at once. When they
 * are used up, the inbox is told one last time and then asks when it looks, as in a large room.
 */
export const IDLE_NOTICE_RATE = { every: 6000, burst: 10 } as const;
/** Hints to an inbox in a huge room. */
export const HUGE_NOTICE_RATE = { every: 1000, burst: 1 } as const;
