import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { ChatListItem } from '../protocol/chats.ts';
import { type ChatRecord, wanted } from './rows.ts';
import type { Timeline } from './timeline.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Milliseconds for which nobody has looked, with something waiting, before a mail says so. */
export const ABSENT_MS = 3 * DAY_MS;
/** A mail that was not sent is asked for again, so often and after so long. */
const TRIES = 3;
const AGAIN_MS = DAY_MS;
/** Conversations that one mail names, of those that were active last. */
const NAMED = 10;
const LOOKED_AT = 100;

/** `at`: when the next mail is due; null: this absence has had its mail. */
const State = z.object({ at: z.number().nullable(), tries: z.int() });
type State = z.infer<typeof State>;

/** A conversation with something new, as a mail names it. What was said stays out: a mail is read by others than whom it is for. */
export const Waiting = z.object({
  /** null: a conversation of two, named by the other person. */
  name: z.string().nullable(),
  peer_id: z.string().nullable(),
  unread: z.int(),
});
export type Waiting = z.infer<typeof Waiting>;

/**
 * One mail for each long absence: news begin it, a look ends it. What the mail says is read when it is sent.
 */
export class Digest {
  readonly #timeline: Timeline;
  readonly #owner: string;
  readonly #clock: Clock;
  #state: State | null | undefined;

  constructor(timeline: Timeline, owner: string, clock: Clock) {
    this.#timeline = timeline;
    this.#owner = owner;
    this.#clock = clock;
  }

  /** When the alarm is to come for it, in ms since 1970; null: not at all. */
  get due(): number | null {
    return this.#read()?.at ?? null;
  }

  /** News came, and no device is connected. @returns whether there is something to wait for from now on */
  consider({ item }: ChatRecord): boolean {
    if (item === null || this.#read() !== null || !this.#waits(item)) return false;
    this.#write({ at: this.#clock() + ABSENT_MS, tries: 0 });
    return true;
  }

  /** The user has looked: the absence is over. */
  looked(): void {
    if (this.#read() !== null) this.#write(null);
  }

  /** The time may have come. @returns whether a mail is to be sent; it is asked for again until `sent` */
  ring(): boolean {
    const state = this.#read();
    if (state === null || state.at === null || state.at > this.#clock()) return false;
    const tries = state.tries + 1;
    this.#write({ at: tries < TRIES ? this.#clock() + AGAIN_MS : null, tries });
    return true;
  }

  sent(): void {
    if (this.#read() !== null) this.#write({ at: null, tries: TRIES });
  }

  /** What waits now; empty when the user has looked since, or has read everything elsewhere. */
  waiting(): Waiting[] {
    if (this.#read() === null) return [];
    return this.#timeline
      .list(undefined, LOOKED_AT)
      .items.map((text) => ChatListItem.parse(JSON.parse(text)))
      .filter((item) => this.#waits(item))
      .slice(0, NAMED)
      .map(({ type, name, peer_ids, unread }) => ({
        name: type === 'Single' ? null : name,
        peer_id: type === 'Single' ? (peer_ids?.find((id) => id !== this.#owner) ?? null) : null,
        unread,
      }));
  }

  /** The same that decides on pushes, but for what was put away. */
  #waits(item: ChatListItem): boolean {
    const waiting = { all: item.unread, mentions: item.mentions, none: 0 };
    return !item.archived && waiting[wanted(item)] > 0;
  }

  #read(): State | null {
    if (this.#state === undefined) {
      const stored = this.#timeline.fact('digest') ?? '';
      this.#state = stored === '' ? null : State.parse(JSON.parse(stored));
    }
    return this.#state;
  }

  #write(state: State | null): void {
    this.#timeline.setFact('digest', state === null ? '' : JSON.stringify(state));
    this.#state = state;
  }
}
