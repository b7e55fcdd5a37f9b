import type { ChatEvent } from '../../src/protocol/events.ts';
import type { Message, MessagePage } from '../../src/protocol/messages.ts';
import { changed, targetsOf } from '../../src/protocol/state.ts';

/** Messages brought at a time. */
const PAGE = 50;

/** Asks for messages on one side of a seq, in ascending order. */
export type FetchMessages = (query: { before?: number; after?: number; limit: number }) => Promise<MessagePage>;

/**
 * A piece of the history apart from what is held live: around an old message. It grows in both directions, and shows
 * messages as they stood when they were loaded, and as `follow` changes them.
 */
export class HistoryWindow {
  readonly #fetch: FetchMessages;
  #items: readonly Message[] = [];
  #hasOlder = true;
  #hasNewer = true;
  #loading: Promise<number> | undefined;

  /** @internal Made by `chat.around`. */
  constructor(fetch: FetchMessages) {
    this.#fetch = fetch;
  }

  /** Ascending; the same array until it changes. */
  get items(): readonly Message[] {
    return this.#items;
  }
  get hasOlder(): boolean {
    return this.#hasOlder;
  }
  get hasNewer(): boolean {
    return this.#hasNewer;
  }

  /** @internal Begins with the messages on both sides of `seq`. */
  async begin(seq: number, page = PAGE): Promise<void> {
    const half = Math.ceil(page / 2);
    const [before, after] = await Promise.all([
      this.#fetch({ before: seq, limit: half }),
      this.#fetch({ after: seq - 1, limit: half }),
    ]);
    this.#items = [...before.items, ...after.items];
    this.#hasOlder = before.has_more;
    this.#hasNewer = after.has_more;
  }

  /** @returns how many came; 0: there are no more */
  loadOlder(count = PAGE): Promise<number> {
    return this.#load(async () => {
      const first = this.#items[0];
      if (first === undefined || !this.#hasOlder) return 0;
      const { items, has_more } = await this.#fetch({ before: first.seq, limit: count });
      this.#items = [...items, ...this.#items];
      this.#hasOlder = has_more;
      return items.length;
    });
  }

  /** @returns how many came; 0: there are no more */
  loadNewer(count = PAGE): Promise<number> {
    return this.#load(async () => {
      const last = this.#items.at(-1);
      if (last === undefined || !this.#hasNewer) return 0;
      const { items, has_more } = await this.#fetch({ after: last.seq, limit: count });
      this.#items = [...this.#items, ...items];
      this.#hasNewer = has_more;
      return items.length;
    });
  }

  /** Applies what has happened since to the messages that it is about. */
  follow(events: readonly ChatEvent[], self: string | undefined): void {
    for (const event of events) {
      const targets = targetsOf(event);
      if (!this.#items.some(({ seq }) => targets.includes(seq))) continue;
      this.#items = this.#items.flatMap((message) =>
        targets.includes(message.seq) ? (changed(message, event, self) ?? []) : [message],
      );
    }
  }

  /** One at a time: a page joins on to what the last one left. */
  #load(page: () => Promise<number>): Promise<number> {
    this.#loading ??= page().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }
}
