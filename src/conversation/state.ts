import { z } from 'zod';
import { messageState } from '../protocol/current.ts';
import { ChatEvent } from '../protocol/events.ts';
import { Message } from '../protocol/messages.ts';
import { changed } from '../protocol/state.ts';
import { type EventRow, eventJson, type Log, messageJson, messageOf, type StatefulRow } from './log.ts';

const Fields = z.record(z.string(), z.unknown());
type Fields = z.infer<typeof Fields>;

/** The fields in which `now` differs from `base`; null for one that `now` has not. */
function difference(base: Fields, now: Fields): Fields {
  const names = new Set([...Object.keys(base), ...Object.keys(now)]);
  const differ = [...names].filter((name) => JSON.stringify(base[name]) !== JSON.stringify(now[name]));
  return Object.fromEntries(differ.map((name) => [name, now[name] ?? null]));
}

function overlaid(base: Fields, state: Fields): Fields {
  return Object.fromEntries(Object.entries({ ...base, ...state }).filter(([, value]) => value !== null));
}

const parse = (json: string): Fields => Fields.parse(JSON.parse(json));

/** Reactions of one reader, as `seq emoji`. */
export type OwnReactions = ReadonlySet<string>;

/** The reader's own reactions among those of these messages: one look for each reaction, however many people made it. */
export function ownReactions(sql: SqlStorage, user: string, rows: StatefulRow[]): OwnReactions {
  const shown = rows
    .filter((row) => row.state?.includes('"reactions":'))
    .flatMap(({ seq, state }) => reactionsIn(state).map(({ emoji }) => [seq, emoji]));
  if (shown.length === 0) return new Set();
  const own = sql.exec<{ target: number; emoji: string }>(
    `SELECT target, emoji FROM json_each(?) AS shown
     JOIN reactions ON target = shown.value ->> 0 AND emoji = shown.value ->> 1 AND user_id = ?`,
    JSON.stringify(shown),
    user,
  );
  return new Set(own.toArray().map(({ target, emoji }) => `${target} ${emoji}`));
}

const reactionsIn = (state: string | null) =>
  messageState.reactions.nullable().parse(state === null ? [] : parse(state).reactions) ?? [];

/** Messages by the row they were read from, which never changes: the newest one is told to many. */
const known = new WeakMap<StatefulRow, Message>();

function messageOfRow(chatId: string, row: StatefulRow): Message {
  const before = known.get(row);
  if (before !== undefined) return before;
  const message =
    row.state === null
      ? messageOf(chatId, row)
      : Message.parse(overlaid(parse(messageJson(chatId, row)), parse(row.state)));
  known.set(row, message);
  return message;
}

/** The message as it is now. */
export function currentOf(chatId: string, row: StatefulRow, own?: OwnReactions): Message {
  const message = messageOfRow(chatId, row);
  if (own === undefined || own.size === 0 || message.reactions === undefined) return message;
  const reactions = message.reactions.map((reaction) =>
    own.has(`${row.seq} ${reaction.emoji}`) ? { ...reaction, mine: true as const } : reaction,
  );
  return { ...message, reactions };
}

/** The message as it is now, as JSON. Matches `Message`. */
export const currentJson = (chatId: string, row: StatefulRow, own?: OwnReactions): string =>
  row.state === null ? messageJson(chatId, row) : JSON.stringify(currentOf(chatId, row, own));

/** Messages as they are now: the log has what was sent, `message_state` what became of it. */
export class States {
  readonly #sql: SqlStorage;
  readonly #chatId: string;
  readonly #log: Log;

  constructor(sql: SqlStorage, chatId: string, log: Log) {
    this.#sql = sql;
    this.#chatId = chatId;
    this.#log = log;
  }

  /** The message with this seq as it is now; undefined when there is none. */
  at(seq: number): Message | undefined {
    const row = this.#log.messageAt(seq);
    return row === undefined ? undefined : currentOf(this.#chatId, row);
  }

  /** Nothing is left of what became of a message. */
  forget(seq: number): void {
    this.#sql.exec('DELETE FROM message_state WHERE seq = ?', seq);
    this.#log.touched(seq);
  }

  /** Stores the message as it is from now on. Its row in the log must stand as it will. */
  put(message: Message): void {
    const row = this.#log.messageAt(message.seq);
    if (row === undefined) throw new Error('what has a state is a message');
    const state = difference(parse(messageJson(this.#chatId, row)), message);
    if (Object.keys(state).length > 0) {
      this.#sql.exec(
        'INSERT INTO message_state VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET state = excluded.state',
        row.seq,
        JSON.stringify(state),
      );
    } else if (row.state !== null) {
      this.#sql.exec('DELETE FROM message_state WHERE seq = ?', row.seq);
    }
    this.#log.touched(row.seq);
  }
}

/** A message after the event that a row of the log holds; null: it is gone. */
export const after = (message: Message, row: EventRow): Message | null =>
  changed(message, ChatEvent.parse(JSON.parse(eventJson(row))));
