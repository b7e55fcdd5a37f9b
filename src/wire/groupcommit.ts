import { systemClock } from '../clock.ts';

/**
 * Group commit. The first item of an idle queue is handled at once, in the same tick; what arrives while a batch is
 * written and sent, and during the pause after it, is the next batch. The pause also lets other senders' input in:
 * without it one busy socket starves the rest. Who comes alone costs no timer: the pause is waited for by the first who
 * comes within it.
 */
export class GroupCommit<T> {
  #queue: T[] = [];
  #running = false;
  /** When the pause after the last batch is over, in ms since 1970. */
  #idleAt = 0;
  readonly #commit: (batch: T[]) => void;
  readonly #pause: () => number;
  readonly #maxBatch: number;

  /**
   * @param commit handles a batch, synchronously. It answers for its faults itself: if it throws all the same, the next
   *   batch is handled nevertheless, and the promise of `add` rejects with the first fault.
   * @param pause milliseconds to wait before the next batch
   */
  constructor(commit: (batch: T[]) => void, pause: () => number, maxBatch = Number.POSITIVE_INFINITY) {
    this.#commit = commit;
    this.#pause = pause;
    this.#maxBatch = maxBatch;
  }

  get length(): number {
    return this.#queue.length;
  }

  /**
   * Queues an item. Returns nothing when the item was handled and nothing waits, or when an earlier promise answers for it;
   * else a promise that is settled when the queue has come to rest.
   */
  add(item: T): Promise<void> | undefined {
    this.#queue.push(item);
    if (this.#running) return undefined;
    this.#running = true;
    const faults: unknown[] = [];
    const wait = this.#idleAt - systemClock();
    if (wait <= 0) this.#handle(faults);
    if (this.#queue.length === 0 && faults.length === 0) {
      this.#running = false;
      return undefined;
    }
    return this.#run(faults);
  }

  async #run(faults: unknown[]): Promise<void> {
    while (this.#queue.length > 0) {
      await scheduler.wait(Math.max(0, this.#idleAt - systemClock()));
      this.#handle(faults);
    }
    this.#running = false;
    if (faults.length > 0) throw faults[0];
  }

  #handle(faults: unknown[]): void {
    const batch = this.#queue.length <= this.#maxBatch ? this.#queue : this.#queue.slice(0, this.#maxBatch);
    this.#queue = batch === this.#queue ? [] : this.#queue.slice(this.#maxBatch);
    try {
      this.#commit(batch);
      this.#idleAt = systemClock() + this.#pause();
    } catch (fault) {
      if (faults.length === 0) faults.push(fault);
    }
  }
}
