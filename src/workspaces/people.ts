import { z } from 'zod';
import { type Db, database } from '../db/client.ts';
import { listPeople, type Page, type PageOf, type PeopleFilter, peopleAmong } from '../db/workspaces.ts';
import { parallel } from '../inbox/parallel.ts';
import { inbox, room } from '../objects/stubs.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { WorkspaceMember } from '../protocol/workspaces.ts';
import { unwrap } from '../routes/api.ts';
import { call } from '../routes/call.ts';
import { may } from './permissions.ts';
import { requireSeat } from './workspaces.ts';

/*
 * The directory of a workspace's people. Members see everybody. A guest sees whom they share a conversation of the workspace
 * with, and only the rooms know who that is: they are asked, page by page.
 */

/** Conversations of a guest whose members are shown to them: the latest. */
const GUEST_CHATS = 100;
/** Rooms that are asked at the same time. */
const WIDTH = 10;
/** Rounds through the rooms for one page: with a filter it may end before the page is full. */
const ROUNDS = 5;

type Query = Page & PeopleFilter;

/** People of the workspace as this user may see them, by id. Throws `not_found` to a stranger. */
export async function peopleOf(env: Env, id: string, userId: string, query: Query): Promise<PageOf<WorkspaceMember>> {
  const db = database(env);
  const { role } = await requireSeat(db, id, userId, 'see');
  return may(role, 'directory') ? listPeople(db, id, query) : peopleAround(env, db, id, userId, query);
}

async function peopleAround(
  env: Env,
  db: Db,
  id: string,
  userId: string,
  { cursor, limit, ...filter }: Query,
): Promise<PageOf<WorkspaceMember>> {
  const chatIds = await sharedChats(env, id, userId);
  const items: WorkspaceMember[] = [];
  let after: string | null = cursor ?? '';
  for (let round = 0; round < ROUNDS && after !== null; round++) {
    // One who is in no conversation sees themself.
    const { ids, next } = await membersAfter(env, chatIds, userId, after);
    for (const person of await peopleAmong(db, id, ids, filter)) {
      const last = items.at(-1);
      if (items.length === limit && last !== undefined) return { items, next_cursor: last.user_id };
      items.push(person);
    }
    after = next;
  }
  return { items, next_cursor: after };
}

const ChatPage = z.object({
  items: z.array(z.object({ id: z.string(), workspace_id: z.string().nullable() })),
  next_cursor: z.string().nullable(),
});

/** The user's conversations in the workspace, as their inbox has them. */
async function sharedChats(env: Env, id: string, userId: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page = { limit: LIMITS.pageMax, ...(cursor === null ? {} : { cursor }) };
    const { items, next_cursor } = ChatPage.parse(JSON.parse(unwrap(await call(() => inbox(env, userId).chats(page)))));
    ids.push(...items.flatMap((chat) => (chat.workspace_id === id ? [chat.id] : [])));
    cursor = next_cursor;
  } while (cursor !== null && ids.length < GUEST_CHATS);
  return ids.slice(0, GUEST_CHATS);
}

/**
 * Members of these conversations after this id, ascending, each once, as far as all that were asked have told: `next` is
 * where to go on, null at the end.
 */
async function membersAfter(
  env: Env,
  chatIds: string[],
  userId: string,
  after: string,
): Promise<{ ids: string[]; next: string | null }> {
  const found = new Set(userId > after ? [userId] : []);
  const ends: string[] = [];
  await parallel(chatIds, WIDTH, async (chatId) => {
    const page = { limit: LIMITS.pageMax, ...(after === '' ? {} : { after }) };
    const answer = await call(() => room(env, chatId).members(userId, page));
    // They have left it meanwhile, or it is gone: nobody there is theirs to see.
    if (!answer.ok) return;
    for (const { user_id } of answer.value.items) found.add(user_id);
    const { next_cursor } = answer.value;
    if (next_cursor !== null) ends.push(next_cursor);
  });
  const end = ends.sort()[0] ?? null;
  const ids = [...found].filter((one) => end === null || one <= end).sort();
  return { ids, next: end };
}
