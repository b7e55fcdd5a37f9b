import type { Entity, Preview } from '../protocol/kinds.ts';
import { SYSTEM_USER } from '../protocol/kinds.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Commit, Conversation } from './conversation.ts';
import { after } from './state.ts';

/** A link that was not answered for is asked for again so many ms later, so often. */
const AGAIN = { ms: 10 * 60_000, times: 3 } as const;
/** Links that are asked for in one turn. */
const AT_ONCE = 100;

const LINK = /https?:\/\/[^\s\p{Cc}<>"']+/giu;
/** Marks that end a sentence or a bracket around the link, and are none of it. */
const TRAILING = /[.,:;!?)\]}'"»”’…]+$/u;

/** The first link of a text; undefined: it has none. Code is no link. */
export function linkOf(content: string, entities: readonly Entity[] = []): string | undefined {
  const marked = entities.find((entity) => entity.type === 'link' && /^https?:/i.test(entity.url));
  if (marked?.type === 'link') return marked.url;
  if (!content.includes('://')) return undefined;
  const code = entities.filter(({ type }) => type === 'code' || type === 'pre');
  for (const match of content.matchAll(LINK)) {
    if (code.some(({ offset, length }) => match.index >= offset && match.index < offset + length)) continue;
    const link = match[0].replace(TRAILING, '');
    if (link.length <= LIMITS.urlLength && URL.canParse(link)) return link;
  }
  return undefined;
}

/**
 * The links of messages that are to be looked up: a row of `links` from the message's transaction on, until the answer is in
 * the log or nobody answers any more. The looking up happens elsewhere, and the message never waits for it.
 */
export class Previews {
  readonly #conversation: Conversation;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** Has the link of a message looked up. In the transaction that appends or edits it. */
  want(seq: number, url: string, now: number): void {
    this.#conversation.sql.exec(
      'INSERT INTO links VALUES (?, ?, 0, ?) ON CONFLICT (seq) DO UPDATE SET url = excluded.url, attempts = 0, due_at = excluded.due_at',
      seq,
      url,
      now,
    );
    this.#conversation.timers.add(now);
  }

  /** Links that are to be looked up now. They come again later, a few times, as long as nobody has answered. */
  take(now: number): { seq: number; url: string }[] {
    const { sql, timers } = this.#conversation;
    const due = sql
      .exec<{ seq: number; url: string; attempts: number }>(
        'SELECT seq, url, attempts FROM links WHERE due_at <= ? ORDER BY due_at LIMIT ?',
        now,
        AT_ONCE,
      )
      .toArray();
    if (due.length === 0) return [];
    for (const { seq, attempts } of due) {
      if (attempts >= AGAIN.times) sql.exec('DELETE FROM links WHERE seq = ?', seq);
      else sql.exec('UPDATE links SET attempts = attempts + 1, due_at = ? WHERE seq = ?', now + AGAIN.ms, seq);
    }
    timers.refresh();
    return due.flatMap(({ seq, url, attempts }) => (attempts < AGAIN.times ? [{ seq, url }] : []));
  }

  /** What stands behind the link of a message, if that still has it; null: nothing that is shown. */
  answer(seq: number, url: string, preview: Preview | null): Commit {
    const nothing: Commit = { events: [], ended: [] };
    const { sql, states, timers } = this.#conversation;
    const { rowsWritten } = sql.exec('DELETE FROM links WHERE seq = ? AND url = ?', seq, url);
    timers.refresh();
    const message = states.at(seq);
    if (rowsWritten === 0 || preview === null || message === undefined) return nothing;
    const event = this.#conversation.append(SYSTEM_USER, 'message.preview', { target: seq, preview });
    sql.exec('INSERT INTO previews VALUES (?, ?)', seq, event.seq);
    const next = after(message, event);
    if (next !== null) states.put(next);
    return { events: [event], ended: [] };
  }

  /** The message has another text, or none: what was found for the old one goes. @returns the events that told of it */
  forget(seq: number): number[] {
    const { sql } = this.#conversation;
    sql.exec('DELETE FROM links WHERE seq = ?', seq);
    return sql
      .exec<{ seq: number }>('DELETE FROM previews WHERE target = ? RETURNING seq', seq)
      .toArray()
      .map((row) => row.seq);
  }
}
