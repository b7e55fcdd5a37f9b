import { z } from 'zod';
import { ChatId, ClientId, Seq, Timestamp, UserId, utf8Length, WellFormedText } from './common.ts';
import { messageState, placement } from './current.ts';
import { FileInfo } from './files.ts';
import { Entity, Everyone, kindFields, MessageKind, Origin, Quote, QuoteRequest, SendableKind } from './kinds.ts';
import { LIMITS } from './limits.ts';

export const Content = WellFormedText.refine(
  (text) => text.length <= LIMITS.contentBytes / 3 || utf8Length(text) <= LIMITS.contentBytes,
  { error: `must be at most ${LIMITS.contentBytes} bytes` },
).meta({ description: `The text, kept byte for byte; at most ${LIMITS.contentBytes} bytes of UTF-8` });

/** The fields of a message that its sender chooses, the same over REST and on a socket. */
export const messageFields = {
  kind: SendableKind.default('text'),
  content: Content,
  entities: z
    .array(Entity)
    .min(1)
    .max(LIMITS.entitiesPerMessage)
    .optional()
    .meta({ description: 'What the text is beside text, by position, the outer span before the inner one' }),
  reply_to: Seq.min(1).optional().meta({ description: 'seq of the message that this one answers' }),
  mentions: z
    .array(UserId)
    .min(1)
    .max(LIMITS.mentionsPerMessage)
    .optional()
    .meta({ description: 'Members whom the message mentions' }),
  everyone: Everyone.optional().meta({ description: 'Mentions all members, or those who are online' }),
  quote: QuoteRequest.optional(),
  files: z
    .array(z.string().max(LIMITS.ticketLength))
    .min(1)
    .max(LIMITS.filesPerMessage)
    .optional()
    .meta({ description: 'Tickets of the files that the message brings' }),
  ...kindFields,
  thread_seq: placement.thread_seq,
  also_to_chat: placement.also_to_chat,
};

/** What of a message its sender may change later. An edit gives all of them anew: one that is absent is gone. */
export const editableFields = {
  content: messageFields.content,
  entities: messageFields.entities,
  mentions: messageFields.mentions,
  everyone: messageFields.everyone,
};

export const SendMessage = z
  .strictObject({ client_id: ClientId.optional(), ...messageFields })
  .meta({ id: 'SendMessage' });
export type SendMessage = z.infer<typeof SendMessage>;

/** A message of another conversation, to be copied into this one. */
export const ForwardMessage = z
  .strictObject({ client_id: ClientId.optional(), from_chat_id: ChatId, seq: Seq.min(1) })
  .meta({ id: 'ForwardMessage' });

/** A message as everybody has it: its fields beside seq, sender and time. */
export const messageOut = {
  client_id: ClientId,
  kind: MessageKind,
  content: z.string(),
  entities: z.array(Entity).optional(),
  reply_to: Seq.optional(),
  mentions: z.array(UserId).optional(),
  everyone: Everyone.optional(),
  quote: Quote.optional(),
  files: z.array(FileInfo).optional(),
  forwarded_from: Origin.optional(),
  ...kindFields,
  ...placement,
};

export const editableOut = {
  content: messageOut.content,
  entities: messageOut.entities,
  mentions: messageOut.mentions,
  everyone: messageOut.everyone,
};

export const Message = z
  .object({
    chat_id: ChatId,
    seq: Seq,
    ordinal: z.int().meta({ description: 'Number of this message among the messages of the conversation' }),
    sender_id: UserId,
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
