import { z } from 'zod';
import { HistoryPolicy, JoinPolicy, Overrides, Retention, Role } from './chats.ts';
import { InvitationId, Seq, Timestamp, UserId } from './common.ts';
import { messageState } from './current.ts';
import { editableOut, messageOut } from './messages.ts';

/** What every event has. */
const base = { seq: Seq, actor_id: UserId, created_at: Timestamp };

/** What every change of a message has. */
const change = { ...base, target: Seq.min(1).meta({ description: 'seq of the message that it changes' }) };

/** Everything durable that can happen in a conversation. A new kind of event is one more member of this union. */
export const ChatEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...base,
      type: z.literal('message'),
      ordinal: z.int(),
      ...messageOut,
      recalled: messageState.recalled.meta({ description: 'It was taken back later: what it said is no longer here' }),
    }),
    z.object({
      ...base,
      type: z.literal('thread.reply'),
      ordinal: z.int(),
      ...messageOut,
      thread_seq: Seq.min(1),
      recalled: messageState.recalled,
    }),
    z.object({ ...change, type: z.literal('message.edited'), ...editableOut }),
    z.object({ ...change, type: z.literal('message.recalled') }),
    z.object({ ...change, type: z.literal('reaction.added'), emoji: z.string() }),
    z.object({ ...change, type: z.literal('reaction.removed'), emoji: z.string() }),
    z.object({ ...change, type: z.literal('message.pinned') }),
    z.object({ ...change, type: z.literal('message.unpinned') }),
    z.object({
      ...base,
      type: z.literal('message.expired'),
      targets: z.array(Seq).meta({ description: 'Messages that are gone from now on' }),
    }),
    z.object({
      ...base,
      type: z.literal('chat.created'),
      name: z.string().nullable(),
      members: z.array(z.object({ user_id: UserId, role: Role })),
    }),
    z.object({
      ...base,
      type: z.literal('chat.updated'),
      name: z.string().optional(),
      history: HistoryPolicy.optional(),
      retention: Retention.optional(),
      topic: z.string().nullable().optional(),
      avatar: z.string().nullable().optional(),
      join_policy: JoinPolicy.optional(),
      slow_mode: z.int().optional(),
      silenced: z.boolean().optional(),
      archived: z.boolean().optional(),
      overrides: Overrides.optional(),
    }),
    z.object({ ...base, type: z.literal('chat.announced'), text: z.string().nullable() }),
    z.object({ ...base, type: z.literal('chat.deleted') }),
    z.object({
      ...base,
      type: z.literal('member.joined'),
      user_ids: z.array(UserId),
      invitation_id: InvitationId.optional(),
    }),
    z.object({ ...base, type: z.literal('member.left'), user_id: UserId, removed: z.boolean() }),
    z.object({ ...base, type: z.literal('member.role'), user_id: UserId, role: Role }),
    z.object({ ...base, type: z.literal('member.muted'), user_id: UserId, until: Timestamp.nullable() }),
    z.object({ ...base, type: z.literal('member.renamed'), user_id: UserId, nickname: z.string().nullable() }),
    z.object({ ...base, type: z.literal('member.banned'), user_id: UserId }),
    z.object({ ...base, type: z.literal('member.unbanned'), user_id: UserId }),
    z.object({ ...base, type: z.literal('request.made'), user_id: UserId }),
    z.object({
      ...base,
      type: z.literal('request.closed'),
      user_id: UserId,
      outcome: z.enum(['accepted', 'rejected', 'cancelled']),
    }),
    z.object({
      ...base,
      type: z.literal('invitation.created'),
      invitation_id: InvitationId,
      role: Role,
      expires_at: Timestamp.nullable(),
      max_uses: z.int().nullable(),
    }),
    z.object({ ...base, type: z.literal('invitation.revoked'), invitation_id: InvitationId }),
  ])
  .meta({ id: 'Event' });
export type ChatEvent = z.infer<typeof ChatEvent>;
export type EventType = ChatEvent['type'];
/** Events that bring a message: into the conversation, or into a thread alone. */
export type MessageEvent = Extract<ChatEvent, { type: 'message' | 'thread.reply' }>;

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
