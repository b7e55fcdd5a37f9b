import type { RoomReport } from './api.ts';
import type { Conversation } from './conversation.ts';
import { isListingDue, listedOf } from './listing.ts';
import { heldRetention } from './retention.ts';

/**
 * The conversation as an audit compares it with the directory, with inboxes and with D1's files. Files and members are one
 * list by id: all ids of files come before those of users.
 */
export function inspect(conversation: Conversation, { after, limit }: { after: string; limit: number }): RoomReport {
  const { chat, log, members, exists } = conversation;
  const files = exists ? conversation.fileIds(after, limit + 1) : [];
  const rows = exists ? members.page(after, limit + 1 - files.length) : [];
  const page = [...files, ...rows.map(({ user_id }) => user_id)].slice(0, limit);
  const tells = exists && chat.type === 'PublicChannel' && !isListingDue(conversation.sql);
  return {
    deleted: chat.deleted_at !== null,
    workspace_id: chat.workspace_id,
    epoch: chat.epoch,
    head_seq: log.head,
    members: page.slice(files.length),
    files: files.slice(0, limit),
    listed: tells ? listedOf(chat) : null,
    blocks: exists ? conversation.heldBlocks() : [],
    retention: exists ? heldRetention(conversation) : null,
    has_more: files.length + rows.length > limit,
  };
}
