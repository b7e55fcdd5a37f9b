import { z } from 'zod';
import { ChatListItem } from './chats.ts';
import { ChatId, Seq } from './common.ts';
import { ChatEvent, Hole } from './events.ts';
import { Contact, FriendGroup, Privacy } from './friends.ts';
import { Draft, SavedMessage } from './kept.ts';
import { LIMITS } from './limits.ts';
import { NotificationRow, NotificationState } from './notifications.ts';
import { Status } from './users.ts';
import { Workspace } from './workspaces.ts';

/** The rows of an inbox besides its conversations: what each kind holds. A new kind is one more entry. */
export const ITEMS = {
  /** By the person's id. */
  contact: Contact,
  friend_group: FriendGroup,
  draft: Draft,
  saved: SavedMessage,
  notification: NotificationRow,
  /** One row, `me`. */
  notification_state: NotificationState,
  /** One row, `me`. */
  privacy: Privacy,
  /** One row, `me`: what the user says of themself. One that has expired may stand until it is taken away. */
  status: Status,
  workspace: Workspace,
} as const;
type ItemSchemas = typeof ITEMS;
export type ItemKind = keyof ItemSchemas;

type ItemSchema = {
  [K in ItemKind]: z.ZodObject<{
    type: z.ZodLiteral<K>;
    id: z.ZodString;
    value: z.ZodUnion<[ItemSchemas[K], z.ZodNull]>;
  }>;
}[ItemKind];
/** One member of `Change` for each kind. The types of the members follow from `ITEMS`, which `map` cannot say. */
const itemChanges = Object.entries(ITEMS).map(([kind, value]) =>
  // Not `nullable()`: of a named schema the document would say that a null has to be an object.
  z.object({ type: z.literal(kind), id: z.string(), value: z.union([value, z.null()]) }),
) as unknown as [ItemSchema];

/**
 * A row of the inbox as it is now. A change replaces what the device had of that row; order among rows does not matter,
 * which is why a compacted timeline needs no history.
 */
export const Change = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('chat'), chat_id: ChatId, chat: ChatListItem }),
    z.object({
      type: z.literal('chat.gone'),
      chat_id: ChatId,
      reason: z.enum(['left', 'removed', 'deleted']),
    }),
    ...itemChanges,
  ])
  .meta({ id: 'Change' });
export type Change = z.infer<typeof Change>;
/** A row that is no conversation; `value` null: it is gone. */
export type ItemChange = Extract<Change, { type: ItemKind }>;
export type ItemValue<K extends ItemKind> = NonNullable<Extract<ItemChange, { type: K }>['value']>;

/** Opaque; belongs to the device that got it. */
export const Cursor = z.string().max(128);

/** Where the log of one conversation stands, beside the events of it that a sync answer carries. */
export const ChatHead = z
  .object({
    epoch: z.string(),
    head_seq: Seq,
    has_more: z.boolean(),
    reset: z.boolean().optional(),
    holes: z.array(Hole).optional(),
  })
  .meta({ id: 'ChatHead' });
export type ChatHead = z.infer<typeof ChatHead>;

export const SyncRequest = z
  .strictObject({
    cursor: Cursor.nullish(),
    chats: z
      .record(ChatId, Seq)
      .refine((chats) => Object.keys(chats).length <= LIMITS.syncChatsPerRequest, {
        error: `at most ${LIMITS.syncChatsPerRequest} conversations in one request`,
      })
      .optional()
      .meta({ description: 'Per conversation the last seq that the device holds; the answer brings what came after' }),
    limit: z.int().min(1).max(LIMITS.syncPageMax).optional(),
  })
  .meta({ id: 'SyncRequest' });
export type SyncRequest = z.infer<typeof SyncRequest>;

export const SyncResponse = z
  .object({
    changes: z.array(Change),
    cursor: Cursor,
    has_more: z.boolean().meta({ description: 'More rows wait behind the cursor' }),
    reset: z.boolean().optional().meta({ description: 'The cursor was not of this inbox: drop every row first' }),
    events: z.record(ChatId, z.array(ChatEvent)).optional(),
    heads: z.record(ChatId, ChatHead).optional().meta({ description: 'One entry for each conversation in `events`' }),
    unreached: z
      .array(ChatId)
      .optional()
      .meta({ description: 'Conversations whose events did not fit or could not be read now; ask again' }),
  })
  .meta({ id: 'SyncResponse' });
export type SyncResponse = z.infer<typeof SyncResponse>;
