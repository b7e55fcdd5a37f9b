import { z } from 'zod';
import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { type Poll, type PollResults, type PollView, SYSTEM_USER, type Vote } from '../protocol/kinds.ts';
import type { Message } from '../protocol/messages.ts';
import type { Commit, Conversation } from './conversation.ts';
import type { EventRow } from './log.ts';
import type { MemberRow } from './members.ts';
import { after } from './state.ts';

/** A vote that a member gives: the options chosen, by index; none takes an earlier vote back. */
export interface Ballot {
  user: string;
  seq: number;
  options: number[];
}

/** Polls that are closed in one turn. */
const AT_ONCE = 100;

const Options = z.array(z.int());
const Row = z.object({
  seq: z.number(),
  counts: z.string().transform((text) => Options.parse(JSON.parse(text))),
  voters: z.number(),
  closes_at: z.number().nullable(),
  closed_at: z.number().nullable(),
});
type PollRow = z.infer<typeof Row>;

/**
 * The polls of one conversation. A row of `polls` has the count of each option, so that a result is one read however many have
 * voted; `votes` has one row for each who has, so that nobody votes twice. Votes of one batch are one event with the result
 * after it: the log grows with batches, not with voters, and whoever holds the log holds the results. Who chose what is
 * in no event, and of an anonymous poll in no answer; once that is closed, it is forgotten.
 */
export class Polls {
  readonly #conversation: Conversation;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** The message with this seq is a poll. In the transaction that appends it. */
  open(seq: number, poll: Poll): void {
    const counts = JSON.stringify(poll.options.map(() => 0));
    const closes = poll.closes_at === undefined ? null : Date.parse(poll.closes_at);
    this.#conversation.sql.exec('INSERT INTO polls VALUES (?, ?, 0, ?, NULL)', seq, counts, closes);
    if (closes !== null) this.#conversation.timers.add(closes);
  }

  /** Takes one vote, in the caller's transaction. @returns whether the result is another now */
  vote({ user, seq, options }: Ballot, now: number): Result<boolean> {
    const found = this.#find(user, seq);
    if (!found.ok) return found;
    const { poll, row, message } = found.value;
    if (this.#closedAt(row, now) !== null) return refuse('conflict', 'the poll is closed');
    const chosen = [...new Set(options)].sort((a, b) => a - b);
    if (chosen.length > 1 && poll.multiple === undefined) return refuse('invalid', 'options: choose one of them');
    const unknown = chosen.find((option) => option >= poll.options.length);
    if (unknown !== undefined) return refuse('invalid', `options: there is no option ${unknown}`);
    const before = this.#chosen(message.seq, user);
    if (JSON.stringify(before) === JSON.stringify(chosen)) return ok(false);
    const counts = row.counts.map(
      (count, option) => count + (chosen.includes(option) ? 1 : 0) - (before.includes(option) ? 1 : 0),
    );
    const voters = row.voters + (chosen.length > 0 ? 1 : 0) - (before.length > 0 ? 1 : 0);
    const { sql } = this.#conversation;
    if (chosen.length === 0) sql.exec('DELETE FROM votes WHERE poll = ? AND user_id = ?', seq, user);
    else
      sql.exec(
        'INSERT INTO votes VALUES (?, ?, ?) ON CONFLICT (poll, user_id) DO UPDATE SET options = excluded.options',
        seq,
        user,
        JSON.stringify(chosen),
      );
    sql.exec('UPDATE polls SET counts = ?, voters = ? WHERE seq = ?', JSON.stringify(counts), voters, seq);
    return ok(true);
  }

  /** Tells the log how a poll stands, in the transaction in which votes were taken. */
  tally(seq: number): EventRow[] {
    const row = this.#row(seq);
    return row === undefined ? [] : this.#append(SYSTEM_USER, 'poll.voted', row);
  }

  /** Ends a poll: its sender does, or who may recall it. Ending it again changes nothing. */
  close(user: string, seq: number, now: number): Result<EventRow[]> {
    const found = this.#find(user, seq);
    if (!found.ok) return found;
    const { message, row } = found.value;
    if (message.sender_id !== user) {
      const may = this.#conversation.actor(user, 'recall_any');
      if (!may.ok) return may;
    }
    return ok(row.closed_at === null ? this.#end(user, row, this.#closedAt(row, now) ?? now) : []);
  }

  /** Ends the polls whose time has come, the first few, in the caller's transaction. */
  closeDue(now: number): EventRow[] {
    return this.#conversation.sql
      .exec('SELECT * FROM polls WHERE closes_at <= ? AND closed_at IS NULL ORDER BY closes_at LIMIT ?', now, AT_ONCE)
      .toArray()
      .flatMap((stored) => {
        const row = Row.parse(stored);
        return this.#end(SYSTEM_USER, row, row.closes_at ?? now);
      });
  }

  /** How a poll stands, for one member. */
  view(user: string, seq: number, now: number): Result<PollView> {
    const found = this.#find(user, seq);
    if (!found.ok) return found;
    return ok({ results: this.#results(found.value.row, now), mine: this.#chosen(seq, user) });
  }

  /** Who chose what, by user id. Of an anonymous poll nobody is told. */
  page(
    user: string,
    seq: number,
    page: { after: string; limit: number },
  ): Result<{ items: Vote[]; next_cursor: string | null }> {
    const found = this.#find(user, seq);
    if (!found.ok) return found;
    if (found.value.poll.anonymous) return refuse('forbidden', 'the poll is anonymous');
    const items = this.#conversation.sql
      .exec<{ user_id: string; options: string }>(
        'SELECT user_id, options FROM votes WHERE poll = ? AND user_id > ? ORDER BY user_id LIMIT ?',
        seq,
        page.after,
        page.limit + 1,
      )
      .toArray()
      .map(({ user_id, options }) => ({ user_id, options: Options.parse(JSON.parse(options)) }));
    const shown = items.slice(0, page.limit);
    return ok({ items: shown, next_cursor: items.length > page.limit ? (shown.at(-1)?.user_id ?? null) : null });
  }

  /** The message with this seq says nothing any more. */
  forget(seq: number): void {
    this.#conversation.sql.exec('DELETE FROM polls WHERE seq = ?', seq);
    this.#conversation.sql.exec('DELETE FROM votes WHERE poll = ?', seq);
  }

  #find(user: string, seq: number): Result<{ member: MemberRow; message: Message; poll: Poll; row: PollRow }> {
    const actor = this.#conversation.actor(user, 'react');
    if (!actor.ok) return actor;
    const message = seq >= actor.value.visible_from ? this.#conversation.states.at(seq) : undefined;
    const row = message?.poll === undefined ? undefined : this.#row(seq);
    if (message?.poll === undefined || row === undefined)
      return refuse('not_found', `there is no poll with seq ${seq}`);
    return ok({ member: actor.value, message, poll: message.poll, row });
  }

  #row(seq: number): PollRow | undefined {
    const stored = this.#conversation.sql.exec('SELECT * FROM polls WHERE seq = ?', seq).toArray()[0];
    return stored === undefined ? undefined : Row.parse(stored);
  }

  #chosen(seq: number, user: string): number[] {
    const stored = this.#conversation.sql
      .exec<{ options: string }>('SELECT options FROM votes WHERE poll = ? AND user_id = ?', seq, user)
      .toArray()[0];
    return stored === undefined ? [] : Options.parse(JSON.parse(stored.options));
  }

  /** When the poll ended, which its time may have done before any event says so. */
  #closedAt({ closed_at, closes_at }: PollRow, now: number): number | null {
    return closed_at ?? (closes_at !== null && closes_at <= now ? closes_at : null);
  }

  #results(row: PollRow, now: number): PollResults {
    const closed = this.#closedAt(row, now);
    const { counts, voters } = row;
    return { counts, voters, ...(closed === null ? {} : { closed_at: timestamp(closed) }) };
  }

  #end(actor: string, row: PollRow, at: number): EventRow[] {
    const { sql, states } = this.#conversation;
    sql.exec('UPDATE polls SET closed_at = ? WHERE seq = ?', at, row.seq);
    if (states.at(row.seq)?.poll?.anonymous) sql.exec('DELETE FROM votes WHERE poll = ?', row.seq);
    return this.#append(actor, 'poll.closed', { ...row, closed_at: at });
  }

  /** The event that tells how the poll stands, and what it makes of the message. */
  #append(actor: string, type: 'poll.voted' | 'poll.closed', row: PollRow): EventRow[] {
    const { states } = this.#conversation;
    const message = states.at(row.seq);
    if (message === undefined) return [];
    const { counts, voters, closed_at } = row;
    const results: PollResults = { counts, voters, ...(closed_at === null ? {} : { closed_at: timestamp(closed_at) }) };
    const event = this.#conversation.append(actor, type, { target: row.seq, results });
    const next = after(message, event);
    if (next !== null) states.put(next);
    return [event];
  }
}

/** Ends the polls whose time has come. */
export function closeDue(conversation: Conversation, now: number): Commit {
  return { events: conversation.transaction(() => conversation.polls.closeDue(now)), ended: [] };
}
