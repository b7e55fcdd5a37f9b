import type { RateLimiter } from './rate.ts';
import { limiter } from './rate.ts';

const limiters = new WeakMap<object, RateLimiter>();

/** Counts what came in on a socket; true when it is more than a socket may send, and the socket has to end. */
export function floods(socket: object, frames: number, now: number, enabled: boolean): boolean {
  const own = limiters.get(socket) ?? limiter('framesPerSocket', enabled);
  if (own === undefined) return false;
  limiters.set(socket, own);
  return own.take('', now, Math.max(1, frames)) > 0;
}
