import { z } from 'zod';
import { timestamp } from '../clock.ts';
import type { ScheduledList, ScheduledMessage } from '../protocol/changes.ts';
import { ErrorCode, ok, type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { SendMessage } from '../protocol/messages.ts';
import type { Commit, Conversation } from './conversation.ts';
import { kindProblem } from './kinds.ts';
import { type EventRow, isErased } from './log.ts';
import type { MemberRow } from './members.ts';

/*
 * Messages that are sent later. They wait in the room under the name that they will have in the log: whatever happens between, a
 * message is sent once.
 */

type Named = SendMessage & { client_id: string };

const Failure = z.object({ code: ErrorCode, message: z.string() });
const Stored = z.object({
  user_id: z.string(),
  client_id: z.string(),
  send_at: z.number(),
  message: z.string(),
  failure: z.string().nullable(),
});
type Stored = z.infer<typeof Stored>;

/** Sends that are made in one turn. */
const AT_ONCE = 100;

const messageIn = (row: Stored): Named => ({ ...SendMessage.parse(JSON.parse(row.message)), client_id: row.client_id });

function shown(chatId: string, row: Stored): ScheduledMessage {
  return {
    chat_id: chatId,
    send_at: timestamp(row.send_at),
    message: messageIn(row),
    ...(row.failure === null ? {} : { failure: Failure.parse(JSON.parse(row.failure)) }),
  };
}

const find = ({ sql }: Conversation, user: string, clientId: string): Stored | undefined =>
  sql
    .exec('SELECT * FROM scheduled WHERE user_id = ? AND client_id = ?', user, clientId)
    .toArray()
    .map((row) => Stored.parse(row))[0];

/** Schedules a message, or changes one that waits: the same `client_id` is the same message. */
export function schedule(
  conversation: Conversation,
  member: MemberRow,
  { send_at, message }: { send_at: string; message: Named },
  now: number,
): Result<ScheduledMessage> {
  const may = conversation.actor(member.user_id, 'send');
  if (!may.ok) return may;
  const { sql, log, chat, timers } = conversation;
  const sent = log.byClientId(member.user_id, message.client_id);
  if (sent !== undefined) {
    return refuse(
      'conflict',
      `client_id ${message.client_id} is in the log${isErased(sent) ? '' : ` (seq ${sent.seq})`}`,
    );
  }
  const at = Date.parse(send_at);
  if (at <= now) return refuse('invalid', 'send_at: lies in the past');
  if (at > now + LIMITS.scheduleSeconds * 1000) return refuse('invalid', 'send_at: lies too far ahead');
  const problem = kindProblem(message) ?? ticketsProblem(conversation, member.user_id, message, at);
  if (problem !== null) return refuse('invalid', problem);
  const waiting = sql
    .exec<{ n: number }>(
      'SELECT count(*) AS n FROM scheduled WHERE user_id = ? AND client_id <> ?',
      member.user_id,
      message.client_id,
    )
    .one().n;
  if (waiting >= LIMITS.scheduledPerMember) {
    return refuse('conflict', `at most ${waiting} messages wait: cancel one of them first`);
  }
  sql.exec(
    `INSERT INTO scheduled VALUES (?, ?, ?, ?, NULL) ON CONFLICT (user_id, client_id)
       DO UPDATE SET send_at = excluded.send_at, message = excluded.message, failure = NULL`,
    member.user_id,
    message.client_id,
    at,
    JSON.stringify(message),
  );
  timers.refresh();
  const row = find(conversation, member.user_id, message.client_id);
  if (row === undefined) throw new Error('what was stored is there');
  return ok(shown(chat.id, row));
}

/** What will be wrong with the tickets of a message when its time has come; null: nothing. */
function ticketsProblem(conversation: Conversation, user: string, { files = [] }: Named, at: number): string | null {
  const index = files.findIndex((ticket) => !conversation.openFile(user, ticket, at).ok);
  return index < 0 ? null : `files.${index}: is no ticket of yours for this conversation that is good at send_at`;
}

/** Whether it was still waiting: now it is never sent. */
export function cancel(conversation: Conversation, member: MemberRow, clientId: string): Result<null> {
  const { rowsWritten } = conversation.sql.exec(
    'DELETE FROM scheduled WHERE user_id = ? AND client_id = ?',
    member.user_id,
    clientId,
  );
  conversation.timers.refresh();
  return rowsWritten > 0 ? ok(null) : refuse('not_found', 'no message with this client_id is waiting');
}

export function waiting({ sql, chat }: Conversation, member: MemberRow): ScheduledList {
  const rows = sql
    .exec('SELECT * FROM scheduled WHERE user_id = ? ORDER BY send_at, client_id', member.user_id)
    .toArray();
  return { items: rows.map((row) => shown(chat.id, Stored.parse(row))) };
}

/**
 * Sends what is due, oldest first. A message that may come later is put off for as long as the refusal says. One that is refused stays,
 * with the reason, for its author to see: it is not tried again by itself.
 */
export function sendDue(conversation: Conversation, now: number): Commit {
  const { sql, timers } = conversation;
  const due = sql
    .exec(
      'SELECT * FROM scheduled WHERE failure IS NULL AND send_at <= ? ORDER BY send_at, client_id LIMIT ?',
      now,
      AT_ONCE,
    )
    .toArray()
    .map((row) => Stored.parse(row));
  if (due.length === 0 || !conversation.exists) return { events: [], ended: [] };
  const events = conversation.transaction(() => due.flatMap((row) => sendNow(conversation, row, now)));
  timers.refresh();
  return { events, ended: [] };
}

function sendNow(conversation: Conversation, row: Stored, now: number): EventRow[] {
  const { sql } = conversation;
  const sent = conversation.send(row.user_id, messageIn(row), now);
  if (!sent.ok) {
    const { code, message, retry_after } = sent.refusal;
    if (retry_after !== undefined) {
      const query = 'UPDATE scheduled SET send_at = ? WHERE user_id = ? AND client_id = ?';
      sql.exec(query, now + retry_after * 1000, row.user_id, row.client_id);
      return [];
    }
    const query = 'UPDATE scheduled SET failure = ? WHERE user_id = ? AND client_id = ?';
    sql.exec(query, JSON.stringify({ code, message }), row.user_id, row.client_id);
    return [];
  }
  // failpoint: admit.sent-later
  sql.exec('DELETE FROM scheduled WHERE user_id = ? AND client_id = ?', row.user_id, row.client_id);
  return sent.value.duplicate ? [] : [sent.value.row];
}
