import type { RoomReport } from './api.ts';
import type { Conversation } from './conversation.ts';

/** The conversation as an audit compares it with the directory and with inboxes. */
export function inspect(
  { chat, log, members }: Conversation,
  { after, limit }: { after: string; limit: number },
): RoomReport {
  const rows = chat.deleted_at === null ? members.page(after, limit + 1) : [];
  return {
    deleted: chat.deleted_at !== null,
    workspace_id: chat.workspace_id,
    epoch: chat.epoch,
    head_seq: log.head,
    members: rows.slice(0, limit).map(({ user_id }) => user_id),
    has_more: rows.length > limit,
  };
}
