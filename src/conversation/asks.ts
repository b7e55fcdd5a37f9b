import { timestamp } from '../clock.ts';
import type { AttendThread, EditList, PinList, ReactorPage } from '../protocol/changes.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { MessagePage, SendMessage } from '../protocol/messages.ts';
import type { Conversation } from './conversation.ts';
import { hiddenPage, hide } from './hidden.ts';
import type { MemberRow } from './members.ts';
import { cancel, schedule, waiting } from './scheduled.ts';
import { currentOf, ownReactions } from './state.ts';
import { attendThread, followed } from './threads.ts';

/** What a member may ask for beside messages and their changes. What each is answered with stands in `protocol/changes.ts`. */
export type Ask =
  | { type: 'pins' }
  | { type: 'edits'; seq: number }
  | { type: 'reactors'; seq: number; emoji: string; after?: string; limit: number }
  | { type: 'thread'; seq: number; before?: number; after?: number; limit: number }
  | { type: 'threads' }
  | ({ type: 'attend'; seq: number } & AttendThread)
  | { type: 'hide'; seq: number }
  | { type: 'hidden'; after: number; limit: number }
  | { type: 'schedule'; send_at: string; message: SendMessage & { client_id: string } }
  | { type: 'cancel'; client_id: string }
  | { type: 'scheduled' }
  | { type: 'export'; after: number; limit: number };

/** Answers a member: with what is to become JSON. What it changed for them alone is owed to their inbox. */
export function answer(conversation: Conversation, member: MemberRow, ask: Ask, now: number): Result<unknown> {
  switch (ask.type) {
    case 'pins':
      return ok(pins(conversation, member));
    case 'edits':
      return edits(conversation, member, ask.seq);
    case 'reactors':
      return ok(reactors(conversation, member, ask));
    case 'thread':
      return ok(threadPage(conversation, member, ask));
    case 'threads':
      return ok(followed(conversation, member));
    case 'attend':
      return attendThread(conversation, member, ask.seq, ask);
    case 'hide':
      return hide(conversation, member, ask.seq);
    case 'hidden':
      return ok(hiddenPage(conversation, member, ask.after, ask.limit));
    case 'schedule':
      return schedule(conversation, member, ask, now);
    case 'cancel':
      return cancel(conversation, member, ask.client_id);
    case 'scheduled':
      return ok(waiting(conversation, member));
    case 'export':
      return exported(conversation, member, ask);
  }
}

function pins({ chat, log, sql }: Conversation, member: MemberRow): PinList {
  const rows = sql
    .exec<{ target: number }>(
      `SELECT target FROM pins
       WHERE target >= ? AND target NOT IN (SELECT seq FROM hidden WHERE user_id = ?) ORDER BY seq DESC`,
      member.visible_from,
      member.user_id,
    )
    .toArray()
    .flatMap(({ target }) => log.messageAt(target) ?? []);
  const own = ownReactions(sql, member.user_id, rows);
  return { items: rows.map((row) => currentOf(chat.id, row, own)) };
}

function edits({ log, sql }: Conversation, member: MemberRow, seq: number): Result<EditList> {
  const message = seq >= member.visible_from ? log.messageAt(seq) : undefined;
  if (message === undefined) return refuse('not_found', `there is no message with seq ${seq}`);
  const changes = sql.exec<{ seq: number }>('SELECT seq FROM edits WHERE target = ? ORDER BY seq', seq).toArray();
  const wordings = changes.flatMap((edit) => {
    const row = log.at(edit.seq);
    if (row === undefined) return [];
    const content: unknown = Reflect.get(Object(JSON.parse(row.extra ?? '{}')), 'content');
    return [{ seq: row.seq, content: String(content), created_at: timestamp(row.created_at) }];
  });
  const first = { seq, content: message.content ?? '', created_at: timestamp(message.created_at) };
  return ok({ items: changes.length === 0 ? [] : [first, ...wordings] });
}

function reactors(
  { sql }: Conversation,
  member: MemberRow,
  { seq, emoji, after = '', limit }: { seq: number; emoji: string; after?: string; limit: number },
): ReactorPage {
  const users = sql
    .exec<{ user_id: string }>(
      'SELECT user_id FROM reactions WHERE target = ? AND target >= ? AND emoji = ? AND user_id > ? ORDER BY user_id LIMIT ?',
      seq,
      member.visible_from,
      emoji,
      after,
      limit + 1,
    )
    .toArray()
    .map((row) => row.user_id);
  const items = users.slice(0, limit);
  return { items, next_cursor: users.length > limit ? (items.at(-1) ?? null) : null };
}

/** Every message that a member may see and take with them, page by page. */
function exported(
  conversation: Conversation,
  member: MemberRow,
  { after, limit }: { after: number; limit: number },
): Result<MessagePage> {
  const may = conversation.actor(member.user_id, 'export');
  if (!may.ok) return may;
  const { chat, log, sql } = conversation;
  const { rows, hasMore } = log.everyMessage(member.visible_from, after, limit, member.user_id);
  const own = ownReactions(sql, member.user_id, rows);
  return ok({ items: rows.map((row) => currentOf(chat.id, row, own)), has_more: hasMore });
}

/** Replies of a thread, ascending: the newest page, or the one before or after a seq. */
function threadPage(
  { chat, log, sql }: Conversation,
  member: MemberRow,
  { seq, ...page }: { seq: number; before?: number; after?: number; limit: number },
): MessagePage {
  const { rows, hasMore } = log.replyPage(seq, member.visible_from, page, member.user_id);
  const own = ownReactions(sql, member.user_id, rows);
  return { items: rows.map((row) => currentOf(chat.id, row, own)), has_more: hasMore };
}
