import { decodeTime } from 'ulidx';
import { RESUME_TTL } from '../auth/tokens.ts';
import type { Clock } from '../clock.ts';
import { ok, type Refusal, type Result, refuse } from '../protocol/errors.ts';
import type { Identity } from './api.ts';
import type { Timeline } from './timeline.ts';

/** Longer than any token lives that is not looked up in D1: after this an ended session has none left. */
const REMEMBER_MS = (RESUME_TTL + 60 * 60) * 1000;

/** When the session began, from its id. Milliseconds since 1970. */
const beganAt = (sessionId: string): number => decodeTime(sessionId.slice(sessionId.indexOf('_') + 1).toUpperCase());

/**
 * Whether a session may act: the projection of D1's sessions that every request can afford to ask. It knows what was
 * ended, not what exists: a token that passes its signature check and is not refused here is good.
 */
export class Gate {
  readonly #timeline: Timeline;
  readonly #clock: Clock;
  #suspended: boolean;
  /** Sessions that began at or before `at` have ended, but for one. */
  #endedBefore: { at: number; except: string } | undefined;
  readonly #ended: Map<string, number>;
  readonly #attached: Map<string, number>;

  constructor(timeline: Timeline, clock: Clock) {
    this.#timeline = timeline;
    this.#clock = clock;
    this.#suspended = timeline.fact('suspended') === 'true';
    const [at, except] = timeline.fact('ended_before')?.split(' ') ?? [];
    this.#endedBefore = at === undefined ? undefined : { at: Number(at), except: except ?? '' };
    this.#ended = this.#read('SELECT session_id AS key, until FROM ended_sessions');
    this.#attached = this.#read('SELECT chat_id AS key, until FROM attached');
  }

  /** Rooms in which a socket of this user may be open. */
  get attached(): string[] {
    const now = this.#clock();
    return [...this.#attached].filter(([, until]) => until > now).map(([chatId]) => chatId);
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  check(identity: Identity): Result<null> {
    if (this.#suspended) return refuse('suspended', 'this account is suspended');
    const { session_id: session } = identity;
    const ended =
      this.#ended.has(session) ||
      (this.#endedBefore !== undefined &&
        session !== this.#endedBefore.except &&
        beganAt(session) <= this.#endedBefore.at);
    return ended ? refuse('session_ended', 'this session was ended: sign in again') : ok(null);
  }

  /** Remembers that a socket of this session may be open in a room. Written once for each room and token, not for each socket. */
  attach(chatId: string, until: number): void {
    if ((this.#attached.get(chatId) ?? 0) >= until) return;
    this.#timeline.prepare();
    this.#prune();
    this.#attached.set(chatId, until);
    this.#timeline.sql.exec(
      'INSERT INTO attached VALUES (?, ?) ON CONFLICT (chat_id) DO UPDATE SET until = excluded.until',
      chatId,
      until,
    );
  }

  end(sessions: string[] | 'all', except: string | undefined): void {
    this.#timeline.prepare();
    const now = this.#clock();
    if (sessions === 'all') {
      this.#endedBefore = { at: now, except: except ?? '' };
      this.#timeline.setFact('ended_before', `${now} ${except ?? ''}`);
      return;
    }
    this.#prune();
    for (const session of sessions) {
      this.#ended.set(session, now + REMEMBER_MS);
      this.#timeline.sql.exec(
        'INSERT INTO ended_sessions VALUES (?, ?) ON CONFLICT (session_id) DO NOTHING',
        session,
        now + REMEMBER_MS,
      );
    }
  }

  setSuspended(suspended: boolean): void {
    this.#suspended = suspended;
    this.#timeline.setFact('suspended', String(suspended));
  }

  #prune(): void {
    const now = this.#clock();
    for (const [table, map] of [
      ['ended_sessions', this.#ended],
      ['attached', this.#attached],
    ] as const) {
      let pruned = false;
      for (const [key, until] of map) if (until <= now) pruned = map.delete(key) || pruned;
      if (pruned) this.#timeline.sql.exec(`DELETE FROM ${table} WHERE until <= ?`, now);
    }
  }

  #read(query: string): Map<string, number> {
    if (!this.#timeline.written) return new Map();
    const rows = this.#timeline.sql.exec<{ key: string; until: number }>(query).toArray();
    return new Map(rows.map((row) => [row.key, row.until]));
  }
}

/** A refusal of the gate as the reason with which a socket closes. */
export const closeReason = (refusal: Refusal) => (refusal.code === 'suspended' ? 'suspended' : 'session_ended');
