/**
 * One alarm for two purposes: it guards what may be untold (`fanout.ts`), and comes for what has a time of its own. Which of
 * them a stored alarm is for decides whether a room that wakes tells everybody again, so the time itself says it: an alarm at
 * an even millisecond that is the earliest time of the room's own is for that alone; any other one guards.
 */
export class Alarms {
  readonly #set: (at: number) => void;
  #guard: number | undefined;
  #timed: number | undefined;
  #at: number | undefined;

  constructor(set: (at: number) => void) {
    this.#set = set;
  }

  /** Whether this life of the room knows of an alarm that is to come. */
  get expected(): boolean {
    return this.#at !== undefined;
  }

  /** Takes over the stored alarm. @returns whether it guards: something may be untold */
  resume(at: number | null, timed: number | undefined): boolean {
    this.#timed = timed;
    this.#at = at ?? undefined;
    const guards = at !== null && (timed === undefined || at !== evenly(timed));
    if (guards) this.#guard = at;
    else this.#apply();
    return guards;
  }

  /** It comes at `at` or before, for what may be untold. */
  guard(at: number): void {
    this.#guard = at;
    this.#apply();
  }

  /** It comes for what is due at `timed`; undefined: nothing is. */
  time(timed: number | undefined): void {
    if (timed === this.#timed) return;
    this.#timed = timed;
    this.#apply();
  }

  /** The alarm has come: whatever is still to be waited for has to be said again. */
  rang(): void {
    this.#guard = this.#timed = this.#at = undefined;
  }

  #apply(): void {
    const timed = this.#timed === undefined ? Number.POSITIVE_INFINITY : evenly(this.#timed);
    const at = this.#guard === undefined ? timed : oddly(Math.min(this.#guard, timed));
    if (at === Number.POSITIVE_INFINITY || at === this.#at) return;
    this.#at = at;
    this.#set(at);
  }
}

const evenly = (at: number): number => at + (at % 2);
const oddly = (at: number): number => at - (at % 2) + 1;
