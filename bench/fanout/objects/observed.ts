import { AsyncLocalStorage } from 'node:async_hooks';
import { type Counts, type Kind, noCounts } from '../counts.ts';

/** The object whose event is running: timers are put to its account. */
export const running = new AsyncLocalStorage<Observed>();

/** Statements that are remembered before their rows are added up. */
const REMEMBERED = 64;
/** An alarm that comes sooner is work under way, ms. */
const SOON_MS = 60 * 60 * 1000;

interface Cursor {
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

/** One object, as it is observed. It stays while the object itself hibernates and comes back. */
export class Observed {
  readonly kind: Kind;
  readonly name: string;
  readonly #counts = noCounts();
  /** An alarm is to come. */
  alarm = false;
  #holds = 0;
  #called = false;
  #timers = 0;
  #timersSince = 0;
  #cursors: { query: string; cursor: Cursor }[] = [];
  #sql: SqlStorage | undefined;

  constructor(kind: Kind, name: string) {
    this.kind = kind;
    this.name = name;
    this.#counts.objects = 1;
  }

  get busy(): boolean {
    return this.#holds > 0;
  }

  /** What was counted so far; of a busy object, without the last few statements. */
  get counts(): Counts {
    return structuredClone(this.#counts);
  }

  /** The object has something to do until the returned function is called; calling that again changes nothing. */
  hold(): () => void {
    if (this.#holds === 0) {
      this.#called = false;
      this.#counts.spells += 1;
    }
    this.#holds += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      if (this.#holds === 0) this.#rest();
    };
  }

  /** A timer is to come, which keeps the object awake, until the returned function is called. */
  holdTimer(): () => void {
    const release = this.hold();
    if (this.#timers === 0) this.#timersSince = Date.now();
    this.#timers += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#timers -= 1;
      if (this.#timers === 0) this.#counts.timerMs += Date.now() - this.#timersSince;
      release();
    };
  }

  /** Runs an event of the object. */
  during<T>(event: () => T): T {
    const release = this.hold();
    let result: T;
    try {
      result = running.run(this, event);
    } catch (fault) {
      release();
      throw fault;
    }
    if (result instanceof Promise) void result.then(release, release);
    else release();
    return result;
  }

  /** The object was started: anew, or after it had slept. */
  started(sql: SqlStorage): void {
    this.#sql = sql;
    this.#counts.starts += 1;
  }

  calls(target: string): void {
    this.#counts.calls[target] = (this.#counts.calls[target] ?? 0) + 1;
    if (this.#holds === 0 || this.#called) return;
    this.#called = true;
    this.#counts.spellsWithCalls += 1;
  }

  request(): void {
    this.#counts.requests += 1;
  }

  message(): void {
    this.#counts.messages += 1;
  }

  alarmRang(): void {
    this.alarm = false;
    this.#counts.alarms += 1;
  }

  /** What is due in days leaves the object at rest. @param time milliseconds since 1970 */
  alarmSet(time: number): void {
    this.alarm = time - Date.now() < SOON_MS;
    this.#add('setAlarm', 0, 1);
  }

  /** The rows of a statement are known once its reader is done with the cursor: they are added up later. */
  ran(query: string, cursor: Cursor): void {
    this.#cursors.push({ query, cursor });
    // The newest ones may still be read from.
    if (this.#cursors.length > REMEMBERED) this.#settle(REMEMBERED / 2);
  }

  d1(rowsRead: number, rowsWritten: number): void {
    this.#counts.d1Read += rowsRead;
    this.#counts.d1Written += rowsWritten;
  }

  queued(messages: number): void {
    this.#counts.queued += messages;
  }

  #rest(): void {
    this.#settle(0);
    if (this.#sql === undefined) return;
    const size = this.#sql.databaseSize;
    this.#counts.grown += size - this.#counts.stored;
    this.#counts.stored = size;
  }

  #settle(keep: number): void {
    for (const { query, cursor } of this.#cursors.splice(0, this.#cursors.length - keep)) {
      this.#add(query, cursor.rowsRead, cursor.rowsWritten);
    }
  }

  #add(query: string, read: number, written: number): void {
    const { statements } = this.#counts;
    statements[query] ??= { runs: 0, read: 0, written: 0 };
    const statement = statements[query];
    statement.runs += 1;
    statement.read += read;
    statement.written += written;
    this.#counts.rowsRead += read;
    this.#counts.rowsWritten += written;
  }
}

const all = new Map<string, Observed>();

export function observed(kind: Kind, name: string): Observed {
  const key = `${kind} ${name}`;
  let one = all.get(key);
  if (one === undefined) {
    one = new Observed(kind, name);
    all.set(key, one);
  }
  return one;
}

export const everyone = (): Iterable<Observed> => all.values();
