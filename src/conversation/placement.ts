import { z } from 'zod';
import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Message, SendMessage } from '../protocol/messages.ts';
import { placeOf } from '../protocol/state.ts';
import type { Conversation } from './conversation.ts';
import type { EventRow } from './log.ts';
import type { MemberRow } from './members.ts';
import { after } from './state.ts';
import { follow } from './threads.ts';

/** Where a message goes: into the conversation or into a thread alone, and for how long. */
export interface Placement {
  type: 'message' | 'thread.reply';
  fields: ReturnType<typeof placeOf>;
  /** The first message of the thread, as it is now. */
  root?: Message;
  expiresAt?: number;
}

/** Whether a message has a place of its own: then it is admitted in a savepoint. */
export const isPlaced = ({ retention }: Conversation, message: SendMessage): boolean =>
  message.thread_seq !== undefined || message.also_to_chat !== undefined || retention.message_timer !== null;

/** The place of a new message. */
export function place(
  conversation: Conversation,
  sender: MemberRow,
  { thread_seq, also_to_chat }: SendMessage,
  now: number,
): Result<Placement> {
  const { states, retention } = conversation;
  const expiresAt = retention.message_timer === null ? undefined : now + retention.message_timer * 1000;
  const expiry = expiresAt === undefined ? {} : { expiresAt };
  const expires = expiresAt === undefined ? {} : { expires_at: timestamp(expiresAt) };
  if (thread_seq === undefined) {
    if (also_to_chat !== undefined) return refuse('invalid', 'also_to_chat: only a reply in a thread has it');
    return ok({ type: 'message', fields: expires, ...expiry });
  }
  const root = thread_seq >= sender.visible_from ? states.at(thread_seq) : undefined;
  if (root === undefined) return refuse('invalid', `thread_seq: there is no message with seq ${thread_seq}`);
  if (root.thread_seq !== undefined) {
    return refuse(
      'invalid',
      `thread_seq: message ${thread_seq} is a reply itself, in the thread of ${root.thread_seq}`,
    );
  }
  const thread_ordinal = (root.thread?.replies ?? 0) + 1;
  const fields = placeOf({ thread_seq, thread_ordinal, also_to_chat, ...expires });
  return ok({ type: also_to_chat === true ? 'message' : 'thread.reply', fields, root, ...expiry });
}

/** What follows from the place of a message that was appended as `row`; the caller's transaction holds both. */
export function settle(conversation: Conversation, row: EventRow, { fields, root, expiresAt }: Placement): void {
  const { sql, states, timers } = conversation;
  if (expiresAt !== undefined) {
    sql.exec('INSERT INTO expiring VALUES (?, ?)', expiresAt, row.seq);
    timers.add(expiresAt);
  }
  if (root === undefined || fields.thread_ordinal === undefined) return;
  sql.exec('INSERT INTO replies VALUES (?, ?, ?)', root.seq, fields.thread_ordinal, row.seq);
  const next = after(root, row);
  if (next !== null) states.put(next);
  if (fields.thread_ordinal === 1) follow(conversation, root.sender_id, root.seq, { read: 0, quietly: true });
  follow(conversation, row.actor_id, root.seq, { read: fields.thread_ordinal });
}

/** The stored fields of a message with those of its place, behind what the sender chose. */
export const placed = (extra: string | null, { fields }: Placement): string | null =>
  Object.keys(fields).length === 0 ? extra : JSON.stringify({ ...fieldsOf(extra), ...fields });

/** What of the stored fields the sender chose, written as it was: what the room has added is left out. */
export function chosen(extra: string | null): string | null {
  if (extra === null || !PLACED.test(extra)) return extra;
  const { thread_ordinal: _ordinal, expires_at: _expires, ...fields } = fieldsOf(extra);
  return Object.keys(fields).length === 0 ? null : JSON.stringify(fields);
}

const PLACED = /"(thread_ordinal|expires_at)":/;
const Fields = z.record(z.string(), z.unknown());
const fieldsOf = (extra: string | null) => Fields.parse(JSON.parse(extra ?? '{}'));
