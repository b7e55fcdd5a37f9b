import type { ChatEvent } from '../../sdk/src/index.ts';

/** A run of the log without gaps, both ends included. */
export interface Interval {
  from: number;
  upto: number;
}

/**
 * The log as all of the clients have it together: the first to hold a seq says what it is, the others are compared with
 * that. So what is kept grows with the log, not with the log times its readers.
 */
export class SharedLog {
  readonly #texts = new Map<number, string>();
  readonly #events = new Map<number, ChatEvent>();

  /** @returns whether this is the event that others hold at its seq */
  agrees(event: ChatEvent): boolean {
    const text = JSON.stringify(event);
    const known = this.#texts.get(event.seq);
    if (known !== undefined) return known === text;
    this.#texts.set(event.seq, text);
    this.#events.set(event.seq, event);
    return true;
  }

  at(seq: number): ChatEvent | undefined {
    return this.#events.get(seq);
  }

  get size(): number {
    return this.#events.size;
  }
}

/** What one client was given of the log, as an app that follows it would keep it. */
export class Ledger {
  readonly intervals: Interval[] = [];
  readonly faults: string[] = [];
  readonly #shared: SharedLog;
  #waiting: { seq: number; resolve: () => void }[] = [];

  constructor(shared: SharedLog) {
    this.#shared = shared;
  }

  /** The last seq held. */
  get upto(): number {
    return this.intervals.at(-1)?.upto ?? 0;
  }

  /** New events, ascending. One that does not follow begins another interval; one that is not new is a fault. */
  add(events: readonly ChatEvent[]): void {
    for (const event of events) {
      const last = this.intervals.at(-1);
      if (last !== undefined && event.seq <= last.upto) {
        this.faults.push(`seq ${event.seq} came again, after ${last.upto}`);
        continue;
      }
      this.#compare(event);
      if (last !== undefined && event.seq === last.upto + 1) last.upto = event.seq;
      else this.intervals.push({ from: event.seq, upto: event.seq });
    }
    this.#wake();
  }

  /** Events from before the last interval, as far as they are not held: the history that was loaded. */
  addOlder(events: readonly ChatEvent[]): void {
    const first = this.intervals.at(-1);
    const held = this.intervals.at(-2)?.upto ?? 0;
    const older = events.filter(({ seq }) => seq > held && (first === undefined || seq < first.from));
    if (first === undefined) {
      this.add(older);
      return;
    }
    for (const event of older.toReversed()) {
      if (event.seq !== first.from - 1) {
        this.faults.push(`loaded history goes from ${event.seq} to ${first.from}`);
        return;
      }
      this.#compare(event);
      first.from = event.seq;
    }
  }

  fault(what: string): void {
    this.faults.push(what);
  }

  /** Resolves when `seq` is held. Rejects after `within` ms. */
  reached(seq: number, within: number): Promise<void> {
    if (this.upto >= seq) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((entry) => entry !== waiting);
        reject(new Error(`held up to ${this.upto} only, seq ${seq} did not come in ${within / 1000} s`));
      }, within);
      const waiting = {
        seq,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.#waiting.push(waiting);
    });
  }

  #compare(event: ChatEvent): void {
    if (!this.#shared.agrees(event)) this.faults.push(`seq ${event.seq} is not what others hold there`);
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ seq }) => seq <= this.upto);
    this.#waiting = this.#waiting.filter(({ seq }) => seq > this.upto);
    for (const { resolve } of ready) resolve();
  }
}
