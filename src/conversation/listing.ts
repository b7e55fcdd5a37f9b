import { type Clock, isDue } from '../clock.ts';
import type { JoinPolicy } from '../protocol/chats.ts';
import type { ChatRow } from './chat.ts';
import type { Conversation } from './conversation.ts';
import { GUARD_MS } from './fanout.ts';
import { joinPolicyOf } from './settings.ts';

/** A change of the count alone waits for the alarm that guards it anyway, in ms: many joins are one entry. */
const COUNT_MS = GUARD_MS;
export const RETRY = { first: 1000, longest: 10 * 60_000 } as const;
/** A call that has not been answered for so long, in ms, is made again. */
const CALL_TIMEOUT_MS = 30_000;

/** A public channel as the directory has it. */
export interface Listed {
  /** Archived and deleted channels are not listed. */
  listed: boolean;
  name: string;
  topic: string | null;
  avatar: string | null;
  join_policy: JoinPolicy;
  member_count: number;
}

export interface ListingEntry extends Listed {
  id: string;
  workspace_id: string | null;
  /** seq of what it is as of: an entry of an older one never replaces it. */
  version: number;
  /** More than the count may have changed. */
  profile: boolean;
}

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  profile: number;
  due_at: number;
  attempts: number;
}

export const listedOf = (chat: ChatRow): Listed => ({
  listed: chat.deleted_at === null && chat.settings.archived_at === null,
  name: chat.name ?? '',
  topic: chat.settings.topic,
  avatar: chat.settings.avatar,
  join_policy: joinPolicyOf(chat),
  member_count: chat.member_count,
});

/** Notes what the directory does not know yet, in the transaction of the change. Returns whether there is something. */
export function markListing(
  sql: SqlStorage,
  before: Listed | undefined,
  after: Listed,
  seq: number,
  now: number,
): boolean {
  const profile = JSON.stringify({ ...before, member_count: after.member_count }) !== JSON.stringify(after) ? 1 : 0;
  if (profile === 0 && before?.member_count === after.member_count) return false;
  const due = profile === 1 ? now : now + COUNT_MS;
  const standing = sql.exec(
    'UPDATE listing SET seq = ?, profile = max(profile, ?), due_at = min(due_at, ?)',
    seq,
    profile,
    due,
  );
  if (standing.rowsWritten === 0) sql.exec('INSERT INTO listing VALUES (?, ?, ?, 0)', seq, profile, due);
  return true;
}

/** Whether there is something that the directory does not know yet. */
export const isListingDue = (sql: SqlStorage): boolean => sql.exec('SELECT 1 FROM listing').toArray().length > 0;

export interface ListingPorts {
  list(entry: ListingEntry): Promise<void>;
  /** For timeouts; what is stored goes by the other clock. */
  steady: Clock;
  /** Makes sure that the alarm comes at or before this time, or before the object may be put to sleep. */
  guard(at?: number): void;
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * Keeps a public channel's entry in the directory in step: at least once, one call at a time, the newest state as a whole. What
 * the directory does not know is a row in `listing` until it has taken it, and the alarm comes as long as there is one.
 */
export class Listing {
  readonly #conversation: Conversation;
  readonly #clock: Clock;
  readonly #ports: ListingPorts;
  /** When the call under way began, by the steady clock. */
  #since: number | undefined;

  constructor(conversation: Conversation, clock: Clock, ports: ListingPorts) {
    this.#conversation = conversation;
    this.#clock = clock;
    this.#ports = ports;
  }

  /** Tells the directory what is due, and has the alarm come for what is not yet. */
  update(): void {
    const row = this.#row();
    if (row === undefined) return;
    if (!isDue(row.due_at, this.#clock(), RETRY.longest)) {
      this.#ports.guard(row.due_at);
      return;
    }
    // The call may not outlive this object: the alarm looks after it.
    this.#ports.guard();
    const now = this.#ports.steady();
    if (this.#since !== undefined && now - this.#since < CALL_TIMEOUT_MS) return;
    this.#since = now;
    this.#ports.background(this.#tell(row));
  }

  /** Tells the directory once more, whatever it knows. */
  again(): void {
    const { sql, log } = this.#conversation;
    const now = this.#clock();
    const standing = sql.exec('UPDATE listing SET seq = ?, profile = 1, due_at = min(due_at, ?)', log.head, now);
    if (standing.rowsWritten === 0) sql.exec('INSERT INTO listing VALUES (?, 1, ?, 0)', log.head, now);
    this.update();
  }

  async #tell(row: Row): Promise<void> {
    try {
      // failpoint: listing.calling
      await this.#ports.list(this.#entry(row.profile === 1));
      // failpoint: listing.called
      // Of what has changed meanwhile there is a row still, of another seq.
      this.#conversation.sql.exec('DELETE FROM listing WHERE seq = ?', row.seq);
    } catch (fault) {
      const due = this.#clock() + Math.min(RETRY.longest, RETRY.first * 2 ** Math.min(row.attempts, 16));
      this.#conversation.sql.exec('UPDATE listing SET attempts = attempts + 1, due_at = ?', due);
      this.#ports.log('the directory could not be told', { attempts: row.attempts + 1, error: String(fault) });
    } finally {
      this.#since = undefined;
    }
    this.update();
  }

  #entry(profile: boolean): ListingEntry {
    const { chat, log } = this.#conversation;
    return { ...listedOf(chat), id: chat.id, workspace_id: chat.workspace_id, version: log.head, profile };
  }

  #row(): Row | undefined {
    return this.#conversation.sql.exec<Row>('SELECT * FROM listing').toArray()[0];
  }
}
