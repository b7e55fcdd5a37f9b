import type { Reader } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Conversation } from './conversation.ts';
import type { MemberRow } from './members.ts';

/** Members looked at in one go. */
const CHUNK = 500;

/**
 * Who has read a message, by user id: the members whose watermark has passed it, but for its sender and for those who came after
 * it, for whom everything before them counts as read. Nothing is stored for it.
 */
export function readersOf(
  { log, members }: Conversation,
  reader: MemberRow,
  seq: number,
  after: string,
  limit: number,
): Result<{ items: Reader[]; next_cursor: string | null }> {
  const message = seq >= reader.visible_from ? log.messageAt(seq) : undefined;
  if (message === undefined) return refuse('not_found', `there is no message with seq ${seq}`);
  const items: Reader[] = [];
  for (let from = after; ; ) {
    const chunk = members.page(from, CHUNK);
    for (const { user_id, read_seq, joined_at } of chunk) {
      if (read_seq < seq || user_id === message.actor_id || joined_at > message.created_at) continue;
      if (items.length === limit) return ok({ items, next_cursor: items.at(-1)?.user_id ?? null });
      items.push({ user_id, read_seq });
    }
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < CHUNK) return ok({ items, next_cursor: null });
    from = last.user_id;
  }
}
