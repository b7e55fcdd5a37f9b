import { z } from 'zod';
import { ChatId, ClientId, Seq, Timestamp, UserId, utf8Length, WellFormedText } from './common.ts';
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
};

export const SendMessage = z
  .strictObject({ client_id: ClientId.optional(), ...messageFields })
  .meta({ id: 'SendMessage' });
export type SendMessage = z.infer<typeof SendMessage>;

const messageOut = {
  client_id: ClientId,
  sender_id: UserId,
  kind: MessageKind,
  content: z.string(),
  reply_to: Seq.optional(),
  mentions: z.array(UserId).optional(),
};

export const Message = z
  .object({
    chat_id: ChatId,
    seq: Seq,
    ordinal: z.int().meta({ description: 'Number of this message among the messages of the conversation' }),
    ...messageOut,
    created_at: Timestamp,
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof Message>;

export const SentMessage = Message.extend({ duplicate: z.boolean().optional() }).meta({ id: 'SentMessage' });
export type SentMessage = z.infer<typeof SentMessage>;

const base = { seq: Seq, actor_id: UserId, created_at: Timestamp };

/** Everything durable that can happen in a conversation. A new kind of event is one more member of this union. */
export const ChatEvent = z
  .discriminatedUnion('type', [
    z.object({ ...base, type: z.literal('message'), ordinal: z.int(), ...messageOut }),
    z.object({
      ...base,
      type: z.literal('chat.created'),
      name: z.string().nullable(),
      members: z.array(z.object({ user_id: UserId, role: z.enum(['owner', 'member']) })),
    }),
    z.object({
      ...base,
      type: z.literal('chat.updated'),
      name: z.string().optional(),
      history: z.enum(['all', 'joined']).optional(),
    }),
    z.object({ ...base, type: z.literal('chat.deleted') }),
    z.object({ ...base, type: z.literal('member.joined'), user_ids: z.array(UserId) }),
    z.object({ ...base, type: z.literal('member.left'), user_id: UserId, removed: z.boolean() }),
    z.object({ ...base, type: z.literal('member.role'), user_id: UserId, role: z.enum(['owner', 'member']) }),
  ])
  .meta({ id: 'Event' });
export type ChatEvent = z.infer<typeof ChatEvent>;
export type EventType = ChatEvent['type'];
export type MessageEvent = Extract<ChatEvent, { type: 'message' }>;

/** Seqs that answer with a reason in place of an event, so that a hole is never silent. Both ends included. */
export const Hole = z
  .object({ from_seq: Seq, to_seq: Seq, reason: z.enum(['before_join', 'expired', 'erased']) })
  .meta({ id: 'Hole' });
export type Hole = z.infer<typeof Hole>;

/** A page of the log. With `reset` the client drops what it has of this conversation and starts from this page. */
export const EventPage = z
  .object({
    items: z.array(ChatEvent),
    head_seq: Seq,
    epoch: z.string().meta({ description: 'Identity of the history; another one means: drop your cursor' }),
    has_more: z.boolean(),
    holes: z.array(Hole).optional(),
    reset: z.boolean().optional(),
  })
  .meta({ id: 'EventPage' });
export type EventPage = z.infer<typeof EventPage>;

export const MessagePage = z.object({ items: z.array(Message), has_more: z.boolean() }).meta({ id: 'MessagePage' });
export type MessagePage = z.infer<typeof MessagePage>;
