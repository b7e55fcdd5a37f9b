import type { Answer, Call, Entry } from '../../test/chaos/checker/history.ts';

/** Acknowledged messages of each conversation that are kept in mind. */
const REMEMBERED = 40;

type Unstamped<T> = T extends { at: number } ? Omit<T, 'at'> : never;

/** A message that was acknowledged. */
export interface Acked {
  user: string;
  seq: number;
}

/** Writes the history: one clock for everybody. */
export class Recorder {
  readonly entries: Entry[] = [];
  #concluded = false;
  readonly #acked = new Map<string, Acked[]>();
  #ops = 0;

  now(): number {
    return performance.now();
  }

  note(entry: Unstamped<Entry>): void {
    if (this.#concluded && entry.e !== 'fuzz') return;
    // The stamp completes what was left out of it, whichever entry it is.
    this.entries.push({ at: this.now(), ...entry } as Entry);
  }

  /** Everything was read: what clients see from here on is of requests that are made up, and no reading tells of it. */
  conclude(): void {
    this.#concluded = true;
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
      ok: (answer = {}) =>
        end(() => {
          this.note({ e: 'ok', op, answer, ...about });
          if (call.do === 'send' && answer.seq !== undefined) {
            this.#acked.set(
              call.chat,
              [...this.acked(call.chat), { user: about.user, seq: answer.seq }].slice(-REMEMBERED),
            );
          }
        }),
      fail: (code) => end(() => this.note({ e: 'fail', op, code, ...about })),
      info: (why) => end(() => this.note({ e: 'info', op, why, ...about })),
    };
  }

  /** The latest messages of a conversation that were acknowledged. */
  acked(chat: string): readonly Acked[] {
    return this.#acked.get(chat) ?? [];
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
