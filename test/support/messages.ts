import { messagePageJson } from '../../src/conversation/pages.ts';
import { type Message, MessagePage } from '../../src/protocol/messages.ts';
import type { TestRoom } from './room.ts';

/** Every message of a room as a reader gets them over REST now, by seq. */
export function messagesNow(test: TestRoom, reader: string): Map<number, Message> {
  const member = test.conversation.members.current(reader);
  if (member === undefined) throw new Error('only a member reads');
  const { items } = MessagePage.parse(JSON.parse(messagePageJson(test.conversation, member, { limit: 1000 })));
  return new Map(items.map((message) => [message.seq, message]));
}
