/** Waits between attempts: full jitter under a limit that doubles, so that clients cut off together return apart. */
export class Backoff {
  readonly #random: () => number;
  readonly #base: number;
  readonly #cap: number;
  #attempt = 0;

  /** @param base limit of the first wait, ms; @param cap limit of every wait, ms */
  constructor(random: () => number, base = 500, cap = 30_000) {
    this.#random = random;
    this.#base = base;
    this.#cap = cap;
  }

  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait now; never less than `atLeast`. */
  next(atLeast = 0): number {
    const limit = Math.min(this.#cap, this.#base * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 30);
    // What the server asks for is a lower bound: the jitter comes on top of it.
    return Math.ceil(atLeast + this.#random() * limit);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
