import type { Reader } from '../../src/protocol/chats.ts';
import type { PollView, Vote } from '../../src/protocol/kinds.ts';
import type { SentMessage } from '../../src/protocol/messages.ts';
import { randomName } from './environment.ts';
import type { Http } from './http.ts';

/** What is asked of single messages over REST: polls, who has read, forwards. */
export interface MessagesPage<T> {
  items: T[];
  next_cursor: string | null;
}
export interface PageOptions {
  limit?: number;
  /** `next_cursor` of the page before. */
  after?: string;
}

const path = (chatId: string, seq: number): string => `/api/chats/${encodeURIComponent(chatId)}/messages/${seq}`;

export const poll = (http: Http, chatId: string, seq: number): Promise<PollView> =>
  http.request(`${path(chatId, seq)}/poll`);

export const vote = (http: Http, chatId: string, seq: number, options: readonly number[]): Promise<PollView> =>
  http.request(`${path(chatId, seq)}/poll/vote`, { method: 'PUT', body: { options } });

export const closePoll = (http: Http, chatId: string, seq: number): Promise<PollView> =>
  http.request(`${path(chatId, seq)}/poll/close`, { method: 'POST', idempotent: true });

export const votes = (http: Http, chatId: string, seq: number, page: PageOptions): Promise<MessagesPage<Vote>> =>
  http.request(`${path(chatId, seq)}/poll/votes`, { query: { ...page } });

export const readers = (http: Http, chatId: string, seq: number, page: PageOptions): Promise<MessagesPage<Reader>> =>
  http.request(`${path(chatId, seq)}/readers`, { query: { ...page } });

/** Under one name, so that a request that is made twice is one message. */
export const forward = (http: Http, to: string, from_chat_id: string, seq: number): Promise<SentMessage> =>
  http.request(`/api/chats/${encodeURIComponent(to)}/forwards`, {
    body: { client_id: randomName(), from_chat_id, seq },
    idempotent: true,
  });
