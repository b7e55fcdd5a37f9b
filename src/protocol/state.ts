import type { placement, Reaction, Thread } from './current.ts';
import type { ChatEvent, EventType, MessageEvent } from './events.ts';
import type { editableOut, Message } from './messages.ts';

/**
 * How messages become what they are: the one definition, used by the room and by the SDK. Whatever way the events came, one by
 * one or with a snapshot in the middle, the messages are the same.
 */

/** What an edit replaces. Names alone: clients take this file without the schemas. */
const EDITABLE: Record<keyof typeof editableOut, true> = {
  content: true,
  entities: true,
  mentions: true,
  everyone: true,
};

/** Events that change a message even when it has been taken back: its thread goes on, and its time still comes. */
const lasting = new Set<EventType>(['message', 'thread.reply', 'message.expired']);

/** The message that an event brings. */
export function messageOfEvent(chatId: string, { type: _, actor_id: sender_id, ...message }: MessageEvent): Message {
  return { chat_id: chatId, sender_id, ...message };
}

/** Messages that an event changes, by seq. */
export function targetsOf(event: ChatEvent): readonly number[] {
  if ('target' in event) return [event.target];
  if ('targets' in event) return event.targets;
  return 'thread_seq' in event && event.thread_seq !== undefined ? [event.thread_seq] : [];
}

/**
 * A message after an event that targets it; the same object when nothing changes, null when it is gone.
 *
 * @param self whose state it is: with it `mine` of a reaction is kept
 */
export function changed(message: Message, event: ChatEvent, self?: string): Message | null {
  if (message.recalled !== undefined && !lasting.has(event.type)) return message;
  switch (event.type) {
    case 'message.edited':
      return edited(message, event);
    case 'message.recalled':
      return recalled(message, { user_id: event.actor_id, created_at: event.created_at });
    case 'reaction.added':
      return withReactions(message, reacted(message.reactions ?? [], event.emoji, event.actor_id === self));
    case 'reaction.removed':
      return withReactions(message, unreacted(message.reactions ?? [], event.emoji, event.actor_id === self));
    case 'message.pinned':
      return { ...message, pinned: { user_id: event.actor_id, created_at: event.created_at } };
    case 'message.preview':
      return { ...message, preview: event.preview };
    case 'poll.voted':
    case 'poll.closed':
      return { ...message, results: event.results };
    case 'message.unpinned': {
      const { pinned: _, ...rest } = message;
      return rest;
    }
    case 'message':
    case 'thread.reply':
      return { ...message, thread: replied(message.thread, event) };
    case 'message.expired':
      return null;
    // Whatever targets no message.
    default:
      return message;
  }
}

/**
 * Applies one event to the messages held, by seq. Messages are replaced, never altered. Targets that are not held do not
 * matter: whoever comes to hold them later gets them as they are then, or applies the events after them.
 *
 * @returns seqs of the messages that are new, replaced or gone
 */
export function applyEvent(messages: Map<number, Message>, chatId: string, event: ChatEvent, self?: string): number[] {
  const touched: number[] = [];
  if (event.type === 'message' || event.type === 'thread.reply') {
    messages.set(event.seq, messageOfEvent(chatId, event));
    touched.push(event.seq);
  }
  for (const seq of targetsOf(event)) {
    const message = messages.get(seq);
    if (message === undefined) continue;
    const next = changed(message, event, self);
    if (next === message) continue;
    if (next === null) messages.delete(seq);
    else messages.set(seq, next);
    touched.push(seq);
  }
  if (event.type === 'message.recalled' || event.type === 'message.expired') {
    touched.push(...blankQuotes(messages, targetsOf(event)));
  }
  return touched;
}

/** What was quoted of messages goes with them. */
function blankQuotes(messages: Map<number, Message>, targets: readonly number[]): number[] {
  const blanked: number[] = [];
  for (const [seq, message] of messages) {
    if (message.quote === undefined || message.quote.text === '') continue;
    if (message.reply_to === undefined || !targets.includes(message.reply_to)) continue;
    messages.set(seq, { ...message, quote: { ...message.quote, text: '' } });
    blanked.push(seq);
  }
  return blanked;
}

/** What is left of a message that was taken back: its place, and nothing that anybody said. */
export function recalled(message: Message, by: { user_id: string; created_at: string }): Message {
  const { chat_id, seq, ordinal, client_id, sender_id, kind, created_at, thread } = message;
  const kept = { chat_id, seq, ordinal, client_id, sender_id, kind, content: '', created_at, ...placeOf(message) };
  return { ...kept, ...(thread === undefined ? {} : { thread }), recalled: by };
}

/** Where a message stands, and how long. */
export function placeOf({
  thread_seq,
  thread_ordinal,
  also_to_chat,
  expires_at,
}: Pick<Message, keyof typeof placement>) {
  return {
    ...(thread_seq === undefined ? {} : { thread_seq }),
    ...(thread_ordinal === undefined ? {} : { thread_ordinal }),
    ...(also_to_chat === undefined ? {} : { also_to_chat }),
    ...(expires_at === undefined ? {} : { expires_at }),
  };
}

/** Who replied last, at most so many. */
const REPLIERS_SHOWN = 3;

function replied(thread: Thread | undefined, { seq, actor_id: sender_id, thread_ordinal }: MessageEvent): Thread {
  const others = (thread?.last_repliers ?? []).filter((user) => user !== sender_id);
  const replies = Math.max(thread?.replies ?? 0, thread_ordinal ?? 0);
  return { replies, last_seq: seq, last_repliers: [sender_id, ...others].slice(0, REPLIERS_SHOWN) };
}

function edited(message: Message, event: Extract<ChatEvent, { type: 'message.edited' }>): Message {
  // What was found behind the link of the old text says nothing of the new one.
  const { preview: _, ...kept } = message;
  const next = { ...kept, edited_at: event.created_at };
  for (const name of Object.keys(EDITABLE)) Reflect.deleteProperty(next, name);
  return Object.assign(next, Object.fromEntries(Object.entries(event).filter(([name]) => name in EDITABLE)));
}

function withReactions(message: Message, reactions: Reaction[]): Message {
  const { reactions: _, ...rest } = message;
  return reactions.length > 0 ? { ...rest, reactions } : rest;
}

function reacted(reactions: readonly Reaction[], emoji: string, mine: boolean): Reaction[] {
  const mark = mine ? { mine: true as const } : {};
  const held = reactions.some((reaction) => reaction.emoji === emoji);
  if (!held) return [...reactions, { emoji, count: 1, ...mark }];
  return reactions.map((reaction) =>
    reaction.emoji === emoji ? { ...reaction, count: reaction.count + 1, ...mark } : reaction,
  );
}

function unreacted(reactions: readonly Reaction[], emoji: string, mine: boolean): Reaction[] {
  return reactions.flatMap((reaction) => {
    if (reaction.emoji !== emoji) return [reaction];
    const { mine: was, ...rest } = reaction;
    if (rest.count <= 1) return [];
    return [{ ...rest, count: rest.count - 1, ...(was === true && !mine ? { mine: was } : {}) }];
  });
}
