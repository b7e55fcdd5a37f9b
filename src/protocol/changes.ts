import { z } from 'zod';
import { ChatId, ClientId, Seq, Timestamp, UserId } from './common.ts';
import { Emoji } from './current.ts';
import { ErrorCode } from './errors.ts';
import { editableFields, Message, SendMessage } from './messages.ts';

/**
 * What can be done to a message. A change is one entry here, its rule and its event in `conversation/changes.ts`,
 * and the event's effect in `state.ts`.
 */
export const MessageChange = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('edit'), ...editableFields }),
    z.strictObject({ type: z.literal('recall') }),
    z.strictObject({ type: z.literal('react'), emoji: Emoji }),
    z.strictObject({ type: z.literal('unreact'), emoji: Emoji }),
    z.strictObject({ type: z.literal('pin') }),
    z.strictObject({ type: z.literal('unpin') }),
  ])
  .meta({ id: 'MessageChange' });
export type MessageChange = z.infer<typeof MessageChange>;

/** The answer to a change over REST. */
export const ChangedMessage = z
  .object({
    seq: Seq.meta({ description: 'Whoever holds the log up to here holds the change' }),
    created_at: Timestamp,
    duplicate: z.boolean().optional().meta({ description: 'It had been made before: nothing was appended' }),
    message: Message.meta({ description: 'The message as it is now' }),
  })
  .meta({ id: 'ChangedMessage' });
export type ChangedMessage = z.infer<typeof ChangedMessage>;

/** The body of `PATCH /api/chats/:id/messages/:seq`. */
export const EditMessage = z
  .strictObject({ client_id: ClientId.optional(), ...editableFields })
  .meta({ id: 'EditMessage' });

/** The wordings of a message, the first one first; empty when it was never edited. */
export const EditList = z
  .object({
    items: z.array(
      z.object({
        seq: Seq.meta({ description: 'Of the message for its first wording, of the edit for the others' }),
        content: z.string(),
        created_at: Timestamp,
      }),
    ),
  })
  .meta({ id: 'EditList' });
export type EditList = z.infer<typeof EditList>;

/** Who reacted with one emoji. */
export const ReactorPage = z
  .object({ items: z.array(UserId), next_cursor: z.string().nullable() })
  .meta({ id: 'ReactorPage' });
export type ReactorPage = z.infer<typeof ReactorPage>;

/** Pinned messages, the one that was pinned last first. */
export const PinList = z.object({ items: z.array(Message) }).meta({ id: 'PinList' });
export type PinList = z.infer<typeof PinList>;

/** Follows a thread or stops, and says how far one has read in it. Only what is named changes. */
export const AttendThread = z
  .strictObject({
    following: z.boolean().optional(),
    read: z.int().min(0).optional().meta({ description: '`thread_ordinal` of the last reply that was read' }),
  })
  .meta({ id: 'AttendThread' });
export type AttendThread = z.infer<typeof AttendThread>;

/** Threads that the reader follows, the one with the latest reply first. */
export const FollowedThreads = z
  .object({ items: z.array(z.object({ message: Message, read: z.int(), unread: z.int() })) })
  .meta({ id: 'FollowedThreads' });
export type FollowedThreads = z.infer<typeof FollowedThreads>;

/** seqs of messages that the reader has deleted for themself, in the order in which they did. */
export const HiddenPage = z
  .object({
    items: z.array(Seq),
    next: z.int().meta({ description: 'The `after` of what comes behind' }),
    has_more: z.boolean(),
  })
  .meta({ id: 'HiddenPage' });
export type HiddenPage = z.infer<typeof HiddenPage>;

export const ScheduleMessage = z
  .strictObject({ send_at: Timestamp, message: SendMessage.omit({ client_id: true }) })
  .meta({ id: 'ScheduleMessage' });
export type ScheduleMessage = z.infer<typeof ScheduleMessage>;

/** A message that is sent later, under its `client_id`. */
export const ScheduledMessage = z
  .object({
    chat_id: ChatId,
    send_at: Timestamp,
    message: SendMessage.extend({ client_id: ClientId }),
    failure: z
      .object({ code: ErrorCode, message: z.string() })
      .optional()
      .meta({ description: 'It was refused when its time came, and waits for its author' }),
  })
  .meta({ id: 'ScheduledMessage' });
export type ScheduledMessage = z.infer<typeof ScheduledMessage>;

/** The reader's own messages that wait, the next one first. */
export const ScheduledList = z.object({ items: z.array(ScheduledMessage) }).meta({ id: 'ScheduledList' });
export type ScheduledList = z.infer<typeof ScheduledList>;
