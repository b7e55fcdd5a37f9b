import type { Answer, Call, Entry } from '../../test/chaos/checker/history.ts';

type Unstamped<T> = T extends { at: number } ? Omit<T, 'at'> : never;

/** Writes the history: one clock for everybody. */
export class Recorder {
  readonly entries: Entry[] = [];
  #ops = 0;

  now(): number {
    return performance.now();
  }

  note(entry: Unstamped<Entry>): void {
    // The stamp completes what was left out of it, whichever entry it is.
    this.entries.push({ at: this.now(), ...entry } as Entry);
  }

  /** Something is asked; what is returned notes how it ended, once. */
  invoke(about: { session: string; user: string }, call: Call): Ending {
    this.#ops += 1;
    const op = this.#ops;
    this.note({ e: 'invoke', op, call, ...about });
    let open = true;
    const end = (note: () => void) => {
      if (open) note();
      open = false;
    };
    return {
      ok: (answer = {}) => end(() => this.note({ e: 'ok', op, answer, ...about })),
      fail: (code) => end(() => this.note({ e: 'fail', op, code, ...about })),
      info: (why) => end(() => this.note({ e: 'info', op, why, ...about })),
    };
  }

  count(e: Entry['e']): number {
    return this.entries.filter((entry) => entry.e === e).length;
  }

  lines(): string {
    return this.entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  }
}

export interface Ending {
  ok(answer?: Answer): void;
  fail(code: string): void;
  info(why: string): void;
}
