import { timestamp } from '../clock.ts';
import type { EditList, PinList, ReactorPage } from '../protocol/changes.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Conversation } from './conversation.ts';
import type { MemberRow } from './members.ts';
import { currentOf, ownReactions } from './state.ts';

/** What a member may ask of a conversation beside its pages. The answers are in `protocol/changes.ts`. */
export type Query =
  | { type: 'pins' }
  | { type: 'edits'; seq: number }
  | { type: 'reactors'; seq: number; emoji: string; after?: string; limit: number };

/** Answers a query of a member. */
export function answer(conversation: Conversation, member: MemberRow, query: Query): Result<unknown> {
  switch (query.type) {
    case 'pins':
      return ok(pins(conversation, member));
    case 'edits':
      return edits(conversation, member, query.seq);
    case 'reactors':
      return ok(reactors(conversation, member, query));
  }
}

function pins({ chat, log, sql }: Conversation, member: MemberRow): PinList {
  const rows = sql
    .exec<{ target: number }>('SELECT target FROM pins WHERE target >= ? ORDER BY seq DESC', member.visible_from)
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
