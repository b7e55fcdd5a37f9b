import { steadyClock } from '../clock.ts';

/** Shorter pauses do not end early, in ms: a batch that is cut leaves others behind, and there is little to be won. */
const LONG_MS = 10;
/** No pause ends before this, in ms: the input of all sockets is looked at. */
const INPUT_MS = 1;

/**
 * Group commit. The first item of an idle queue is handled at once, in the same tick; what arrives while a batch is
 * written and sent, and during the pause after it, is the next batch. The pause also lets other senders' input in:
 * without it one busy socket starves the rest. A long one ends early when so many wait that a larger batch would hardly be cheaper.
 * Who comes alone costs no timer: the pause is waited for by the first who comes within it.
 */
export class GroupCommit<T> {
  #queue: T[] = [];
  #running = false;
  /** When the pause after the last batch is over, by the steady clock. */
  #idleAt = 0;
  readonly #commit: (batch: T[]) => void;
  readonly #pause: () => number;
  readonly #enough: number;
  /** Ends the pause that is waited for. */
  #full: (() => void) | undefined;

  /**
   * @param commit handles a batch, synchronously. It answers for its faults itself: if it throws all the same, the next
   *   batch is handled nevertheless, and the promise of `add` rejects with the first fault.
   * @param pause milliseconds to wait before the next batch
   * @param enough so many items end a long pause
   */
  constructor(commit: (batch: T[]) => void, pause: () => number, enough = Number.POSITIVE_INFINITY) {
    this.#commit = commit;
    this.#pause = pause;
    this.#enough = enough;
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
    if (this.#queue.length >= this.#enough) this.#full?.();
    if (this.#running) return undefined;
    this.#running = true;
    const faults: unknown[] = [];
    const wait = this.#idleAt - steadyClock();
    if (wait <= 0) this.#handle(faults);
    if (this.#queue.length === 0 && faults.length === 0) {
      this.#running = false;
      return undefined;
    }
    return this.#run(faults);
  }

  async #run(faults: unknown[]): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#rest();
      this.#handle(faults);
    }
    this.#running = false;
    if (faults.length > 0) throw faults[0];
  }

  async #rest(): Promise<void> {
    const left = Math.max(0, this.#idleAt - steadyClock());
    const first = left < LONG_MS ? left : INPUT_MS;
    await scheduler.wait(first);
    if (first === left || this.#queue.length >= this.#enough) return;
    const full = new Promise<void>((resolve) => {
      this.#full = resolve;
    });
    await Promise.race([full, scheduler.wait(left - first)]);
  }

  #handle(faults: unknown[]): void {
    const batch = this.#queue;
    this.#queue = [];
    try {
      this.#commit(batch);
      this.#idleAt = steadyClock() + this.#pause();
    } catch (fault) {
      if (faults.length === 0) faults.push(fault);
    }
  }
}
