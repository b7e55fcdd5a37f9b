import { z } from 'zod';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { FileInfo } from '../protocol/files.ts';
import { Entity, kindFields, MessageKind, Origin, Quote, SYSTEM_USER } from '../protocol/kinds.ts';
import type { Message } from '../protocol/messages.ts';
import type { Conversation, Sent } from './conversation.ts';
import { type Draft, filesProblem, kindProblem } from './kinds.ts';
import { type EventRow, isErased } from './log.ts';
import type { MemberRow } from './members.ts';
import { chosen, isPlaced, type Placement, place, placed, settle } from './placement.ts';
import { follow } from './threads.ts';

/** A message on its way into the log. `client_id` names it for its sender, for ever. */
export type Submission = Omit<Draft, 'files'> & { client_id: string; files?: string[] | undefined };

/** A message of another conversation, as its room has attested it: what is copied, and where it comes from. */
export const Copy = z.object({
  kind: MessageKind,
  content: z.string(),
  entities: z.array(Entity).optional(),
  files: z.array(FileInfo).optional(),
  ...kindFields,
  forwarded_from: Origin,
});
export type Copy = z.infer<typeof Copy>;

/** A message to be copied into a conversation. */
export interface Forward {
  client_id: string;
  attested: Result<Copy>;
  tickets: string[];
}

/** The fields of a message that stand in `extra`, in this order, so that equal messages are equal texts. */
interface Extra extends Omit<Draft, 'kind' | 'content' | 'client_id' | 'quote' | 'files'> {
  files?: readonly FileInfo[] | undefined;
  quote?: Quote;
  forwarded_from?: Origin;
}

function extraOf(message: Extra): string | null {
  const { entities, reply_to, mentions, everyone, quote, forwarded_from, thread_seq, also_to_chat } = message;
  const { files, location, contact, sticker, poll, custom } = message;
  const text = JSON.stringify({
    entities,
    reply_to,
    mentions,
    everyone,
    quote,
    forwarded_from,
    thread_seq,
    also_to_chat,
    files,
    location,
    contact,
    sticker,
    poll,
    custom,
  });
  return text === '{}' ? null : text;
}

const Stored = z.looseObject({
  quote: Quote.optional(),
  files: z.array(FileInfo).optional(),
  forwarded_from: Origin.optional(),
});

const storedOf = (row: EventRow) => Stored.parse(JSON.parse(row.extra ?? '{}'));

/** What the server has made of what a sender asked for: the text of a quote, the files of tickets. */
interface Made {
  quote?: Quote | undefined;
  files?: readonly FileInfo[] | undefined;
}

/** The message with what was made of its fields in the place of what its sender asked for. */
const made = ({ quote: _, files: __, ...message }: Submission, { quote, files }: Made): Extra => ({
  ...message,
  ...(quote === undefined ? {} : { quote }),
  ...(files === undefined ? {} : { files }),
});

/** Whether the log has this very message: compared is what its sender chose, not what the server made of it. */
function sameMessage(conversation: Conversation, row: EventRow, message: Submission): boolean {
  if (row.content !== message.content || row.kind !== message.kind) return false;
  const { quote, files } = message;
  if (quote === undefined && files === undefined) return chosen(row.extra) === extraOf(made(message, {}));
  const held = storedOf(row);
  if (quote?.offset !== held.quote?.offset || quote?.length !== held.quote?.length) return false;
  if (files?.length !== held.files?.length) return false;
  const others = files?.some((ticket, index) => {
    const opened = conversation.openFile(row.actor_id, ticket);
    // A ticket that has ended says nothing any more: then the name of the message does.
    return opened.ok && opened.value.id !== held.files?.[index]?.id;
  });
  return others !== true && chosen(row.extra) === extraOf(made(message, held));
}

/**
 * Admits a message of a current member and appends it, in the caller's transaction. The insert itself finds a duplicate,
 * so that a resend is never appended and never burns a seq; rules that look at the present (is the message answered
 * still visible, is the mentioned still a member) apply to new messages only: a resend gets the answer it missed.
 */
export function admitMessage(
  conversation: Conversation,
  sender: MemberRow,
  message: Submission,
  now: number,
): Result<Sent> {
  const { log, members } = conversation;
  const problem = kindProblem(message);
  if (problem !== null) return refuse('invalid', problem);
  let what: Made = {};
  let where: Placement = { type: 'message', fields: {} };
  if (looksAtThePresent(message) || isPlaced(conversation, message)) {
    const earlier = log.byClientId(sender.user_id, message.client_id);
    if (earlier !== undefined) return answerResend(conversation, earlier, message);
    const seen = presentProblem(conversation, sender, message, now);
    if (!seen.ok) return seen;
    what = seen.value;
    const placement = place(conversation, sender, message, now);
    if (!placement.ok) return placement;
    where = placement.value;
  }
  const row = log.append({
    type: where.type,
    actor_id: sender.user_id,
    created_at: now,
    client_id: message.client_id,
    kind: message.kind,
    content: message.content,
    extra: placed(extraOf(made(message, what)), where),
  });
  if (row === null) {
    const earlier = log.byClientId(sender.user_id, message.client_id);
    if (earlier === undefined) throw new Error('a duplicate stands in the log');
    return answerResend(conversation, earlier, message);
  }
  // failpoint: admit.appended
  for (const user of new Set(message.mentions)) {
    if (user === sender.user_id) continue;
    conversation.recordMention(user, row.seq);
    conversation.owe(user);
    const { root } = where;
    if (root !== undefined) follow(conversation, user, root.seq, { read: root.thread?.replies ?? 0, quietly: true });
  }
  if (message.everyone !== undefined) {
    conversation.recordEveryone(row.seq, message.everyone === 'here' ? [...conversation.online()] : null);
  }
  if (what.quote !== undefined && message.reply_to !== undefined) conversation.recordQuote(message.reply_to, row.seq);
  for (const file of what.files ?? []) conversation.recordFile(row.seq, file);
  if (message.poll !== undefined) conversation.polls.open(row.seq, message.poll);
  const link = conversation.linkIn(message);
  if (link !== undefined) conversation.previews.want(row.seq, link, now);
  settle(conversation, row, where);
  if (where.type !== 'message') return ok({ row, duplicate: false });
  // Who sends has read. Last, for nothing may fail behind it: memory is not rolled back.
  members.sent(sender, row.seq);
  return ok({ row, duplicate: false });
}

/** Whether a message needs more than its own insert: such a one is admitted in a savepoint of its own. */
export const writesMore = ({ mentions, everyone, quote, poll, files }: Draft): boolean =>
  [mentions, everyone, quote, poll, files].some((field) => field !== undefined);

const looksAtThePresent = (message: Draft): boolean => message.reply_to !== undefined || writesMore(message);

/** What of a new message is not so now, or what the server makes of what it asks for. */
function presentProblem(conversation: Conversation, sender: MemberRow, message: Submission, now: number): Result<Made> {
  const { states, members } = conversation;
  if (message.everyone !== undefined) {
    const may = conversation.actor(sender.user_id, 'mention_all');
    if (!may.ok) return may;
  }
  const stranger = message.mentions?.find((id) => members.current(id) === undefined);
  if (stranger !== undefined) return refuse('invalid', `mentions: ${stranger} is not in the conversation`);
  if (message.poll?.closes_at !== undefined && Date.parse(message.poll.closes_at) <= now) {
    return refuse('invalid', 'poll.closes_at: lies in the past');
  }
  const files = message.files === undefined ? ok(undefined) : filesOf(conversation, sender.user_id, message);
  if (!files.ok) return files;
  if (message.reply_to === undefined) return ok({ files: files.value });
  const target = message.reply_to >= sender.visible_from ? states.at(message.reply_to) : undefined;
  if (target === undefined) return refuse('invalid', `reply_to: there is no message with seq ${message.reply_to}`);
  const quote = message.quote === undefined ? ok(undefined) : quoteOf(target, message.quote);
  return quote.ok ? ok({ files: files.value, quote: quote.value }) : quote;
}

/** The files of a message's tickets. */
function filesOf(conversation: Conversation, sender: string, { kind, files = [] }: Submission): Result<FileInfo[]> {
  const opened: FileInfo[] = [];
  for (const ticket of files) {
    const file = conversation.openFile(sender, ticket);
    if (!file.ok) return file;
    opened.push(file.value);
  }
  const problem = filesProblem(kind, opened);
  return problem === null ? ok(opened) : refuse('invalid', problem);
}

/** A piece of what a message says now: it stays with the one that quotes it. */
function quoteOf(target: Message, { offset, length }: { offset: number; length: number }): Result<Quote> {
  const text = target.content.slice(offset, offset + length);
  if (text.length < length) return refuse('invalid', 'quote: reaches beyond the text of the message');
  if (!text.isWellFormed()) return refuse('invalid', 'quote: cuts a character in two');
  return ok({ sender_id: target.sender_id, kind: target.kind, text, offset, length });
}

function answerResend(conversation: Conversation, earlier: EventRow, message: Submission): Result<Sent> {
  // What was erased since cannot be compared, and must not be sent once more.
  const same = isErased(earlier) || sameMessage(conversation, earlier, message);
  return same ? ok({ row: earlier, duplicate: true }) : usedBefore(earlier);
}

const usedBefore = (earlier: EventRow) =>
  refuse(
    'conflict',
    `client_id ${earlier.client_id} was used for another message (seq ${earlier.seq}): choose a new client_id`,
  );

/**
 * Admits a copy of a message of another conversation, in the caller's transaction. `attested` is what that conversation's
 * room has answered, `tickets` is leave to bring its files here. A resend gets the answer it missed, whatever has become of
 * the original since.
 */
export function admitForward(
  conversation: Conversation,
  sender: MemberRow,
  { client_id, attested, tickets }: Forward,
  now: number,
): Result<Sent> {
  const earlier = conversation.log.byClientId(sender.user_id, client_id);
  if (earlier !== undefined) {
    const held = storedOf(earlier).forwarded_from;
    const same =
      held !== undefined && (!attested.ok || JSON.stringify(held) === JSON.stringify(attested.value.forwarded_from));
    return same || isErased(earlier) ? ok({ row: earlier, duplicate: true }) : usedBefore(earlier);
  }
  if (!attested.ok) return attested;
  const { kind, content, ...fields } = attested.value;
  const files: FileInfo[] = [];
  for (const [index, { id }] of (fields.files ?? []).entries()) {
    const file = conversation.openFile(sender.user_id, tickets[index] ?? '');
    if (!file.ok) return file;
    if (file.value.id !== id) return refuse('invalid', 'the ticket is of another file');
    files.push(file.value);
  }
  const extra = extraOf(files.length === 0 ? fields : { ...fields, files });
  const sent = appendHere(conversation, sender.user_id, { client_id, kind, content, extra }, now);
  if (!sent.ok) return sent;
  for (const file of files) conversation.recordFile(sent.value.row.seq, file);
  conversation.members.sent(sender, sent.value.row.seq);
  return sent;
}

/** Appends a message that is new, with the time that messages have here. */
function appendHere(
  conversation: Conversation,
  actor_id: string,
  message: { client_id: string; kind: MessageKind; content: string; extra: string | null },
  now: number,
): Result<Sent> {
  const where = place(conversation, { visible_from: 1 }, {}, now);
  if (!where.ok) return where;
  const extra = placed(message.extra, where.value);
  const row = conversation.log.append({ type: 'message', actor_id, created_at: now, ...message, extra });
  if (row === null) throw new Error('a duplicate was looked for');
  settle(conversation, row, where.value);
  return ok({ row, duplicate: false });
}

/** What a member may take out of this conversation, as a copy that another conversation can believe. */
export function attest({ states, chat }: Conversation, member: MemberRow, seq: number): Result<Copy> {
  if (chat.settings.forwards === 'forbidden')
    return refuse('forbidden', 'messages of this conversation are not forwarded');
  const current = seq >= member.visible_from ? states.at(seq) : undefined;
  if (current === undefined || current.recalled !== undefined) {
    return refuse('not_found', `there is no message with seq ${seq}`);
  }
  const { chat_id, sender_id, created_at, ...message } = current;
  if (message.kind === 'poll' || message.kind === 'system') {
    return refuse('invalid', `a ${message.kind} message is not forwarded`);
  }
  const entities = message.entities?.filter(({ type }) => type !== 'mention' && type !== 'everyone');
  return ok(
    Copy.parse({
      ...message,
      // Nobody is called by what was said elsewhere.
      entities: entities !== undefined && entities.length > 0 ? entities : undefined,
      forwarded_from: message.forwarded_from ?? { chat_id, seq, sender_id, created_at },
    }),
  );
}

/** Appends what the system says, in the caller's transaction. */
export function admitSystem(
  conversation: Conversation,
  { client_id, content }: { client_id: string; content: string },
  now: number,
): Result<Sent> {
  const message = { kind: 'system' as const, content, client_id };
  const problem = kindProblem(message);
  if (problem !== null) return refuse('invalid', problem);
  const earlier = conversation.log.byClientId(SYSTEM_USER, client_id);
  if (earlier !== undefined) return answerResend(conversation, earlier, message);
  return appendHere(conversation, SYSTEM_USER, { ...message, extra: null }, now);
}
