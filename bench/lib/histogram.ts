/** 64 steps to each doubling: no value is more than 1.6 % off. */
const STEPS_LOG2 = 6;
const BUCKETS = 32 << STEPS_LOG2;

/** Counts of durations, in milliseconds, kept in microseconds. */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  count = 0;

  add(ms: number): void {
    const us = ms <= 0 ? 0 : (ms * 1000) | 0;
    const shift = Math.max(0, 31 - Math.clz32(us) - STEPS_LOG2);
    const bucket = (shift << STEPS_LOG2) + (us >>> shift);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.count++;
  }

  /** The duration below which the share `q` of all lies, in milliseconds; NaN without any. */
  quantile(q: number): number {
    let left = Math.max(1, Math.ceil(this.count * q));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket] ?? 0;
      if (left > 0) continue;
      const shift = Math.max(0, (bucket >> STEPS_LOG2) - 1);
      return ((bucket - (shift << STEPS_LOG2) + 0.5) * 2 ** shift) / 1000;
    }
    return Number.NaN;
  }
}
