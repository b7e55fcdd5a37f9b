/** Does its work once for all who ask for it in a turn, after the turn, until it is stopped. */
export class OncePerTurn {
  readonly #work: () => void;
  #planned = false;
  #stopped = false;

  constructor(work: () => void) {
    this.#work = work;
  }

  plan(): void {
    if (this.#planned || this.#stopped) return;
    this.#planned = true;
    setTimeout(() => {
      this.#planned = false;
      if (!this.#stopped) this.#work();
    }, 0);
  }

  stop(): void {
    this.#stopped = true;
  }
}
