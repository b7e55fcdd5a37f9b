import type { ChatEvent } from '../../src/protocol/events.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { applyEvent, changed, targetsOf } from '../../src/protocol/state.ts';

/** A change that was asked for, shown before the log has it. */
export interface PendingChange {
  /** As it will be in the log, but for its seq. */
  readonly event: ChatEvent;
  /** The seq at which it is in effect, once the server has said so. */
  at?: number;
}

/** Whether a message stands in the conversation, and not in a thread alone. */
export const standsInChat = ({ thread_seq, also_to_chat }: Pick<Message, 'thread_seq' | 'also_to_chat'>): boolean =>
  thread_seq === undefined || also_to_chat === true;

/** Messages as they are now, from the events held; with one's own changes that are on their way, without what one has hidden. */
export class HeldMessages {
  readonly #chatId: string;
  readonly #self: () => string | undefined;
  #messages = new Map<number, Message>();
  #pending: PendingChange[] = [];
  readonly #hidden = new Set<number>();
  #shown: readonly Message[] | undefined;

  constructor(chatId: string, self: () => string | undefined) {
    this.#chatId = chatId;
    this.#self = self;
  }

  /** Every message that is shown, of the conversation and of its threads, ascending. The same array until it changes. */
  get all(): readonly Message[] {
    this.#shown ??= [...this.#messages.values()]
      .filter(({ seq }) => !this.#hidden.has(seq))
      .sort((a, b) => a.seq - b.seq)
      .flatMap((message) => this.#withPending(message) ?? []);
    return this.#shown;
  }

  get(seq: number): Message | undefined {
    const message = this.#messages.get(seq);
    return message === undefined || this.#hidden.has(seq) ? undefined : (this.#withPending(message) ?? undefined);
  }

  /** The next event of the log. @returns whether any message is other than before */
  apply(event: ChatEvent): boolean {
    const self = this.#self();
    const touched = applyEvent(this.#messages, this.#chatId, event, self).length > 0;
    if (event.actor_id === self) this.#arrived(event);
    // It says how the poll stands for everybody: what was shown of one's own vote has served, or will be told again.
    if (event.type === 'poll.voted' || event.type === 'poll.closed') this.#counted(event.target);
    if (touched) this.#shown = undefined;
    return touched;
  }

  /** Older events have come: what is held follows from all of them anew. */
  rebuild(events: readonly ChatEvent[]): void {
    this.#messages = new Map();
    for (const event of events) applyEvent(this.#messages, this.#chatId, event, this.#self());
    this.#shown = undefined;
  }

  /** Forgets messages before a seq. */
  dropBefore(first: number): void {
    for (const seq of this.#messages.keys()) if (seq < first) this.#messages.delete(seq);
    this.#shown = undefined;
  }

  clear(): void {
    this.#messages.clear();
    this.#shown = undefined;
  }

  /** Shows a change before the server has made it. */
  show(pending: PendingChange): void {
    this.#pending.push(pending);
    this.#shown = undefined;
  }

  /** The change is no longer shown: it was refused, or the log held here has it. @returns whether it was shown until now */
  withdraw(pending: PendingChange): boolean {
    const before = this.#pending.length;
    this.#pending = this.#pending.filter((other) => other !== pending);
    this.#shown = undefined;
    return this.#pending.length < before;
  }

  /** Everything up to `seq` is held: what is in effect there needs no showing. @returns whether anything was withdrawn */
  reached(seq: number): boolean {
    const kept = this.#pending.filter(({ at }) => at === undefined || at > seq);
    if (kept.length === this.#pending.length) return false;
    this.#pending = kept;
    this.#shown = undefined;
    return true;
  }

  hide(seqs: Iterable<number>): void {
    for (const seq of seqs) this.#hidden.add(seq);
    this.#shown = undefined;
  }

  isHidden(seq: number): boolean {
    return this.#hidden.has(seq);
  }

  unhide(seq: number): void {
    this.#hidden.delete(seq);
    this.#shown = undefined;
  }

  #withPending(message: Message): Message | null {
    let now: Message | null = message;
    for (const { event } of this.#pending) {
      if (now !== null && targetsOf(event).includes(message.seq)) now = changed(now, event, this.#self());
    }
    return now;
  }

  /** One's own change is in the log: the first one shown that is the same has served. */
  #arrived(event: ChatEvent): void {
    const same = this.#pending.find(({ event: shown }) => nameOf(shown) === nameOf(event));
    if (same !== undefined) this.withdraw(same);
  }

  #counted(poll: number): void {
    this.#pending = this.#pending.filter(({ event }) => event.type !== 'poll.voted' || event.target !== poll);
  }
}

/** What a change is: the same for a change shown and the one in the log. */
function nameOf(event: ChatEvent): string {
  const { seq: _seq, created_at: _at, ...rest } = event;
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => a.localeCompare(b)));
}
