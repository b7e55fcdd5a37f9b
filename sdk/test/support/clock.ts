import type { Clock } from '../../src/index.ts';

/** The real time, and as much more as a test adds: what falls due by that runs at once, in order. */
export class TestClock implements Clock {
  #added = 0;
  #setBack = 0;
  readonly #waiting = new Map<object, { due: number; run: () => void; cancel: () => void }>();

  now(): number {
    return this.#time() - this.#setBack;
  }

  #time(): number {
    return Date.now() + this.#added;
  }

  /** Somebody sets the device's time back; what runs after so many milliseconds does so all the same. */
  setBack(ms: number): void {
    this.#setBack += ms;
  }

  after(ms: number, run: () => void): () => void {
    const key = {};
    const timer = setTimeout(() => this.#fire(key), Math.min(ms, 2 ** 31 - 1));
    this.#waiting.set(key, { due: this.#time() + ms, run, cancel: () => clearTimeout(timer) });
    return () => {
      clearTimeout(timer);
      this.#waiting.delete(key);
    };
  }

  advance(ms: number): void {
    this.#added += ms;
    for (;;) {
      const due = [...this.#waiting]
        .filter(([, timer]) => timer.due <= this.#time())
        .sort(([, a], [, b]) => a.due - b.due);
      const next = due[0];
      if (next === undefined) return;
      this.#fire(next[0]);
    }
  }

  #fire(key: object): void {
    const timer = this.#waiting.get(key);
    if (timer === undefined) return;
    timer.cancel();
    this.#waiting.delete(key);
    timer.run();
  }
}
