import { steadyClock } from '../clock.ts';
import type { Json, RoomApi } from '../conversation/api.ts';
import { utf8Length } from '../protocol/common.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { SearchAll, SearchAllPage, SearchHit } from '../protocol/search.ts';
import { rowsWithin } from '../wire/bounds.ts';
import { parallel } from './parallel.ts';
import type { Timeline } from './timeline.ts';
import { within } from './within.ts';

const PARALLEL = 32;
/** No room is asked any more after this time, and none waited for longer, in ms. */
const BUDGET_MS = 2000;
/** What each room may bring at least, however many are asked. */
const LEAST_BYTES = 32 * 1024;

interface Ports {
  owner: string;
  room(chatId: string): Pick<RoomApi, 'search'>;
  log(message: string, fields: Record<string, unknown>): void;
}

/** Where a hit stands among all of them. */
interface Place {
  at: number;
  chat: string;
  seq: number;
}

interface Hit extends Place {
  hit: Json<SearchHit>;
}

/** The newest first; at the same time by conversation, the later seq first. */
const newestFirst = (a: Place, b: Place): number =>
  b.at - a.at || (a.chat < b.chat ? 1 : a.chat > b.chat ? -1 : b.seq - a.seq);

/**
 * Searches the user's conversations, the latest first, in parallel and within a budget of time. Rooms say what the user may
 * read. What was not reached is named, so that the client can ask for it.
 */
export async function searchAll(
  timeline: Timeline,
  ports: Ports,
  { chats, cursor, limit, since, until, ...asked }: SearchAll,
): Promise<Result<Json<SearchAllPage>>> {
  const after = cursor === undefined ? undefined : positionOf(cursor);
  if (after === null) return refuse('invalid', 'cursor: not a cursor of this search');
  const untilMs = until === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(until);
  // Not only in the list: who asks by name asks the room, and the room knows who is in it.
  const all = chats === undefined ? timeline.latest(LIMITS.searchChats + 1) : [...new Set(chats)];
  const names = all.slice(0, LIMITS.searchChats);
  const unreached: string[] = all.slice(LIMITS.searchChats);
  const hits: Hit[] = [];
  let complete = true;
  let more = false;
  /** The last hits of rooms that have more behind them. */
  const ends: Place[] = [];
  const deadline = steadyClock() + BUDGET_MS;
  await parallel(names, PARALLEL, async (chat) => {
    const left = deadline - steadyClock();
    if (left <= 0) {
      unreached.push(chat);
      return;
    }
    try {
      const search = ports.room(chat).search(ports.owner, {
        ...asked,
        sort: 'newest',
        limit,
        bytes: Math.max(LEAST_BYTES, Math.floor(LIMITS.pageBytes / names.length)),
        since: since === undefined ? undefined : Date.parse(since),
        // Of the same time as the last one shown: conversations before its own were shown, those behind it were not.
        until: after === undefined ? untilMs : Math.min(untilMs, after.at + (chat > after.chat ? 0 : 1)),
        before: after !== undefined && after.chat === chat ? after.seq : undefined,
      });
      const found = await within(left, search);
      if (!found.ok) return;
      complete &&= found.value.complete;
      more ||= found.value.next !== null;
      for (const item of found.value.items) hits.push({ ...item, chat });
      const last = found.value.items.at(-1);
      if (found.value.next === null || last === undefined) return;
      ends.push({ at: last.at, chat, seq: last.seq });
    } catch (fault) {
      unreached.push(chat);
      ports.log('a room could not be searched', { chat_id: chat, error: String(fault) });
    }
  });
  const fresh = hits.filter((hit) => after === undefined || newestFirst(after, hit) < 0).sort(newestFirst);
  // What a room has behind its last hit is not known here: nothing older than that one can be shown yet.
  const known = fresh.filter((hit) => ends.every((end) => newestFirst(hit, end) <= 0));
  const { rows: page } = rowsWithin(known, { limit, bytes: LIMITS.pageBytes }, ({ hit }) => utf8Length(hit) + 1);
  const last = page.at(-1);
  const next =
    last !== undefined && (fresh.length > page.length || more) ? `${last.at}.${last.chat}.${last.seq}` : null;
  return ok(
    `{"items":[${page.map(({ hit }) => hit).join(',')}],"next_cursor":${JSON.stringify(next)},"complete":${complete}` +
      `,"unreached":${JSON.stringify(unreached)}}`,
  );
}

function positionOf(cursor: string): { at: number; chat: string; seq: number } | null {
  const found = /^(\d{1,15})\.(chat_[0-9a-z]{26})\.(\d{1,15})$/.exec(cursor);
  return found === null ? null : { at: Number(found[1]), chat: found[2] ?? '', seq: Number(found[3]) };
}
