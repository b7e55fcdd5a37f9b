import type { Message } from '@tideline/sdk';

type Placed = Pick<Message, 'chat_id' | 'seq' | 'thread_seq' | 'also_to_chat'>;

/** The thread that a message stands in and in nothing else; undefined: it stands in the conversation. */
export const threadOf = ({ thread_seq, also_to_chat }: Omit<Placed, 'chat_id' | 'seq'>): number | undefined =>
  also_to_chat === true ? undefined : thread_seq;

/** The page of the client that shows a message in its place. */
export function addressOf(message: Placed): string {
  const thread = threadOf(message);
  const place = thread === undefined ? `at=${message.seq}` : `at=${thread}&thread=${thread}`;
  return `/c/${message.chat_id}?${place}`;
}
