import type { MessageKind } from '../../src/protocol/kinds.ts';
import type { SearchAllPage, SearchPage } from '../../src/protocol/search.ts';
import type { Http } from './http.ts';

/** What to look for. At least one of the first four. */
export interface SearchOptions {
  /** Words; `"a phrase"`, `begin*`, `-not`. */
  q?: string;
  sender?: string;
  kind?: MessageKind;
  has?: 'file' | 'link';
  since?: Date;
  until?: Date;
  limit?: number;
  /** `next_cursor` of the page before. */
  cursor?: string;
}

const queryOf = ({ since, until, ...rest }: SearchOptions) => ({
  ...rest,
  since: since?.toISOString(),
  until: until?.toISOString(),
});

/** Messages of one conversation that match. */
export const searchChat = (
  http: Http,
  chatId: string,
  { sort, ...options }: SearchOptions & { sort?: 'newest' | 'relevance' },
): Promise<SearchPage> =>
  http.request(`/api/chats/${encodeURIComponent(chatId)}/search`, { query: { ...queryOf(options), sort } });

/** Messages that match in the user's latest conversations, or in those named. */
export const searchAll = (
  http: Http,
  { chats, ...options }: SearchOptions & { chats?: readonly string[] },
): Promise<SearchAllPage> => http.request('/api/search', { query: { ...queryOf(options), chats: chats?.join(',') } });
