import { z } from 'zod';
import { ChatId, PageLimit, Timestamp, UserId, WellFormedText } from './common.ts';
import { MessageKind } from './kinds.ts';
import { LIMITS } from './limits.ts';
import { Message } from './messages.ts';

const query = {
  q: WellFormedText.max(LIMITS.searchQueryLength).optional().meta({
    description:
      'Words that must all be there; `"words in quotes"` next to each other; `word*` begins a word; `-word` must not be there. Case, width and accents do not matter. Chinese, Japanese, Korean and other scripts without spaces are found by any part',
    example: 'release "next week" -draft',
  }),
  sender: UserId.optional().meta({ description: 'Messages of this user only' }),
  kind: MessageKind.optional().meta({ description: 'Messages of this kind only' }),
  has: z.enum(['file', 'link']).optional().meta({ description: 'Messages with a file, or with a link' }),
  since: Timestamp.optional().meta({ description: 'Not before' }),
  until: Timestamp.optional().meta({ description: 'Before' }),
  limit: PageLimit,
  cursor: z.string().max(128).optional(),
};

const asksForSomething = (asked: { q?: string | undefined; sender?: unknown; kind?: unknown; has?: unknown }) =>
  (asked.q ?? '').trim() !== '' || asked.sender !== undefined || asked.kind !== undefined || asked.has !== undefined;
const NOTHING = { error: 'give q, sender, kind or has: there is nothing to look for', path: ['q'] };

export const SearchChat = z
  .strictObject({
    ...query,
    sort: z
      .enum(['newest', 'relevance'])
      .default('newest')
      .meta({ description: 'The newest first, or the best of the newest matches first' }),
  })
  .refine(asksForSomething, NOTHING);
export type SearchChat = z.output<typeof SearchChat>;

export const SearchAll = z
  .strictObject({
    ...query,
    chats: z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(ChatId).min(1).max(LIMITS.searchChats))
      .optional()
      .meta({ type: 'string', description: 'Only in these conversations: ids with commas between' }),
  })
  .refine(asksForSomething, NOTHING);
export type SearchAll = z.output<typeof SearchAll>;

export const SearchHit = z
  .object({
    message: Message,
    snippet: z.string().meta({
      description:
        'What of the message is searched, a line each: its text, names of files, options of a poll, a card, a place. Or a part of it with the first place that was found',
    }),
    highlights: z
      .array(z.tuple([z.int(), z.int()]))
      .meta({ description: 'Places in the snippet: from and before, in UTF-16 units' }),
  })
  .meta({ id: 'SearchHit' });
export type SearchHit = z.infer<typeof SearchHit>;

export const SearchPage = z
  .object({
    items: z.array(SearchHit),
    next_cursor: z.string().nullable(),
    complete: z.boolean().meta({
      description: 'false: the oldest messages are still being read into the index; ask again in a while',
    }),
  })
  .meta({ id: 'SearchPage' });
export type SearchPage = z.infer<typeof SearchPage>;

export const SearchAllPage = SearchPage.extend({
  unreached: z
    .array(ChatId)
    .meta({ description: 'Conversations that were not searched in time; ask for them with `chats`' }),
}).meta({ id: 'SearchAllPage' });
export type SearchAllPage = z.infer<typeof SearchAllPage>;
