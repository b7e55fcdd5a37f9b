import { LIMITS } from '../protocol/limits.ts';

/** That a user types is passed on once in so many ms. */
const EVERY_MS = 3000;
/** Users of whom it is remembered. */
const HELD = 1000;

/** Who was said to type, in memory alone: what is lost of it is over in a few seconds. */
export class Typing {
  /** When it was last passed on that a user types, by the steady clock, and whether nothing was said of their stopping. */
  readonly #said = new Map<string, { at: number; typing: boolean }>();

  /**
   * Whether it is to be passed on that a user types, or has stopped: the one at most once in three seconds, the other once for
   * each time that was passed on. Who says neither for `typingTimeoutMs` has stopped too, as everybody knows.
   */
  take(user: string, stop: boolean, now: number): boolean {
    const held = this.#said.get(user);
    const recently = held !== undefined && now - held.at < EVERY_MS;
    if (stop ? held?.typing !== true : recently) return false;
    if (this.#said.size >= HELD) this.#forget(now);
    this.#said.set(user, { at: stop && held !== undefined ? held.at : now, typing: !stop });
    return true;
  }

  /** Forgets who typed too long ago to matter; where all of them matter, the oldest. */
  #forget(now: number): void {
    for (const [user, { at }] of this.#said) if (now - at >= LIMITS.typingTimeoutMs) this.#said.delete(user);
    const [oldest] = this.#said.keys();
    if (this.#said.size >= HELD && oldest !== undefined) this.#said.delete(oldest);
  }
}
