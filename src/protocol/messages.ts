import { z } from 'zod';
import { ChatId, ClientId, Seq, Timestamp, UserId, utf8Length, WellFormedText } from './common.ts';
import { messageState, placement } from './current.ts';
import { LIMITS } from './limits.ts';

/** What a sender may put into a message. A kind is one entry here, one rule in `conversation/admit.ts`, one test. */
export const MessageKind = z.enum(['text']);
export type MessageKind = z.infer<typeof MessageKind>;

export const Content = WellFormedText.refine(
  (text) => text.length <= LIMITS.contentBytes / 3 || utf8Length(text) <= LIMITS.contentBytes,
  { error: `must be at most ${LIMITS.contentBytes} bytes` },
).meta({ description: `The text, kept byte for byte; at most ${LIMITS.contentBytes} bytes of UTF-8` });

/** The fields of a message that its sender chooses, the same over REST and on a socket. */
export const messageFields = {
  kind: MessageKind.default('text'),
  content: Content,
  reply_to: Seq.min(1).optional().meta({ description: 'seq of the message that this one answers' }),
  mentions: z
    .array(UserId)
    .min(1)
    .max(LIMITS.mentionsPerMessage)
    .optional()
    .meta({ description: 'Members whom the message mentions' }),
  thread_seq: placement.thread_seq,
  also_to_chat: placement.also_to_chat,
};

/** What of a message its sender may change later. An edit gives all of them anew: one that is absent is gone. */
export const editableFields = { content: messageFields.content, mentions: messageFields.mentions };

export const SendMessage = z
  .strictObject({ client_id: ClientId.optional(), ...messageFields })
  .meta({ id: 'SendMessage' });
export type SendMessage = z.infer<typeof SendMessage>;

/** A message as everybody has it: its fields beside seq and time. */
export const messageOut = {
  client_id: ClientId,
  sender_id: UserId,
  kind: MessageKind,
  content: z.string(),
  reply_to: Seq.optional(),
  mentions: z.array(UserId).optional(),
  ...placement,
};

export const editableOut = { content: messageOut.content, mentions: messageOut.mentions };

export const Message = z
  .object({
    chat_id: ChatId,
    seq: Seq,
    ordinal: z.int().meta({ description: 'Number of this message among the messages of the conversation' }),
    ...messageOut,
    created_at: Timestamp,
    ...messageState,
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof Message>;

export const SentMessage = Message.extend({ duplicate: z.boolean().optional() }).meta({ id: 'SentMessage' });
export type SentMessage = z.infer<typeof SentMessage>;

export const MessagePage = z
  .object({
    items: z.array(Message),
    has_more: z
      .boolean()
      .meta({ description: 'There are more in the direction of the page; before it, when it has both' }),
    has_newer: z.boolean().optional().meta({ description: 'Of a page around a place: there are more behind it' }),
  })
  .meta({ id: 'MessagePage' });
export type MessagePage = z.infer<typeof MessagePage>;
