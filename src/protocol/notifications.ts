import { z } from 'zod';
import { ChatId, Seq, Timestamp, UserId, WorkspaceId } from './common.ts';

/** The id says what the notification is about: told again, it is the same row. */
export const NotificationId = z
  .string()
  .regex(/^[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}\.[a-z0-9]{1,16}$/, 'must be the id of a notification')
  .meta({ description: 'Opaque id of a notification', example: 'chat_01kahq0z9pm3v1x8e6t4w2y7rd.17' });

const base = {
  id: NotificationId,
  at: Timestamp.meta({ description: 'When it happened' }),
  read_at: Timestamp.nullable(),
};

/**
 * What happened that concerns the user. It refers, and repeats nothing of what was said: a message that is recalled, or that
 * expires, leaves nothing behind here.
 */
export const NotificationRow = z
  .discriminatedUnion('kind', [
    z
      .object({
        ...base,
        kind: z.literal('mention'),
        chat_id: ChatId,
        seq: Seq.min(1),
        thread_seq: Seq.nullable().meta({ description: 'The thread in which it was said; null: in the conversation' }),
        actor_id: UserId,
      })
      .meta({ description: 'A message mentions the user' }),
    z
      .object({ ...base, kind: z.literal('dm'), chat_id: ChatId, actor_id: UserId })
      .meta({ description: 'A Single has something unread: one row for each Single' }),
    z
      .object({
        ...base,
        kind: z.literal('invitation'),
        chat_id: ChatId.nullable(),
        workspace_id: WorkspaceId.nullable(),
        actor_id: UserId,
      })
      .meta({ description: 'Somebody let the user into a conversation, or into a workspace' }),
    z.object({ ...base, kind: z.literal('friend_request'), actor_id: UserId }).meta({ description: 'It waits' }),
    z
      .object({ ...base, kind: z.literal('friend_accepted'), actor_id: UserId })
      .meta({ description: 'Somebody became a friend by what they did' }),
    z
      .object({
        ...base,
        kind: z.literal('system'),
        event: z.enum(['new_device', 'role', 'removed', 'workspace_deletion']).meta({
          description:
            'The account was signed in to on a new device; the user has another `role` in a conversation or a workspace, or was removed from it; a workspace is going to be deleted',
        }),
        chat_id: ChatId.nullable(),
        workspace_id: WorkspaceId.nullable(),
        actor_id: UserId.nullable(),
        role: z.string().nullable(),
        device: z.string().nullable().meta({ description: 'What a new device calls itself' }),
      })
      .meta({ description: 'Something about the account, or about the place of the user somewhere' }),
  ])
  .meta({ id: 'Notification' });
export type NotificationRow = z.infer<typeof NotificationRow>;

/** What holds of all notifications: one row, `me`. */
export const NotificationState = z
  .object({
    gone_through: Timestamp.nullable().meta({
      description: 'Notifications of this time and before are gone: a device drops those that it holds',
    }),
    unread_dropped: z.int().meta({ description: 'How many went unread since all were read, because newer ones came' }),
  })
  .meta({ id: 'NotificationState' });
export type NotificationState = z.infer<typeof NotificationState>;

export const NotificationPage = z
  .object({
    items: z.array(NotificationRow),
    next_cursor: z.string().nullable(),
    unread: z.int(),
    unread_dropped: NotificationState.shape.unread_dropped,
  })
  .meta({ id: 'NotificationPage' });
export type NotificationPage = z.infer<typeof NotificationPage>;

export const ReadNotifications = z
  .union([
    z.strictObject({ id: NotificationId }),
    z.strictObject({ through: NotificationId.meta({ description: 'This one and all that are older' }) }),
    z.strictObject({ all: z.literal(true) }),
  ])
  .meta({ id: 'ReadNotifications' });
export type ReadNotifications = z.infer<typeof ReadNotifications>;
