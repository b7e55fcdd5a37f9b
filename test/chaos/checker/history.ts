/*
 * The history of a run: what was asked of the system, what it answered, and what every client saw, one entry a line
 * (JSONL), in the order in which the recorder heard of it. All clients and the recorder are one process, so `at` (its
 * monotonic clock, in ms) orders them. A plain description: nothing here knows a runtime.
 */

/** An event of a log as it came over the wire. */
export interface SeenEvent {
  seq: number;
  type: string;
  actor_id: string;
  [field: string]: unknown;
}

export interface Hole {
  from_seq: number;
  to_seq: number;
  reason: string;
}

/** What is asked. `chat` of a `create` is known from its answer. */
export type Call =
  | { do: 'create'; members: string[]; history: 'all' | 'joined' }
  | { do: 'send'; chat: string; client_id: string; content: string }
  | { do: 'add'; chat: string; users: string[] }
  | { do: 'remove'; chat: string; user: string }
  | { do: 'read'; chat: string; seq: number }
  | { do: 'end-session'; of: string }
  /** Something is made of the message at `target`. */
  | { do: 'change'; chat: string; target: number; what: 'edit' | 'recall' | 'react' | 'unreact' | 'pin' | 'unpin' }
  /** Messages that are sent from here on vanish after so long; null: they stay. */
  | { do: 'timer'; chat: string; seconds: number | null }
  /** Comes in by an invitation that is for so many. */
  | { do: 'redeem'; invitation: string; uses: number }
  | { do: 'suspend'; user: string }
  | { do: 'restore'; user: string }
  | { do: 'other'; what: string };

/** What is known of an operation that was answered. */
export interface Answer {
  chat?: string;
  seq?: number;
  duplicate?: boolean;
  /** Of a redemption: came in by it. */
  joined?: boolean;
}

interface Base {
  at: number;
}
/** One run of a client: a session never goes back. A client that signs in or starts anew is another session. */
interface OfSession extends Base {
  session: string;
  user: string;
}

export type Entry =
  | (OfSession & { e: 'invoke'; op: number; call: Call })
  | (OfSession & { e: 'ok'; op: number; answer: Answer })
  /** It did not happen, and will not. */
  | (OfSession & { e: 'fail'; op: number; code: string })
  /** It may have happened, or may still. */
  | (OfSession & { e: 'info'; op: number; why: string })
  /** Events that were pushed. */
  | (OfSession & { e: 'push'; chat: string; epoch: string; head: number; events: SeenEvent[] })
  /** Events that were asked for: what came after `after`. `asked`: when. */
  | (OfSession & {
      e: 'page';
      asked: number;
      chat: string;
      epoch: string;
      head: number;
      after: number;
      events: SeenEvent[];
      has_more: boolean;
      reset: boolean;
      holes: Hole[];
    })
  | (OfSession & { e: 'receipt'; chat: string; of: string; read: number; delivered: number })
  /** At the end: the whole log as a member reads it, all pages. */
  | (OfSession & { e: 'log'; chat: string; epoch: string; head: number; events: SeenEvent[]; holes: Hole[] })
  /** At the end: the messages of a conversation as a member reads them, all pages. */
  | (OfSession & { e: 'messages'; chat: string; messages: unknown[] })
  /** At the end: a file of a message, as somebody who sees the message fetches it. */
  | (OfSession & { e: 'file'; chat: string; seq: number; file: string; status: number })
  /** At the end: the user's list as a fresh device gets it; rows by conversation. */
  | (OfSession & { e: 'fresh'; rows: Record<string, unknown> })
  /** At the end: what a device holds that lived through the run. `messages` of the conversations that it followed. */
  | (OfSession & { e: 'replica'; rows: Record<string, unknown>; messages: Record<string, unknown[]> })
  /** At the end: a request that somebody made up, and its answer; status 0: there was none. */
  | (OfSession & { e: 'fuzz'; request: string; status: number; code: string | null })
  /** At the end: what the audit still finds, a line each. */
  | (Base & { e: 'audit'; findings: string[] })
  | (Base & { e: 'fault'; kind: string })
  /** The last fault is over. */
  | (Base & { e: 'healed' })
  /** Nothing is left to be told: no outbox, no task. */
  | (Base & { e: 'drained' });

export const PROPERTIES = [
  'durable',
  'dense',
  'once',
  'agreement',
  'inbox',
  'cursor',
  'monotonic',
  'converge',
  'authorised',
  'live',
  'typed',
] as const;
export type Property = (typeof PROPERTIES)[number];

export interface Violation {
  property: Property;
  what: string;
}

/** Reads a JSONL history. */
export function parseHistory(text: string): Entry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}
