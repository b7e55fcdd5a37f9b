import { type ChatEvent, LocalMessage, type Message, type TimelineItem } from '@tideline/sdk';
import { failureOf } from './failure.ts';
import type { Line, MessageLine } from './protocol.ts';

/** Events that are shown as a line of their own. Others change what a message's line shows. */
const SHOWN = new Set<ChatEvent['type']>([
  'chat.created',
  'chat.updated',
  'member.joined',
  'member.left',
  'member.role',
]);

/** Makes the lines of conversations, the same object for what has not changed. */
export class Lines {
  readonly #messages = new WeakMap<Message, MessageLine>();
  readonly #locals = new WeakMap<LocalMessage, MessageLine>();
  readonly #events = new WeakMap<ChatEvent, Line>();

  /** @param before messages of an older piece of the history, all before `events` begin */
  of(before: readonly Message[], timeline: readonly TimelineItem[], events: readonly ChatEvent[]): Line[] {
    const lines: Line[] = before.map((message) => this.#message(message));
    const shown = events.filter((event) => SHOWN.has(event.type));
    let next = 0;
    for (const item of timeline) {
      const seq = item.seq ?? Number.POSITIVE_INFINITY;
      for (let event = shown[next]; event !== undefined && event.seq < seq; event = shown[++next]) {
        lines.push(this.#event(event));
      }
      lines.push(item instanceof LocalMessage ? this.#local(item) : this.#message(item));
    }
    for (const event of shown.slice(next)) lines.push(this.#event(event));
    return lines;
  }

  #message(message: Message): MessageLine {
    let line = this.#messages.get(message);
    if (line === undefined) {
      line = { type: 'message', key: keyOf(message), message, status: 'sent', failure: undefined };
      this.#messages.set(message, line);
    }
    return line;
  }

  /** A local message is changed in place: its line is made anew when it looks different. */
  #local(local: LocalMessage): MessageLine {
    const held = this.#locals.get(local);
    if (held?.status === local.status && held.message.seq === local.seq) return held;
    const { status, error, fields, ...message } = local;
    const { files: tickets, poll, location, contact, sticker, custom } = fields;
    const failure = error === undefined ? undefined : failureOf(error);
    const shown = { ...message, tickets, poll, location, contact, sticker, custom };
    const line: MessageLine = { type: 'message', key: keyOf(local), message: shown, status, failure };
    this.#locals.set(local, line);
    return line;
  }

  #event(event: ChatEvent): Line {
    let line = this.#events.get(event);
    if (line === undefined) {
      line = { type: 'event', key: `event/${event.seq}`, event };
      this.#events.set(event, line);
    }
    return line;
  }
}

const keyOf = ({ sender_id, client_id }: { sender_id: string; client_id: string }): string =>
  `${sender_id}/${client_id}`;
