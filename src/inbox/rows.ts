import { z } from 'zod';
import type { Notice } from '../conversation/api.ts';
import { ChatListItem, type NotifyLevel, type Preferences } from '../protocol/chats.ts';
import { LIMITS } from '../protocol/limits.ts';
import { unread } from '../protocol/unread.ts';

const Gone = z.enum(['left', 'removed', 'deleted']);
type Gone = z.infer<typeof Gone>;

/** A row of `chats` without its position. */
export interface ChatRecord {
  chat_id: string;
  member_seq: number;
  epoch: string;
  gone: Gone | null;
  /** null once the user is gone. */
  item: ChatListItem | null;
  /** seqs of unread mentions, ascending. */
  mentions: number[];
  stale: boolean;
}

const Stored = z.object({
  chat_id: z.string(),
  member_seq: z.number(),
  epoch: z.string(),
  gone: Gone.nullable(),
  item: z.string().nullable(),
  mention_seqs: z.string(),
  stale: z.number(),
});

export function recordOf(row: Record<string, SqlStorageValue>): ChatRecord {
  const { item, mention_seqs, stale, ...rest } = Stored.parse(row);
  return {
    ...rest,
    item: item === null ? null : ChatListItem.parse(JSON.parse(item)),
    mentions: z.array(z.number()).parse(JSON.parse(mention_seqs)),
    stale: stale === 1,
  };
}

/** The conversation for the list is as old as its latest message, or as the user's coming. Milliseconds since 1970. */
export const activityOf = (item: ChatListItem): number => Date.parse(item.last_message?.created_at ?? item.joined_at);

const NO_PREFERENCES: Pick<ChatListItem, 'muted' | 'pinned' | 'archived' | 'marked_unread' | 'notify'> = {
  muted: false,
  pinned: false,
  archived: false,
  marked_unread: false,
};

/**
 * The row after a notice. Notices arrive at least once and in any order: watermarks take the maximum, membership goes by
 * `member_seq`, the rest by the head. So merging is idempotent and does not depend on order.
 *
 * A row that waits for a look goes on waiting whatever comes late: only what the room told after it had fallen silent, and
 * still means to go on telling, ends that.
 *
 * @param listening whether the user has a device here; without one, a room that does not tell everybody stops telling
 */
export function merge(row: ChatRecord | undefined, notice: Notice, listening: boolean): ChatRecord {
  const { chat, member, gone = null } = notice;
  const preferences = row?.item ?? NO_PREFERENCES;
  const fresh = row === undefined || row.epoch !== chat.epoch;
  const moved = fresh || notice.member_seq > row.member_seq || (gone === 'deleted' && row.gone !== 'deleted');
  const newer = moved || chat.head_seq > (row.item?.head_seq ?? 0);
  const stale = notice.armed ? row?.stale === true && !newer : row?.stale === true || !listening;
  if (!moved && (row.item === null || member === null)) {
    return { ...row, stale: row.gone === null && stale };
  }
  if (!fresh && notice.member_seq < row.member_seq) return { ...row, stale: row.gone === null && stale };
  const base = { chat_id: chat.id, member_seq: notice.member_seq, epoch: chat.epoch };
  if (member === null) return { ...base, gone: gone ?? 'removed', item: null, mentions: [], stale: false };

  // What the row had counts only within the same membership.
  const before = moved ? null : (row?.item ?? null);
  const ahead = before === null || chat.head_seq >= before.head_seq;
  const read =
    before === null || member.read_seq >= before.read_seq
      ? { read_seq: member.read_seq, read_messages: member.read_messages }
      : { read_seq: before.read_seq, read_messages: before.read_messages };
  // The room knows them all, and takes back those of messages that were edited, recalled or have expired.
  const mentions = unreadOf(ahead ? notice.mentions : (row?.mentions ?? []), read.read_seq);
  const messages = Math.max(notice.messages, before?.messages ?? 0);
  const item: ChatListItem = {
    ...(ahead ? chat : before),
    role: member.role,
    ...(member.muted_until === undefined ? {} : { muted_until: member.muted_until }),
    joined_at: member.joined_at,
    visible_from: member.visible_from,
    messages,
    ...read,
    delivered_seq: Math.max(member.delivered_seq, before?.delivered_seq ?? 0),
    unread: unread(messages, read.read_messages),
    thread_unread: ahead ? (notice.thread_unread ?? 0) : before.thread_unread,
    hidden: Math.max(notice.hidden ?? 0, before?.hidden ?? 0),
    mentions: mentions.length,
    last_message: ahead ? notice.last_message : before.last_message,
    muted: preferences.muted,
    pinned: preferences.pinned,
    archived: preferences.archived,
    // Reading on answers the reminder.
    marked_unread: preferences.marked_unread && before !== null && read.read_seq === before.read_seq,
    ...(preferences.notify === undefined ? {} : { notify: preferences.notify }),
  };
  return { ...base, gone: null, item, mentions, stale };
}

/** The newest of these that lie beyond what was read, ascending. */
const unreadOf = (seqs: readonly number[], read: number): number[] =>
  seqs.length === 0
    ? []
    : seqs
        .filter((seq) => seq > read)
        .toSorted((a, b) => a - b)
        .slice(-LIMITS.unreadMentions);

/**
 * What of a conversation its user wants to hear of while they do not look at it: the one rule behind pushes, mails and
 * notifications.
 */
export const wanted = ({ muted, notify = 'all' }: Pick<ChatListItem, 'muted' | 'notify'>): NotifyLevel =>
  muted ? 'none' : notify;

export function withPreferences(
  row: ChatRecord,
  { muted, pinned, archived, marked_unread, notify }: Preferences,
): ChatRecord {
  if (row.item === null) return row;
  return {
    ...row,
    item: {
      ...row.item,
      muted: muted ?? row.item.muted,
      pinned: pinned ?? row.item.pinned,
      archived: archived ?? row.item.archived,
      marked_unread: marked_unread ?? row.item.marked_unread,
      ...(notify === undefined ? {} : { notify }),
    },
  };
}

/**
 * Keys stand in the order of the schema: equal rows are equal texts. One literal, and no loop over the schema's keys: this runs for
 * each message at each inbox, and an object of a known shape is written three times as fast.
 */
export function itemJson(item: ChatListItem | null): string | null {
  if (item === null) return null;
  const ordered = {
    id: item.id,
    name: item.name,
    type: item.type,
    workspace_id: item.workspace_id,
    topic: item.topic,
    avatar: item.avatar,
    overrides: item.overrides,
    slow_mode: item.slow_mode,
    silenced: item.silenced,
    archived_at: item.archived_at,
    peer_ids: item.peer_ids,
    history: item.history,
    forwards: item.forwards,
    previews: item.previews,
    retention: item.retention,
    member_count: item.member_count,
    fanout: item.fanout,
    epoch: item.epoch,
    head_seq: item.head_seq,
    created_by: item.created_by,
    created_at: item.created_at,
    updated_at: item.updated_at,
    messages: item.messages,
    read_seq: item.read_seq,
    read_messages: item.read_messages,
    delivered_seq: item.delivered_seq,
    visible_from: item.visible_from,
    role: item.role,
    muted_until: item.muted_until,
    joined_at: item.joined_at,
    unread: item.unread,
    mentions: item.mentions,
    thread_unread: item.thread_unread,
    hidden: item.hidden,
    last_message: item.last_message,
    muted: item.muted,
    pinned: item.pinned,
    archived: item.archived,
    marked_unread: item.marked_unread,
    notify: item.notify,
  } satisfies Record<keyof ChatListItem, unknown>;
  return JSON.stringify(ordered);
}

/** The change that a device gets, from what is stored. Matches `Change`. */
export function changeJson(chatId: string, itemJson: string | null, gone: string | null): string {
  return itemJson === null
    ? `{"type":"chat.gone","chat_id":"${chatId}","reason":"${gone}"}`
    : `{"type":"chat","chat_id":"${chatId}","chat":${itemJson}}`;
}
