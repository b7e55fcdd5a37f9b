/** Events kept ready as JSON for frames to inboxes, and their size in characters. Twice as much for a while, so that it is cut seldom. */
export const RECENT = { events: 512, size: 256 * 1024 } as const;

/** The newest events as JSON. What is kept has no holes: it is cut out by position. */
export class Recent {
  #events: { seq: number; json: string }[] = [];
  #size = 0;

  add(seq: number, json: string): void {
    const last = this.#events.at(-1);
    if (last !== undefined && last.seq + 1 !== seq) this.clear();
    this.#events.push({ seq, json });
    this.#size += json.length;
    if (this.#events.length < RECENT.events * 2 && this.#size < RECENT.size * 2) return;
    while (this.#events.length > RECENT.events || (this.#size > RECENT.size && this.#events.length > 1)) {
      this.#size -= this.#events.shift()?.json.length ?? 0;
    }
  }

  /** The events from `seq` on; undefined: they do not reach back so far. */
  from(seq: number): string[] | undefined {
    const first = this.#events[0]?.seq;
    if (first === undefined || seq < first) return undefined;
    return this.#events.slice(seq - first).map(({ json }) => json);
  }

  clear(): void {
    if (this.#events.length === 0) return;
    this.#events = [];
    this.#size = 0;
  }
}
