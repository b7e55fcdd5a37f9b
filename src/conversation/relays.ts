import type { RelayAnswer, RelayApi, RelayBatch } from '../relay/api.ts';

/** Sockets that one relay holds before the next one is opened. */
export const SOCKETS_PER_RELAY = 1000;
/** Tries for one batch before the relay's clients are left to ask for what they lack. */
const TRIES = 3;
const RETRY_MS = 250;

/** Characters of frames that wait for a relay, or go there with one call; beyond it they are dropped and its clients pull. */
const MAX_WAITING = 4 * 1024 * 1024;

interface Entry {
  sockets: number;
  running: boolean;
  waiting: RelayBatch | undefined;
  /** A batch was lost: the next one says so. */
  missed: boolean;
  /** Sockets that were sent to this relay so far: an answer older than the last of them must not close the relay's entry. */
  arrivals: number;
}

export interface RelayPorts {
  relay(name: string): RelayApi;
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * The relays of a huge conversation, as the room sees them. One call per relay is under way at a time; what comes meanwhile
 * goes with the next. A relay that could not be reached is told of the gap, and its clients pull: nothing is kept for it.
 * Which relays exist is stored, so that a room that starts anew, not knowing what it told, tells all of them that they may
 * have missed something.
 */
export class Relays {
  readonly #sql: SqlStorage;
  readonly #ports: RelayPorts;
  readonly #entries = new Map<string, Entry>();

  constructor(sql: SqlStorage, stored: boolean, ports: RelayPorts) {
    this.#sql = sql;
    this.#ports = ports;
    if (!stored) return;
    for (const { name } of sql.exec<{ name: string }>('SELECT name FROM relays').toArray()) this.#entry(name);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The relay for a new socket near `place`: the fullest that has room, so that few relays carry the batches. */
  assign(place: string): string {
    const near = [...this.#entries].filter(([name]) => name.startsWith(`${place}-`));
    const open = near
      .filter(([, { sockets }]) => sockets < SOCKETS_PER_RELAY)
      .sort(([, a], [, b]) => b.sockets - a.sockets);
    const numbers = near.map(([taken]) => Number(taken.slice(place.length + 1)));
    const name = open[0]?.[0] ?? `${place}-${Math.max(0, ...numbers) + 1}`;
    this.arrived(name);
    // Counted at once, and corrected by the relay's next answer: a storm of sockets must not all take the same place.
    this.#entry(name).sockets += 1;
    return name;
  }

  /** A socket is about to be, or is, at this relay: it has to be told from now on. */
  arrived(name: string): void {
    if (!this.#entries.has(name)) this.#sql.exec('INSERT INTO relays VALUES (?) ON CONFLICT DO NOTHING', name);
    this.#entry(name).arrivals += 1;
  }

  /** After a start in the midst of things: what was on its way to relays is not known any more. */
  resume(head: number): void {
    if (this.#entries.size > 0) this.#toAll({ frames: [], ended: [], deleted: false, gap: true, head });
  }

  publish(batch: Omit<RelayBatch, 'gap'>): void {
    if (this.#entries.size > 0) this.#toAll({ ...batch, gap: false });
  }

  async endSessions(user: string, which: Parameters<RelayApi['endSessions']>[1]): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((name) => this.#ports.relay(name).endSessions(user, which)));
  }

  /** Tells relays that could not be reached of what they missed. Returns whether any relay is still to be told something. */
  repair(head: number): boolean {
    const behind = [...this.#entries].filter(([, { running, missed }]) => running || missed);
    for (const [name, entry] of behind) {
      if (!entry.running) this.#to(name, entry, { frames: [], ended: [], deleted: false, gap: true, head });
    }
    return behind.length > 0;
  }

  #toAll(batch: RelayBatch): void {
    for (const [name, entry] of this.#entries) this.#to(name, entry, batch);
  }

  #to(name: string, entry: Entry, batch: RelayBatch): void {
    entry.waiting = bounded(entry.waiting === undefined ? batch : joined(entry.waiting, batch));
    if (entry.running) return;
    entry.running = true;
    this.#ports.background(this.#run(name, entry));
  }

  async #run(name: string, entry: Entry): Promise<void> {
    for (let batch = entry.waiting; batch !== undefined; batch = entry.waiting) {
      entry.waiting = undefined;
      const { arrivals } = entry;
      const answer = await this.#call(name, entry.missed ? { ...batch, gap: true } : batch);
      entry.missed = answer === null;
      if (answer === null || entry.arrivals !== arrivals) continue;
      entry.sockets = answer.sockets;
      if (answer.sockets === 0 && entry.waiting === undefined) this.#drop(name);
    }
    entry.running = false;
  }

  async #call(name: string, batch: RelayBatch): Promise<RelayAnswer | null> {
    for (let tried = 1; ; tried++) {
      try {
        return await this.#ports.relay(name).publish(batch);
      } catch (fault) {
        this.#ports.log('a relay could not be told', { relay: name, tried, error: String(fault) });
        if (tried === TRIES) return null;
        await scheduler.wait(RETRY_MS * tried);
      }
    }
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { sockets: 0, running: false, waiting: undefined, missed: false, arrivals: 0 };
      this.#entries.set(name, entry);
    }
    return entry;
  }

  #drop(name: string): void {
    this.#entries.delete(name);
    this.#sql.exec('DELETE FROM relays WHERE name = ?', name);
  }
}

const joined = (first: RelayBatch, then: RelayBatch): RelayBatch => ({
  frames: [...first.frames, ...then.frames],
  ended: [...first.ended, ...then.ended],
  deleted: first.deleted || then.deleted,
  gap: first.gap || then.gap,
  head: then.head,
});

/** What is too much for a slow relay, or for one call, is left to its clients to ask for. */
function bounded(batch: RelayBatch): RelayBatch {
  const size = batch.frames.reduce((sum, { text }) => sum + text.length, 0);
  return size <= MAX_WAITING ? batch : { ...batch, frames: [], gap: true };
}
