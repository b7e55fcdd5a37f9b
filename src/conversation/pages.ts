import type { EventPage, Hole } from '../protocol/events.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { MessagePage } from '../protocol/messages.ts';
import type { CatchUp, Json } from './api.ts';
import type { Conversation } from './conversation.ts';
import { eventsFrame } from './fanout.ts';
import { eventsAndHoles, holesBefore, type Log } from './log.ts';
import type { MemberRow } from './members.ts';
import { currentJson, ownReactions } from './state.ts';

/** A page of the log as one member may see it; its events are JSON already. */
export interface LogPage {
  events: string[];
  /** seq of the last event in the page; `after` when the page is empty. */
  last: number;
  hasMore: boolean;
  holes: Hole[];
  reset: boolean;
}

/** What came after `after`. A position beyond the head belongs to another history: the newest page and `reset`. */
export function pageAfter(
  conversation: Conversation,
  member: MemberRow,
  page: { after: number; limit: number; bytes?: number },
): LogPage {
  const { log } = conversation;
  const bytes = page.bytes ?? LIMITS.pageBytes;
  if (page.after > log.head) return newestPage(conversation, member, page.limit, bytes);
  const from = Math.max(page.after, member.visible_from - 1);
  const { events, holes, last, hasMore } = stretchAfter(log, from, page.limit, bytes);
  const before = holesBefore(page.after, member.visible_from);
  return { events, last: last ?? page.after, hasMore, holes: [...before, ...holes], reset: false };
}

/** What is read of the log for a page. */
interface Stretch extends Pick<LogPage, 'events' | 'holes' | 'hasMore'> {
  last: number | undefined;
}

/**
 * The last stretch of each log behind which there is more: sockets that fell behind together ask for the same one, one after
 * the other. Appending leaves such a stretch as it is; where anything in the log is rewritten it is read anew.
 */
const stretches = new WeakMap<Log, { key: string; stretch: Stretch }>();

function stretchAfter(log: Log, after: number, limit: number, bytes: number): Stretch {
  const key = `${log.rewritten} ${after} ${limit} ${bytes}`;
  const known = stretches.get(log);
  if (known?.key === key) return known.stretch;
  const { rows, hasMore } = log.after(after, limit, bytes);
  const { events, holes } = eventsAndHoles(rows);
  const stretch = { events, holes, hasMore, last: rows.at(-1)?.seq };
  if (hasMore) stretches.set(log, { key, stretch });
  return stretch;
}

/** For a device that was away: as `pageAfter`, but too far behind it gets the newest page and `reset`. */
export function catchUpPage(conversation: Conversation, member: MemberRow, after: number, bytes: number): LogPage {
  const { log } = conversation;
  if (log.head - Math.max(after, member.visible_from - 1) <= LIMITS.resetAfter) {
    return pageAfter(conversation, member, { after, limit: LIMITS.resetAfter, bytes });
  }
  return newestPage(conversation, member, LIMITS.pageMax, bytes);
}

function newestPage({ log }: Conversation, member: MemberRow, limit: number, bytes: number): LogPage {
  const rows = log.newest(member.visible_from, Math.min(limit, LIMITS.pageMax), bytes);
  const { events, holes } = eventsAndHoles(rows);
  const before = holesBefore(0, member.visible_from);
  return { events, last: rows.at(-1)?.seq ?? 0, hasMore: false, holes: [...before, ...holes], reset: true };
}

const extras = (page: LogPage): string =>
  (page.holes.length > 0 ? `,"holes":${JSON.stringify(page.holes)}` : '') + (page.reset ? ',"reset":true' : '');

const headFields = ({ chat, log }: Conversation, page: LogPage): string =>
  `"head_seq":${log.head},"epoch":"${chat.epoch}","has_more":${page.hasMore}${extras(page)}`;

/** The page as REST answers it. Matches `EventPage`. */
export const pageJson = (conversation: Conversation, page: LogPage): Json<EventPage> =>
  `{${headFields(conversation, page)},"items":[${page.events.join(',')}]}`;

/** The page as a part of a sync answer. */
export const catchUpParts = (conversation: Conversation, page: LogPage): CatchUp => ({
  head: `{${headFields(conversation, page)}}`,
  events: `[${page.events.join(',')}]`,
});

/** The page as a socket gets it. Matches `EventsFrame`. */
export function pageFrame({ chat, log }: Conversation, page: LogPage): string {
  return eventsFrame(chat.id, chat.epoch, log.head, page.events, `,"has_more":${page.hasMore}${extras(page)}`);
}

/** Which messages: before or after a seq, around one (or the first unread one), or at a time (in ms since 1970). */
export interface MessageQuery {
  before?: number;
  after?: number;
  around?: number | 'unread';
  at?: number;
  limit: number;
}

export function messagePageJson(
  { chat, log, sql }: Conversation,
  member: MemberRow,
  query: MessageQuery,
): Json<MessagePage> {
  const place =
    query.around === 'unread' ? member.read_seq + 1 : (query.around ?? (query.at && log.seqAt(query.at)) ?? undefined);
  const { user_id, visible_from } = member;
  const { rows, hasMore, hasNewer } =
    place === undefined
      ? { ...log.messagePage(visible_from, query, user_id), hasNewer: undefined }
      : around(log, visible_from, place, query.limit, user_id);
  const mine = ownReactions(sql, user_id, rows);
  const newer = hasNewer === undefined ? '' : `,"has_newer":${hasNewer}`;
  return `{"items":[${rows.map((row) => currentJson(chat.id, row, mine)).join(',')}],"has_more":${hasMore}${newer}}`;
}

/** Half a page before a place, and half from it on; where one side is short the other has more. */
function around(log: Log, from: number, place: number, limit: number, reader: string) {
  const half = { limit: Math.ceil(limit / 2), bytes: LIMITS.pageBytes / 2 };
  const later = log.messagePage(from, { after: place - 1, ...half }, reader);
  const bytes = LIMITS.pageBytes - later.size;
  const earlier = log.messagePage(from, { before: place, limit: limit - later.rows.length, bytes }, reader);
  return { rows: [...earlier.rows, ...later.rows], hasMore: earlier.hasMore, hasNewer: later.hasMore };
}
