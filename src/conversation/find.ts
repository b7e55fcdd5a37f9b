import { ok, type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Message } from '../protocol/messages.ts';
import type { SearchHit } from '../protocol/search.ts';
import type { Json } from './api.ts';
import type { Conversation } from './conversation.ts';
import type { MemberRow } from './members.ts';
import { linkOf } from './previews.ts';
import type { Asked, Entry } from './search.ts';
import { currentJson, currentOf, ownReactions } from './state.ts';
import { parseQuery, snippet } from './words.ts';

export interface FindPage extends Asked {
  limit: number;
  /** Of what is found, at most. */
  bytes?: number;
  cursor?: string | undefined;
  sort: 'newest' | 'relevance';
  /** For a search across conversations: only what is before this seq. */
  before?: number | undefined;
}

export interface FoundPage {
  /** `at`: time of the message in ms since 1970. */
  items: { at: number; seq: number; hit: Json<SearchHit> }[];
  next: string | null;
  complete: boolean;
}

/** What of a message is searched, a line each: its text, and what its kind says in words. The data of apps is theirs alone. */
export function textOf({ content, files = [], poll, contact, location }: Message): string {
  const card = contact && [contact.name, contact.organization, ...(contact.phones ?? []), ...(contact.emails ?? [])];
  const place = location && [location.name, location.address];
  const names = files.map(({ name }) => name);
  const lines = [content, ...names, ...(poll?.options ?? []), ...(card ?? []), ...(place ?? [])];
  return lines.filter((line) => line !== undefined && line !== '').join('\n');
}

/** The message for the index; null when nothing of it is left. */
export function entryOf(message: Message): Entry | null {
  if (message.recalled !== undefined) return null;
  return {
    sender: message.sender_id,
    kind: message.kind,
    text: textOf(message),
    file: message.files !== undefined,
    link: linkOf(message.content, message.entities) !== undefined,
  };
}

/** Reads the next messages into the index. Returns whether all are in it. */
export const readIn = ({ chat, log, search }: Conversation): boolean =>
  search.advance(log.head, (row) => entryOf(currentOf(chat.id, row)));

/**
 * Searches one conversation for a member, after the index was caught up by one step. Nothing is found that the member may not
 * read: the log has the last word. The caller goes on reading in when it is not `complete`.
 */
export function find(conversation: Conversation, member: MemberRow, page: FindPage): Result<FoundPage> {
  const { log, search, chat, sql } = conversation;
  const position = page.cursor === undefined ? { offset: 0, before: log.head + 1 } : positionOf(page.cursor, page.sort);
  if (position === null) return refuse('invalid', 'cursor: not a cursor of this search');
  const complete = readIn(conversation);
  const { rows, hasMore } = search.find(page, {
    reader: member.user_id,
    visibleFrom: member.visible_from,
    before: Math.min(position.before, page.before ?? Number.MAX_SAFE_INTEGER),
    limit: page.limit,
    bytes: page.bytes ?? LIMITS.pageBytes,
    relevance: page.sort === 'relevance',
    offset: position.offset,
  });
  const query = parseQuery(page.q ?? '');
  const mine = ownReactions(sql, member.user_id, rows);
  const items = rows.map((row) => ({
    at: row.created_at,
    seq: row.seq,
    hit: `{"message":${currentJson(chat.id, row, mine)},${JSON.stringify(snippet(textOf(currentOf(chat.id, row)), query)).slice(1)}`,
  }));
  const last = rows.at(-1);
  const next = !hasMore || last === undefined ? null : cursorAfter(page, position, last.seq, rows.length);
  return ok({ items, next, complete });
}

/** The newest first: where to go on. By relevance: how many were shown of those before a seq that stays the same. */
const cursorAfter = (
  page: FindPage,
  { offset, before }: { offset: number; before: number },
  last: number,
  shown: number,
): string => (page.sort === 'newest' ? `n.${last}` : `r.${before}.${offset + shown}`);

function positionOf(cursor: string, sort: FindPage['sort']): { before: number; offset: number } | null {
  const found = (sort === 'newest' ? /^n\.(\d{1,15})$/ : /^r\.(\d{1,15})\.(\d{1,6})$/).exec(cursor);
  return found === null ? null : { before: Number(found[1]), offset: Number(found[2] ?? 0) };
}
