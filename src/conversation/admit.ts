import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { MessageKind, SendMessage } from '../protocol/messages.ts';
import type { Conversation, Sent } from './conversation.ts';
import { type EventRow, isErased } from './log.ts';
import type { MemberRow } from './members.ts';
import { chosen, isPlaced, type Placement, place, placed, settle } from './placement.ts';
import { follow } from './threads.ts';

/** What a kind asks of its content, beyond its schema: the reason of a refusal, or null. One entry for each kind. */
export const KIND_RULES: Record<MessageKind, (message: SendMessage) => string | null> = {
  text: (message) => (message.content.length === 0 ? 'content: a text must not be empty' : null),
};

const extraOf = (message: SendMessage): string | null => {
  const { reply_to, mentions, thread_seq, also_to_chat } = message;
  const text = JSON.stringify({ reply_to, mentions, thread_seq, also_to_chat });
  return text === '{}' ? null : text;
};

const sameMessage = (row: EventRow, message: SendMessage): boolean =>
  row.content === message.content && row.kind === message.kind && chosen(row.extra) === extraOf(message);

/**
 * Admits a message of a current member and appends it, in the caller's transaction. The insert itself finds a duplicate,
 * so that a resend is never appended and never burns a seq; rules that look at the present (is the message answered
 * still visible, is the mentioned still a member) apply to new messages only: a resend gets the answer it missed.
 */
export function admitMessage(
  conversation: Conversation,
  sender: MemberRow,
  message: SendMessage & { client_id: string },
  now: number,
): Result<Sent> {
  const { log, members } = conversation;
  const problem = KIND_RULES[message.kind](message);
  if (problem !== null) return refuse('invalid', problem);

  const needsCheck =
    message.reply_to !== undefined || message.mentions !== undefined || isPlaced(conversation, message);
  let where: Placement = { type: 'message', fields: {} };
  if (needsCheck) {
    const earlier = log.byClientId(sender.user_id, message.client_id);
    if (earlier !== undefined) return answerResend(earlier, message);
    if (message.reply_to !== undefined) {
      const target = message.reply_to >= sender.visible_from ? log.messageAt(message.reply_to) : undefined;
      if (target === undefined) return refuse('invalid', `reply_to: there is no message with seq ${message.reply_to}`);
    }
    const placement = place(conversation, sender, message, now);
    if (!placement.ok) return placement;
    where = placement.value;
    const stranger = message.mentions?.find((id) => members.current(id) === undefined);
    if (stranger !== undefined) return refuse('invalid', `mentions: ${stranger} is not in the conversation`);
  }

  const row = log.append({
    type: where.type,
    actor_id: sender.user_id,
    created_at: now,
    client_id: message.client_id,
    kind: message.kind,
    content: message.content,
    extra: placed(extraOf(message), where),
  });
  if (row === null) {
    const earlier = log.byClientId(sender.user_id, message.client_id);
    if (earlier === undefined) throw new Error('a duplicate stands in the log');
    return answerResend(earlier, message);
  }
  for (const user of new Set(message.mentions)) {
    if (user === sender.user_id) continue;
    conversation.recordMention(user, row.seq);
    conversation.owe(user);
    const { root } = where;
    if (root !== undefined) follow(conversation, user, root.seq, { read: root.thread?.replies ?? 0, quietly: true });
  }
  settle(conversation, row, where);
  if (where.type !== 'message') return ok({ row, duplicate: false });
  // Who sends has read. Last, for nothing may fail behind it: memory is not rolled back.
  members.sent(sender, row.seq);
  return ok({ row, duplicate: false });
}

function answerResend(earlier: EventRow, message: SendMessage & { client_id: string }): Result<Sent> {
  // What was erased since cannot be compared, and must not be sent once more.
  if (isErased(earlier) || sameMessage(earlier, message)) return ok({ row: earlier, duplicate: true });
  return refuse(
    'conflict',
    `client_id ${message.client_id} was used for another message (seq ${earlier.seq}): choose a new client_id`,
  );
}
