import { RATES, type Rate } from '../protocol/limits.ts';

/** Buckets kept at once; beyond it those that are full again go. */
const KEPT = 10_000;

/**
 * How often each of many names may do something: a token bucket for each, in memory. It begins full, so an object that
 * starts anew is generous once. A name that rests costs nothing: a full bucket and none are the same.
 */
export class RateLimiter {
  readonly #rate: Rate;
  /** When the bucket of a name would be full again, in ms since 1970 (virtual scheduling: one number for each). */
  readonly #fullAt = new Map<string, number>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes `count` at once, or nothing. 0: taken; else how many seconds to wait before asking again. */
  take(name: string, now: number, count = 1): number {
    const { perSecond, burst } = this.#rate;
    const each = 1000 / perSecond;
    // A clock that went back leaves nobody waiting for longer than an empty bucket takes to fill.
    const fullAt = Math.min(Math.max(this.#fullAt.get(name) ?? now, now), now + burst * each);
    const wait = fullAt + (count - burst) * each - now;
    const taken = wait <= 0.001;
    if (this.#fullAt.size >= KEPT) this.#prune(now);
    this.#fullAt.set(name, taken ? fullAt + count * each : fullAt);
    return taken ? 0 : Math.max(1, Math.ceil(wait / 1000));
  }

  #prune(now: number): void {
    for (const [name, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(name);
    // Everybody is busy: whoever has been in it the longest begins anew.
    for (const name of this.#fullAt.keys()) {
      if (this.#fullAt.size < KEPT) break;
      this.#fullAt.delete(name);
    }
  }
}

/** A limiter of the table, or undefined where the operator has switched rates off (`RATE_LIMITS`). */
export const limiter = (name: keyof typeof RATES, enabled: boolean): RateLimiter | undefined =>
  enabled ? new RateLimiter(RATES[name]) : undefined;
