import { timestamp } from '../clock.ts';
import type { ChangedMessage, MessageChange } from '../protocol/changes.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { ChatEvent } from '../protocol/events.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Message } from '../protocol/messages.ts';
import { placeOf } from '../protocol/state.ts';
import type { Conversation, Sent } from './conversation.ts';
import { entryOf } from './find.ts';
import { kindProblem } from './kinds.ts';
import { type EventRow, isErased } from './log.ts';
import type { MemberRow } from './members.ts';
import { after, currentOf, ownReactions } from './state.ts';

/** A change that somebody asks for of the message `seq`. With a `client_id` asking again is answered with what was done. */
export interface ChangeRequest {
  seq: number;
  change: MessageChange;
  client_id?: string;
}

/** What a rule looks at: the message as it is now, who wants to change it, and when. */
interface Target {
  conversation: Conversation;
  actor: MemberRow;
  message: Message;
  now: number;
}

/** What is written beside the event and the state; null: it is so already; or why not. */
type Verdict = Result<((event: EventRow) => unknown) | null>;

const ALREADY = ok(null);

/** The event that each change becomes: its fields are those of the change. */
const EVENTS: Record<MessageChange['type'], ChatEvent['type']> = {
  edit: 'message.edited',
  recall: 'message.recalled',
  react: 'reaction.added',
  unreact: 'reaction.removed',
  pin: 'message.pinned',
  unpin: 'message.unpinned',
};

type Rules = { [T in MessageChange['type']]: (change: Extract<MessageChange, { type: T }>, target: Target) => Verdict };

/** Who may change what: one rule for each change. What the message becomes says `protocol/state.ts`. */
const RULES: Rules = {
  edit: (edit, { conversation, actor, message, now }) => {
    if (message.sender_id !== actor.user_id) return refuse('forbidden', 'a message is edited by its sender only');
    const may = conversation.actor(actor.user_id, 'edit');
    if (!may.ok) return may;
    const late = outside(conversation.retention.edit_window, message, now);
    if (late) return refuse('forbidden', 'it is too late to edit this message');
    if (message.kind === 'poll') return refuse('invalid', 'a poll is not edited: others have voted on it as it is');
    const { content, entities, mentions, everyone } = edit;
    const problem = kindProblem({ ...message, content, entities, mentions, everyone });
    if (problem !== null) return refuse('invalid', problem);
    if (everyone !== undefined && everyone !== message.everyone) {
      return refuse('invalid', 'everyone: an edit calls nobody whom the message did not call');
    }
    const stranger = edit.mentions?.find((id) => conversation.members.current(id) === undefined);
    if (stranger !== undefined) return refuse('invalid', `mentions: ${stranger} is not in the conversation`);
    if (same(edit, message)) return ALREADY;
    const { sql } = conversation;
    const edits = sql.exec<{ n: number }>('SELECT count(*) AS n FROM edits WHERE target = ?', message.seq).one().n;
    if (edits >= LIMITS.editsPerMessage) return refuse('conflict', `a message is edited at most ${edits} times`);
    return ok(({ seq }) => {
      sql.exec('INSERT INTO edits VALUES (?, ?)', message.seq, seq);
      const [before, mentioned] = [new Set(message.mentions), new Set(edit.mentions)];
      const dropped = [...before].filter((user) => !mentioned.has(user));
      conversation.forgetMentions(dropped, message.seq);
      for (const user of mentioned) if (!before.has(user)) conversation.mention(user, message);
      if (everyone === undefined) conversation.forgetEveryone(message);
      for (const event of conversation.previews.forget(message.seq)) conversation.log.gone(event, 'erased');
      const link = conversation.linkIn({ ...message, content, entities });
      if (link !== undefined) conversation.previews.want(message.seq, link, now);
    });
  },

  recall: (_, { conversation, actor, message, now }) => {
    if (message.sender_id !== actor.user_id) {
      const may = conversation.actor(actor.user_id, 'recall_any');
      if (!may.ok) return may;
    } else if (outside(conversation.retention.recall_window, message, now)) {
      return refuse('forbidden', 'it is too late to recall this message');
    }
    return ok(({ actor_id, created_at }) => {
      eraseTraces(conversation, message, 'erased');
      const recalled = { user_id: actor_id, created_at: timestamp(created_at) };
      conversation.log.silence(message.seq, JSON.stringify({ ...placeOf(message), recalled }));
    });
  },

  react: ({ emoji }, { conversation, actor, message }) => {
    const may = conversation.actor(actor.user_id, 'react');
    if (!may.ok) return may;
    if (hasReacted(conversation, message.seq, emoji, actor.user_id)) return ALREADY;
    const known = message.reactions ?? [];
    if (known.length >= LIMITS.reactionsPerMessage && !known.some((reaction) => reaction.emoji === emoji)) {
      return refuse('conflict', `a message has at most ${LIMITS.reactionsPerMessage} different reactions`);
    }
    return ok(() => conversation.sql.exec('INSERT INTO reactions VALUES (?, ?, ?)', message.seq, emoji, actor.user_id));
  },

  unreact: ({ emoji }, { conversation, actor, message }) => {
    if (!hasReacted(conversation, message.seq, emoji, actor.user_id)) return ALREADY;
    const query = 'DELETE FROM reactions WHERE target = ? AND emoji = ? AND user_id = ?';
    return ok(() => conversation.sql.exec(query, message.seq, emoji, actor.user_id));
  },

  pin: (_, { conversation, actor, message }) => {
    const may = conversation.actor(actor.user_id, 'pin');
    if (!may.ok) return may;
    if (message.pinned !== undefined) return ALREADY;
    const pins = conversation.sql.exec<{ n: number }>('SELECT count(*) AS n FROM pins').one().n;
    if (pins >= LIMITS.pinsPerChat) return refuse('conflict', `at most ${pins} messages are pinned: unpin one first`);
    return ok(({ seq }) => conversation.sql.exec('INSERT INTO pins VALUES (?, ?)', message.seq, seq));
  },

  unpin: (_, { conversation, actor, message }) => {
    const may = conversation.actor(actor.user_id, 'pin');
    if (!may.ok) return may;
    if (message.pinned === undefined) return ALREADY;
    return ok(() => conversation.sql.exec('DELETE FROM pins WHERE target = ?', message.seq));
  },
};

/**
 * Changes a message: one event, what it makes of the message, and what follows from it, in the caller's transaction. A change
 * that is so already appends nothing and is answered with the head, at which it is in effect.
 */
export function applyChange(
  conversation: Conversation,
  actor: MemberRow,
  { seq, change, client_id }: ChangeRequest,
  now: number,
): Result<Sent> {
  const { log, states } = conversation;
  const { type, ...fields } = change;
  const earlier = client_id === undefined ? undefined : log.byClientId(actor.user_id, client_id);
  const extra = { target: seq, ...fields };
  if (earlier !== undefined) return answerAgain(earlier, EVENTS[type], JSON.stringify(extra));
  const message = seq >= actor.visible_from ? states.at(seq) : undefined;
  if (message === undefined) return refuse('not_found', `there is no message with seq ${seq}`);
  const verdict =
    message.recalled === undefined ? judge(change, { conversation, actor, message, now }) : onRecalled(change);
  if (!verdict.ok) return verdict;
  if (verdict.value === null) {
    const head = log.at(log.head);
    if (head === undefined) throw new Error('a log with a message has a head');
    return ok({ row: head, duplicate: true });
  }
  const row = conversation.append(actor.user_id, EVENTS[type], extra, client_id);
  // failpoint: admit.changed
  verdict.value(row);
  // failpoint: admit.followed
  const next = after(message, row);
  if (next !== null) states.put(next);
  if (next !== null && type === 'edit') conversation.search.replace(seq, entryOf(next));
  return ok({ row, duplicate: false });
}

/** The answer to whoever asked for a change over REST. */
export function changedMessage(
  conversation: Conversation,
  user: string,
  seq: number,
  result: Result<Sent>,
): Result<ChangedMessage> {
  // A refusal may say that there is no conversation, of which nothing can be asked then.
  if (!result.ok) return result;
  const { chat, log, sql } = conversation;
  const { row, duplicate } = result.value;
  const message = log.messageAt(seq);
  if (message === undefined) return refuse('not_found', `there is no message with seq ${seq}`);
  return ok({
    seq: row.seq,
    created_at: timestamp(row.created_at),
    ...(duplicate ? { duplicate } : {}),
    message: currentOf(chat.id, message, ownReactions(sql, user, [message])),
  });
}

function answerAgain(row: EventRow, type: string, extra: string): Result<Sent> {
  // What was erased since cannot be compared, and must not be done once more.
  if (isErased(row) || (row.type === type && row.extra === extra)) return ok({ row, duplicate: true });
  return refuse(
    'conflict',
    `client_id ${row.client_id} was used for something else (seq ${row.seq}): choose a new one`,
  );
}

function judge(change: MessageChange, target: Target): Verdict {
  // The table gives to each type the rule that takes it; the compiler cannot follow the pair through an index.
  const rule = RULES[change.type] as (change: MessageChange, target: Target) => Verdict;
  return rule(change, target);
}

/** Taking back what is taken back is done already; nothing else can be done to it. */
const onRecalled = (change: MessageChange): Verdict =>
  change.type === 'recall' ? ALREADY : refuse('conflict', 'the message was recalled');

/** Whether a window has closed. `window` is in seconds; null: it never does. */
const outside = (window: number | null, message: Message, now: number): boolean =>
  window !== null && now - Date.parse(message.created_at) > window * 1000;

type Editable = Pick<Message, 'content' | 'entities' | 'mentions' | 'everyone'>;
const editable = ({ content, entities, mentions, everyone }: Editable): string =>
  JSON.stringify([content, entities, mentions, everyone]);
const same = (edit: Editable, message: Message): boolean =>
  Object.keys(edit).length > 0 && editable(edit) === editable(message);

const hasReacted = ({ sql }: Conversation, target: number, emoji: string, user: string): boolean =>
  sql.exec('SELECT 1 FROM reactions WHERE target = ? AND emoji = ? AND user_id = ?', target, emoji, user).toArray()
    .length > 0;

/** Everything that was said in a message or of it, but for its row in the log: earlier and later wordings, marks, mentions. */
export function eraseTraces(conversation: Conversation, message: Message, reason: 'erased' | 'expired'): void {
  const { sql, log } = conversation;
  const edits = sql.exec<{ seq: number }>('DELETE FROM edits WHERE target = ? RETURNING seq', message.seq).toArray();
  for (const { seq } of edits) log.gone(seq, reason);
  sql.exec('DELETE FROM reactions WHERE target = ?', message.seq);
  sql.exec('DELETE FROM pins WHERE target = ?', message.seq);
  conversation.forgetMentions(message.mentions ?? [], message.seq);
  conversation.forgetEveryone(message);
  conversation.forgetFiles(message.seq);
  conversation.search.replace(message.seq, null);
  blankQuotes(conversation, message.seq);
  for (const event of conversation.previews.forget(message.seq)) log.gone(event, reason);
  if (message.kind === 'poll') conversation.polls.forget(message.seq);
}

/** What was quoted of a message goes with it. */
function blankQuotes({ sql, log }: Conversation, target: number): void {
  const quoting = sql.exec<{ seq: number }>('SELECT seq FROM quotes WHERE target = ?', target).toArray();
  for (const { seq } of quoting) log.blankQuote(seq);
  sql.exec('DELETE FROM quotes WHERE target = ?1 OR seq = ?1', target);
}
