import { asc, gt, sql } from 'drizzle-orm';
import type { RoomReport } from '../conversation/api.ts';
import { markDeleted } from '../db/chats.ts';
import { type Db, database } from '../db/client.ts';
import { chats, users } from '../db/schema.ts';
import { outsiders } from '../db/workspaces.ts';
import { inbox, room } from '../objects/stubs.ts';
import type { AuditAnswer, Finding } from '../protocol/audit.ts';
import { settleStatus } from '../tasks/perform.ts';
import { channelBehind } from './channels.ts';
import { filesOf } from './files.ts';
import { type Found, settle } from './found.ts';
import { itemsBehind } from './items.ts';
import { blocksBehind, retentionBehind } from './told.ts';

/*
 * Compares what D1, rooms, inboxes and R2 hold of the same facts, a page at a time. The owner of a fact is right (see
 * ARCHITECTURE, owners); with `repair` the others are brought in step, by the same calls that do it in daily business,
 * so that a repair can be repeated and can meet that business. What is under way at this moment may show up as a
 * finding: an audit that is run again does not find it any more.
 */

const PAGE = 10;
/** Files and members of one room, or conversations of one inbox, that are compared in one request. */
const WITHIN = 40;
/** A conversation that was entered into the directory later than this may still be about to get its room, in ms. */
const BEGINNING = 60 * 60 * 1000;

/** From the directory: does each conversation have its room, does everybody in it know, and has D1 what it shows of it? */
export async function auditChats(
  env: Env,
  { after, repair }: { after: string; repair: boolean },
  now: number,
): Promise<AuditAnswer> {
  const db = database(env);
  // A room with much in it takes several requests: the cursor names the last file or member that was compared.
  const [afterChat = '', within = ''] = after.split('/');
  const rows = await db
    .select()
    .from(chats)
    .where(within === '' ? gt(chats.id, afterChat) : sql`${chats.id} >= ${afterChat}`)
    .orderBy(asc(chats.id))
    .limit(PAGE);
  const findings: Finding[] = [];
  let checked = 0;
  for (const row of rows) {
    const from = row.id === afterChat ? within : '';
    const report = await room(env, row.id).inspect({ after: from, limit: WITHIN });
    findings.push(...(await settle(await ofChat(env, db, row, report, now), repair)));
    checked += 1;
    if (report?.has_more)
      return { findings, checked, next_cursor: `${row.id}/${report.members.at(-1) ?? report.files.at(-1) ?? ''}` };
  }
  return { findings, checked, next_cursor: rows.length < PAGE ? null : (rows.at(-1)?.id ?? null) };
}

async function ofChat(
  env: Env,
  db: Db,
  row: typeof chats.$inferSelect,
  report: RoomReport | null,
  now: number,
): Promise<Found[]> {
  const chat_id = row.id;
  if (report === null) {
    if (row.deleted_at !== null || now - row.created_at < BEGINNING) return [];
    // A Single keeps its entry: the pair finds it again, and the room is made then.
    if (row.type === 'Single') return [];
    return [{ kind: 'room.missing', chat_id, mend: () => markDeleted(db, chat_id, now) }];
  }
  if (report.deleted) {
    const gone = await channelBehind(env, db, chat_id, report);
    if (row.deleted_at === null)
      gone.push({ kind: 'directory.behind', chat_id, mend: () => markDeleted(db, chat_id, now) });
    return gone;
  }
  if (row.deleted_at !== null) return [{ kind: 'room.undead', chat_id, mend: () => room(env, chat_id).dissolve() }];

  const found = [
    ...(await channelBehind(env, db, chat_id, report)),
    ...(await filesOf(env, db, chat_id, report.files, now)),
    ...(row.type === 'Single' ? await blocksBehind(env, db, chat_id, report) : []),
    ...(await retentionBehind(env, db, chat_id, report)),
  ];
  const expel = (user_id: string) => () => room(env, chat_id).expel(user_id);
  const unknown = await unknownUsers(db, report.members);
  for (const user_id of unknown) found.push({ kind: 'member.unknown', chat_id, user_id, mend: expel(user_id) });
  const known = report.members.filter((id) => !unknown.includes(id));
  const outside = report.workspace_id === null ? [] : await outsiders(db, report.workspace_id, known);
  for (const user_id of outside) found.push({ kind: 'member.outside', chat_id, user_id, mend: expel(user_id) });
  for (const user_id of known.filter((id) => !outside.includes(id))) {
    const held = await inbox(env, user_id).held(chat_id);
    const mend = () => room(env, chat_id).retell([user_id]);
    if (held === null || held.gone) found.push({ kind: 'inbox.missing', chat_id, user_id, mend });
    else if (held.epoch !== report.epoch || (!held.stale && held.head_seq < report.head_seq)) {
      found.push({ kind: 'inbox.behind', chat_id, user_id, mend });
    }
  }
  return found;
}

async function unknownUsers(db: Db, ids: string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .where(sql`${users.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);
  const known = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !known.has(id));
}

/** From users: does each inbox know the status, has it what D1 tells it, and is each conversation in it one that the user is in? */
export async function auditUsers(
  env: Env,
  { after, repair }: { after: string; repair: boolean },
): Promise<AuditAnswer> {
  const db = database(env);
  const [afterUser = '', within = ''] = after.split('/');
  const rows = await db
    .select({ id: users.id, status: users.status })
    .from(users)
    .where(within === '' ? gt(users.id, afterUser) : sql`${users.id} >= ${afterUser}`)
    .orderBy(asc(users.id))
    .limit(PAGE);
  const findings: Finding[] = [];
  let checked = 0;
  for (const { id: user_id, status } of rows) {
    const from = user_id === afterUser ? within : '';
    const report = await inbox(env, user_id).inspect({ after: from, limit: WITHIN });
    const found: Found[] = [];
    if (report.suspended !== (status === 'Suspended')) {
      found.push({ kind: 'status.behind', user_id, mend: () => settleStatus(env, db, user_id) });
    }
    if (from === '') found.push(...(await itemsBehind(env, db, user_id, report.items)));
    for (const { chat_id, gone } of report.chats) {
      if (gone || (await isIn(env, chat_id, user_id))) continue;
      found.push({ kind: 'inbox.ghost', chat_id, user_id, mend: () => inbox(env, user_id).recheck([chat_id]) });
    }
    findings.push(...(await settle(found, repair)));
    checked += 1;
    if (report.has_more) return { findings, checked, next_cursor: `${user_id}/${report.chats.at(-1)?.chat_id ?? ''}` };
  }
  return { findings, checked, next_cursor: rows.length < PAGE ? null : (rows.at(-1)?.id ?? null) };
}

const isIn = async (env: Env, chatId: string, userId: string): Promise<boolean> => {
  const sight = await room(env, chatId).describe(userId);
  return sight.ok && sight.value.member;
};
