import { z } from 'zod';
import { MessageChange } from './changes.ts';
import { ChatId, ClientId, Seq, Timestamp, UserId } from './common.ts';
import { ErrorCode } from './errors.ts';
import { ChatEvent, Hole } from './events.ts';
import { LIMITS } from './limits.ts';
import { messageFields } from './messages.ts';
import { Change, Cursor } from './sync.ts';
import { presenceFields } from './users.ts';

export { BEARER_PREFIX, PING, PONG, SUBPROTOCOL } from './wire.ts';

export const SendFrame = z.strictObject({
  t: z.literal('send'),
  client_id: ClientId,
  chat_id: ChatId,
  ...messageFields,
});
export type SendFrame = z.infer<typeof SendFrame>;

/** Changes a message. Answered by an `ack` with the seq of the change. */
export const ChangeFrame = z.strictObject({
  t: z.literal('change'),
  client_id: ClientId,
  chat_id: ChatId,
  seq: Seq.min(1).meta({ description: 'The message' }),
  change: MessageChange,
});
export type ChangeFrame = z.infer<typeof ChangeFrame>;

/** What a client may send; a message on the socket is one of these or an array of them. */
export const ClientFrame = z.discriminatedUnion('t', [
  SendFrame,
  ChangeFrame,
  z.strictObject({ t: z.literal('read'), chat_id: ChatId, seq: Seq }),
  z.strictObject({ t: z.literal('got'), chat_id: ChatId, seq: Seq }),
  z.strictObject({ t: z.literal('typing'), chat_id: ChatId }),
  z.strictObject({
    t: z.literal('pull'),
    chat_id: ChatId,
    after: Seq,
    limit: z.int().min(1).max(LIMITS.pageMax).optional(),
  }),
  z.strictObject({ t: z.literal('presence'), state: z.enum(['online', 'away']) }),
  z.strictObject({ t: z.literal('auth'), token: z.string().max(4096) }),
]);
export type ClientFrame = z.infer<typeof ClientFrame>;

export const AckFrame = z.object({
  t: z.literal('ack'),
  client_id: ClientId,
  chat_id: ChatId,
  seq: Seq,
  created_at: Timestamp,
  duplicate: z.boolean().optional(),
});
export type AckFrame = z.infer<typeof AckFrame>;

export const EventsFrame = z.object({
  t: z.literal('events'),
  chat_id: ChatId,
  epoch: z.string(),
  head_seq: Seq,
  events: z.array(ChatEvent),
  has_more: z.boolean().optional().meta({ description: 'Answer to a pull: more events lie before head_seq' }),
  reset: z.boolean().optional(),
  holes: z.array(Hole).optional(),
});
export type EventsFrame = z.infer<typeof EventsFrame>;

export const ReceiptFrame = z.object({
  t: z.literal('receipt'),
  chat_id: ChatId,
  user_id: UserId,
  read_seq: Seq,
  delivered_seq: Seq,
});
export type ReceiptFrame = z.infer<typeof ReceiptFrame>;

export const ErrorFrame = z.object({
  t: z.literal('error'),
  code: ErrorCode,
  message: z.string(),
  client_id: z.string().optional(),
  chat_id: z.string().optional(),
  retry_after: z.number().optional(),
});
export type ErrorFrame = z.infer<typeof ErrorFrame>;

/** What the server may send; a client ignores what it does not know. */
export const ServerFrame = z.discriminatedUnion('t', [
  AckFrame,
  EventsFrame,
  ReceiptFrame,
  ErrorFrame,
  z.object({ t: z.literal('typing'), chat_id: ChatId, user_id: UserId }),
  z.object({ t: z.literal('presence'), ...presenceFields }),
  z.object({ t: z.literal('inbox'), changes: z.array(Change), cursor: Cursor, reset: z.boolean().optional() }),
  z.object({ t: z.literal('lag'), chat_id: ChatId, head_seq: Seq }),
  z.object({ t: z.literal('authed'), expires_at: Timestamp }),
  z.object({
    t: z.literal('resume'),
    token: z.string().meta({ description: 'Opens sockets of this session in the place of an access token' }),
    expires_at: Timestamp,
    slot_ms: z.int().meta({ description: 'Wait this long before the first reconnect when the server went away' }),
  }),
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
