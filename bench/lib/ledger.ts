import { ID_DIGITS } from './body.ts';
import { Histogram } from './histogram.ts';

/** Messages that one run may send. */
const CAPACITY = 1 << 21;
const sentAt = new Map<string, Float64Array>();
const copies = new Map<string, Uint16Array>();
/** Numbers are never used twice in one process: a client_id must not come back. Each run has a stretch of its own. */
let nextBase = 1;

/** The arrays of a peer, kept from run to run: fresh ones would be paid for by page faults inside the run. */
function arrayOf<T>(kept: Map<string, T>, peer: string, make: () => T): T {
  const found = kept.get(peer) ?? make();
  kept.set(peer, found);
  return found;
}

/**
 * What was sent, acknowledged and delivered in one run: each message must be acknowledged once and arrive exactly
 * `copiesEach` times. Latencies are counted while `measuring` is set.
 */
export class Ledger {
  measuring = false;
  sent = 0;
  acked = 0;
  delivered = 0;
  ackedInWindow = 0;
  deliveredInWindow = 0;
  /** Deliveries and acks of numbers that this run did not send. */
  strays = 0;
  readonly ack = new Histogram();
  readonly deliver = new Histogram();
  /** From sending to the last of the copies. */
  readonly last = new Histogram();
  readonly copiesEach: number;
  readonly #base = nextBase;
  readonly #sentAt: Float64Array;
  readonly #copies: Uint16Array;
  onComplete: ((id: number) => void) | undefined;

  constructor(peer: string, copiesEach: number) {
    this.copiesEach = copiesEach;
    nextBase += CAPACITY;
    if (nextBase > 10 ** ID_DIGITS) throw new Error('too many runs for one process');
    this.#sentAt = arrayOf(sentAt, peer, () => new Float64Array(CAPACITY));
    this.#copies = arrayOf(copies, peer, () => new Uint16Array(CAPACITY));
  }

  /** The number of the next message, sent now. */
  next(): number {
    if (this.sent === CAPACITY) throw new Error(`more than ${CAPACITY} messages in one run`);
    const index = this.sent++;
    this.#sentAt[index] = performance.now();
    this.#copies[index] = 0;
    return this.#base + index;
  }

  acknowledged(id: number, now: number): void {
    const index = id - this.#base;
    if (index < 0 || index >= this.sent) {
      this.strays++;
      return;
    }
    this.acked++;
    if (!this.measuring) return;
    this.ackedInWindow++;
    this.ack.add(now - (this.#sentAt[index] ?? now));
  }

  arrived(id: number, now: number): void {
    const index = id - this.#base;
    if (index < 0 || index >= this.sent) {
      this.strays++;
      return;
    }
    const copy = (this.#copies[index] ?? 0) + 1;
    this.#copies[index] = copy;
    this.delivered++;
    if (this.measuring) {
      this.deliveredInWindow++;
      const took = now - (this.#sentAt[index] ?? now);
      this.deliver.add(took);
      if (copy === this.copiesEach) this.last.add(took);
    }
    if (copy === this.copiesEach && this.onComplete) this.onComplete(id);
  }

  get outstanding(): number {
    return this.sent * this.copiesEach - this.delivered + this.sent - this.acked;
  }

  /** Messages with a copy missing, and with a copy too many. */
  verify(): { missing: number; doubled: number } {
    let missing = 0;
    let doubled = 0;
    for (let index = 0; index < this.sent; index++) {
      const seen = this.#copies[index] ?? 0;
      if (seen < this.copiesEach) missing++;
      else if (seen > this.copiesEach) doubled++;
    }
    return { missing, doubled };
  }
}
