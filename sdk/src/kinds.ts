import type { ContactCard, Custom, Entity, Everyone, Location, Poll, Sticker } from '../../src/protocol/kinds.ts';
import type { Message } from '../../src/protocol/messages.ts';
import type { Draft } from './chat.ts';

/** What a message may be beside a plain text, ready for `chat.send()`. Tickets come from `client.files`. */
export const drafts = {
  /** A place, with a caption. */
  location: (location: Location, content = ''): Draft => ({ kind: 'location', content, location }),
  contact: (contact: ContactCard): Draft => ({ kind: 'contact', content: '', contact }),
  sticker: (sticker: Sticker): Draft => ({ kind: 'sticker', content: '', sticker }),
  poll: (question: string, poll: Poll): Draft => ({ kind: 'poll', content: question, poll }),
  /** Something of the app's own; `content` is what clients show that do not know it. */
  custom: (custom: Custom, content = ''): Draft => ({ kind: 'custom', content, custom }),
  /** Pictures, films, sound or any files, with a caption. */
  media: (kind: 'image' | 'video' | 'audio' | 'file', tickets: readonly string[], content = ''): Draft => ({
    kind,
    content,
    files: [...tickets],
  }),
  voice: (ticket: string): Draft => ({ kind: 'voice', content: '', files: [ticket] }),
} as const;

/** What answers a message with a piece of its text: all of it, or so many UTF-16 code units from `offset` on. */
export function quoting({ seq, content }: Message, offset = 0, length = Math.min(300, content.length - offset)) {
  return length > 0 ? { reply_to: seq, quote: { offset, length } } : { reply_to: seq };
}

type Style = 'bold' | 'italic' | 'underline' | 'strike' | 'spoiler' | 'code';

/** Writes a text with entities: `new RichText().add('see ').bold('this').mention('Ada', id).draft()`. */
export class RichText {
  #content = '';
  readonly #entities: Entity[] = [];
  readonly #mentions = new Set<string>();
  #everyone: Everyone | undefined;

  add(text: string): this {
    this.#content += text;
    return this;
  }
  bold(text: string): this {
    return this.#mark('bold', text);
  }
  italic(text: string): this {
    return this.#mark('italic', text);
  }
  underline(text: string): this {
    return this.#mark('underline', text);
  }
  strike(text: string): this {
    return this.#mark('strike', text);
  }
  spoiler(text: string): this {
    return this.#mark('spoiler', text);
  }
  code(text: string): this {
    return this.#mark('code', text);
  }
  pre(text: string, language?: string): this {
    return this.#put(text, (span) => ({ type: 'pre', ...span, ...(language === undefined ? {} : { language }) }));
  }
  link(text: string, url: string): this {
    return this.#put(text, (span) => ({ type: 'link', ...span, url }));
  }
  mention(name: string, user_id: string): this {
    this.#mentions.add(user_id);
    return this.#put(`@${name}`, (span) => ({ type: 'mention', ...span, user_id }));
  }
  /** Calls all members, or those who are online. */
  everyone(who: Everyone = 'all'): this {
    this.#everyone = who;
    return this.#put(`@${who}`, (span) => ({ type: 'everyone', ...span }));
  }

  draft(): Draft {
    return {
      content: this.#content,
      ...(this.#entities.length === 0 ? {} : { entities: this.#entities }),
      ...(this.#mentions.size === 0 ? {} : { mentions: [...this.#mentions] }),
      ...(this.#everyone === undefined ? {} : { everyone: this.#everyone }),
    };
  }

  #mark(type: Style, text: string): this {
    return this.#put(text, (span) => ({ type, ...span }));
  }

  #put(text: string, entity: (span: { offset: number; length: number }) => Entity): this {
    if (text.length > 0) this.#entities.push(entity({ offset: this.#content.length, length: text.length }));
    return this.add(text);
  }
}
