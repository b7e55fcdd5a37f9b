import { signTicket } from '../../src/files/ticket.ts';
import { newId } from '../../src/ids.ts';
import type { MessageKind } from '../../src/protocol/kinds.ts';
import type { SendMessage } from '../../src/protocol/messages.ts';
import { value } from './objects.ts';
import { type TestRoom, TICKET_KEYS } from './room.ts';

interface Sending {
  /** Sends a message of this kind in which `words` stand, where it has words. */
  send: (test: TestRoom, user: string, words: string) => Promise<number>;
  /** People read words in it. */
  says: boolean;
}

const fields = (of: (words: string) => Partial<SendMessage>, says = true): Sending => ({
  send: (test, user, words) => {
    const { content = '', ...rest } = of(words);
    return test.sent(user, content, rest);
  },
  says,
});

const file = (kind: SendMessage['kind'], type: string, shown: { inline: boolean; duration_ms?: number }): Sending => ({
  send: (test, user, words) => {
    const about = { id: newId('file'), size: 9, sha256: 'a'.repeat(64), created_at: '2026-11-21T08:00:00.000Z' };
    const claims = {
      user_id: user,
      chat_id: test.conversation.chat.id,
      file: { ...about, name: words, type, ...shown },
    };
    return test.sent(user, '', { kind, files: [signTicket(TICKET_KEYS, claims, test.clock.now).ticket] });
  },
  says: true,
});

/** How a message of each kind comes about. A new kind does not compile without. */
export const SENT: Record<MessageKind, Sending> = {
  text: fields((content) => ({ content })),
  image: file('image', 'image/png', { inline: true }),
  video: file('video', 'video/mp4', { inline: true, duration_ms: 1000 }),
  audio: file('audio', 'audio/mpeg', { inline: true }),
  voice: file('voice', 'audio/ogg', { inline: true, duration_ms: 1000 }),
  file: file('file', 'application/pdf', { inline: false }),
  location: fields((name) => ({ kind: 'location', location: { latitude: 53.87, longitude: 8.69, name } })),
  contact: fields((name) => ({ kind: 'contact', contact: { name, phones: ['+49 4721 1234'] } })),
  sticker: fields(() => ({ kind: 'sticker', sticker: { emoji: '🌊' } }), false),
  poll: fields((option) => ({ kind: 'poll', content: '?', poll: { options: [option, 'other'] } })),
  custom: fields((content) => ({ kind: 'custom', content, custom: { type: 'com.example.order', data: { n: 1 } } })),
  system: {
    send: async (test, _user, content) =>
      value(test.room.placed(test.conversation.announce({ client_id: newId('file'), content }))).row.seq,
    says: true,
  },
};
