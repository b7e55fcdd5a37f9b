import type { SteadyClock } from './environment.ts';
import { StorageError } from './errors.ts';
import type { StorageAdapter } from './storage.ts';

/** Marks set within this time go out together, ms. */
const COALESCE = 50;
/** An unconfirmed mark is sent again after this long, doubling, ms. */
const AGAIN = { first: 3_000, longest: 60_000 } as const;

interface Mark {
  seq: number;
  tries: number;
  due: number;
}

export interface ReadPorts {
  /** Puts `read` on a connection. False: there is none. */
  send(chatId: string, seq: number): boolean;
  fault(error: Error): void;
}

/** Read marks on their way: kept and sent again until the server's watermark shows them. */
export class ReadMarks {
  readonly #clock: SteadyClock;
  readonly #storage: StorageAdapter;
  readonly #ports: ReadPorts;
  readonly #marks = new Map<string, Mark>();
  #user = '';
  #cancel: (() => void) | undefined;

  constructor(clock: SteadyClock, storage: StorageAdapter, ports: ReadPorts) {
    this.#clock = clock;
    this.#storage = storage;
    this.#ports = ports;
  }

  /** @returns the marks that storage holds for this user, by conversation */
  async load(user: string): Promise<Map<string, number>> {
    this.#user = user;
    try {
      const prefix = this.#key('');
      for (const [key, seq] of Object.entries(await this.#storage.read(prefix))) {
        if (typeof seq === 'number') this.#marks.set(key.slice(prefix.length), { seq, tries: 0, due: 0 });
      }
    } catch (error) {
      this.#ports.fault(new StorageError('Read marks could not be read', { cause: error }));
    }
    return new Map([...this.#marks].map(([chatId, mark]) => [chatId, mark.seq]));
  }

  mark(chatId: string, seq: number): void {
    if (seq <= (this.#marks.get(chatId)?.seq ?? 0)) return;
    this.#marks.set(chatId, { seq, tries: 0, due: this.#clock.steady() + COALESCE });
    void this.#store({ set: { [this.#key(chatId)]: seq } });
    this.#schedule();
  }

  /** The server's watermark of the user in a conversation. */
  confirmed(chatId: string, readSeq: number): void {
    const mark = this.#marks.get(chatId);
    if (mark === undefined || readSeq < mark.seq) return;
    this.forget(chatId);
  }

  /** The user is no longer in the conversation. */
  forget(chatId: string): void {
    if (this.#marks.delete(chatId)) void this.#store({ delete: [this.#key(chatId)] });
  }

  /** A connection is there: what is not confirmed goes out now. */
  resume(): void {
    for (const mark of this.#marks.values()) {
      mark.tries = 0;
      mark.due = 0;
    }
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  clear(): void {
    this.stop();
    this.#marks.clear();
  }

  #schedule(): void {
    this.stop();
    if (this.#marks.size === 0) return;
    const next = Math.min(...[...this.#marks.values()].map((mark) => mark.due));
    this.#cancel = this.#clock.after(Math.max(0, next - this.#clock.steady()), () => this.#flush());
  }

  #flush(): void {
    const now = this.#clock.steady();
    for (const [chatId, mark] of this.#marks) {
      if (mark.due > now) continue;
      this.#ports.send(chatId, mark.seq);
      mark.due = now + Math.min(AGAIN.longest, AGAIN.first * 2 ** mark.tries++);
    }
    this.#schedule();
  }

  #key(chatId: string): string {
    return `read/${this.#user}/${chatId}`;
  }

  async #store(changes: Parameters<StorageAdapter['write']>[0]): Promise<void> {
    try {
      await this.#storage.write(changes);
    } catch (error) {
      this.#ports.fault(new StorageError('Read marks could not be stored', { cause: error }));
    }
  }
}
