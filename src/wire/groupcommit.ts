/**
 * Group commit. The first item of an idle queue is handled at once, in the same tick; what arrives while a batch is
 * written and sent, and during the pause after it, is the next batch. The pause also lets other senders' input in:
 * without it one busy socket starves the rest.
 */
export class GroupCommit<T> {
  #queue: T[] = [];
  #running = false;
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

  /** Queues an item. The promise is settled when the queue has come to rest; only an idle queue returns one. */
  add(item: T): Promise<void> | undefined {
    this.#queue.push(item);
    return this.#running ? undefined : this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    const faults: unknown[] = [];
    while (this.#queue.length > 0) {
      const batch = this.#queue.length <= this.#maxBatch ? this.#queue : this.#queue.slice(0, this.#maxBatch);
      this.#queue = batch === this.#queue ? [] : this.#queue.slice(this.#maxBatch);
      let pause = 0;
      try {
        this.#commit(batch);
        pause = this.#pause();
      } catch (fault) {
        if (faults.length === 0) faults.push(fault);
      }
      await scheduler.wait(pause);
    }
    this.#running = false;
    if (faults.length > 0) throw faults[0];
  }
}
