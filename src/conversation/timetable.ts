import { steadyClock } from '../clock.ts';

/** Times are rounded up to a multiple of this, in ms, so that few times stand for many names. */
const GRAIN_MS = 25;

/**
 * Names that come due later, all on one timer: an object may have 10,000 timers, and a huge room has more recipients than
 * that. A name stands in it once.
 */
export class Timetable {
  readonly #times = new Map<string, number>();
  readonly #names = new Map<number, Set<string>>();
  readonly #due: (name: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = Number.POSITIVE_INFINITY;

  /** @param due is called with each name when its time has come; it may add names */
  constructor(due: (name: string) => void) {
    this.#due = due;
  }

  /** Has the name come due in so many milliseconds, in the place of whenever it was to come due. */
  add(name: string, wait: number): void {
    this.delete(name);
    const at = Math.ceil((steadyClock() + wait) / GRAIN_MS) * GRAIN_MS;
    const names = this.#names.get(at);
    if (names === undefined) this.#names.set(at, new Set([name]));
    else names.add(name);
    this.#times.set(name, at);
    if (at < this.#next) this.#arm(at);
  }

  /** Whether the name was still to come due; now it is not. */
  delete(name: string): boolean {
    const at = this.#times.get(name);
    if (at === undefined) return false;
    this.#times.delete(name);
    const names = this.#names.get(at);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(at);
    if (this.#times.size === 0) this.#arm(Number.POSITIVE_INFINITY);
    return true;
  }

  #arm(at: number): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#next = at;
    this.#timer = at === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => this.#ring(), at - steadyClock());
  }

  #ring(): void {
    const now = steadyClock();
    this.#next = Number.POSITIVE_INFINITY;
    for (const at of [...this.#names.keys()].filter((time) => time <= now).sort((a, b) => a - b)) {
      const names = this.#names.get(at) ?? [];
      this.#names.delete(at);
      for (const name of names) {
        // One that came before may have taken this one out, or given it another time.
        if (this.#times.get(name) !== at) continue;
        this.#times.delete(name);
        this.#due(name);
      }
    }
    const next = Math.min(...this.#names.keys());
    if (next < this.#next) this.#arm(next);
  }
}
