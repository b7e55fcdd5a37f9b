import type { Ask } from '../../src/conversation/asks.ts';
import { messagePageJson } from '../../src/conversation/pages.ts';
import { type Message, MessagePage } from '../../src/protocol/messages.ts';
import { value } from './objects.ts';
import type { TestRoom } from './room.ts';

/** What a member's ask is answered with. */
export const answered = (test: TestRoom, user: string, ask: Ask): unknown =>
  JSON.parse(value(test.room.ask(user, ask)));

/** Every message of a room and of its threads as a reader gets them over REST now, by seq. */
export function messagesNow(test: TestRoom, reader: string): Map<number, Message> {
  // As every request does first: what is due while the threads are read would not be seen of the page before.
  test.room.attend();
  const member = test.conversation.members.current(reader);
  if (member === undefined) throw new Error('only a member reads');
  const { items } = MessagePage.parse(JSON.parse(messagePageJson(test.conversation, member, { limit: 1000 })));
  const replies = items.flatMap(({ seq, thread }) =>
    thread === undefined ? [] : MessagePage.parse(answered(test, reader, { type: 'thread', seq, limit: 1000 })).items,
  );
  return new Map([...items, ...replies].map((message) => [message.seq, message]));
}
