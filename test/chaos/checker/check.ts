import type { Answer, Call, Entry, Property, SeenEvent, Violation } from './history.ts';
import { type Interval, isIn, memberships } from './members.ts';

export interface Bounds {
  /** A session hears nothing that was sent later than this after its end was confirmed, in ms. */
  revoked: number;
  /** Nothing is left to be told so long after the last fault, in ms. */
  drain: number;
}
export const BOUNDS: Bounds = { revoked: 2000, drain: 60_000 };

/** Violations of one property that are reported: the rest adds nothing. */
const REPORTED = 20;

/** JSON with its keys in order: equal for equal values. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}

/** The log as its readers have it together: each may lack what was before their time. */
function whole(logs: readonly Log[]): SeenEvent[] {
  const events = new Map<number, SeenEvent>();
  for (const log of logs) for (const event of log.events) events.set(event.seq, event);
  return [...events.values()].sort((a, b) => a.seq - b.seq);
}

/** Seqs of which nothing is left, as readers were told. */
const erasedIn = (logs: readonly Log[]): Set<number> =>
  new Set(
    logs.flatMap(({ holes }) =>
      holes.flatMap(({ from_seq, to_seq, reason }) =>
        reason === 'erased' || reason === 'expired' ? range(from_seq, to_seq) : [],
      ),
    ),
  );

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

type Op = { call: Call; user: string; session: string; at: number };
type ChangeCall = Extract<Call, { do: 'change' }>;
type Log = Extract<Entry, { e: 'log' }>;
type Page = Extract<Entry, { e: 'page' }>;
interface ChatState {
  policy: 'all' | 'joined';
  /** One body for each seq, by epoch, and one for what is left of it when it was recalled. */
  bodies: Map<string, string>;
  /** Acknowledged sends: sender and client_id, seq, content. */
  acks: { name: string; seq: number; content: string }[];
  /** Acknowledged changes of messages: where they stand, of what. */
  changes: { seq: number; target: number; what: ChangeCall['what'] }[];
  /** Messages that somebody has asked to recall. */
  recalled: Set<number>;
  /** Messages vanish by themselves, at least at times. */
  timed: boolean;
  /** What frames have left out, which is right only where nothing is left. */
  gaps: { session: string; from: number; to: number }[];
  logs: Log[];
  /** Who saw which seqs, and when it was sent, as far as that is known. */
  seen: Map<string, Map<number, string>>;
}

const key = (...parts: (string | number)[]): string => parts.join(' ');

/** Whether a history is one that the system promises. One pass over the entries, then a look at what they add up to. */
export function check(history: Iterable<Entry>, bounds: Bounds = BOUNDS): Violation[] {
  return new Checker(bounds).run(history);
}

class Checker {
  readonly #bounds: Bounds;
  readonly #violations: Violation[] = [];
  readonly #counts = new Map<Property, number>();
  readonly #chats = new Map<string, ChatState>();
  readonly #ops = new Map<number, Op>();
  /** When a message was first sent, by sender and client_id. */
  readonly #sentAt = new Map<string, number>();
  /** The largest head that a session was pushed, by session, conversation and epoch. */
  readonly #heads = new Map<string, number>();
  /** Heads that a session has seen, pushed or asked for, and since when: ascending, likewise. */
  readonly #known = new Map<string, { at: number; head: number }[]>();
  readonly #marks = new Map<string, number>();
  /** The newest message of its own that a session was acknowledged, and when, by session and conversation. */
  readonly #acked = new Map<string, { seq: number; at: number }>();
  /** When the end of a session was confirmed. */
  readonly #ended = new Map<string, number>();
  /** Spells of suspension that were confirmed, by user. */
  readonly #suspended = new Map<string, { from: number; to: number }[]>();
  readonly #fresh = new Map<string, Record<string, unknown>>();
  readonly #replicas: Extract<Entry, { e: 'replica' }>[] = [];
  readonly #messages = new Map<string, string>();
  /** How many an invitation has let in. */
  readonly #used = new Map<string, number>();
  #healed: number | undefined;
  #drained: number | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  run(history: Iterable<Entry>): Violation[] {
    for (const entry of history) this.#take(entry);
    for (const [id, chat] of this.#chats) this.#judge(id, chat);
    this.#judgeLists();
    this.#judgeReplicas();
    this.#judgeDrain();
    return this.#violations;
  }

  #broken(property: Property, what: string): void {
    const count = (this.#counts.get(property) ?? 0) + 1;
    this.#counts.set(property, count);
    if (count <= REPORTED) this.#violations.push({ property, what });
  }

  #chat(id: string): ChatState {
    let chat = this.#chats.get(id);
    if (chat === undefined) {
      chat = {
        policy: 'all',
        bodies: new Map(),
        acks: [],
        changes: [],
        recalled: new Set(),
        timed: false,
        gaps: [],
        logs: [],
        seen: new Map(),
      };
      this.#chats.set(id, chat);
    }
    return chat;
  }

  #take(entry: Entry): void {
    switch (entry.e) {
      case 'invoke': {
        const { call, user, session, at } = entry;
        this.#ops.set(entry.op, { call, user, session, at });
        if (call.do === 'send') {
          const name = key(user, call.client_id);
          if (!this.#sentAt.has(name)) this.#sentAt.set(name, at);
        }
        // From here on these may hold, whatever is answered.
        if (call.do === 'change' && call.what === 'recall') this.#chat(call.chat).recalled.add(call.target);
        if (call.do === 'timer' && call.seconds !== null) this.#chat(call.chat).timed = true;
        if (call.do === 'restore') {
          const spell = this.#suspended.get(call.user)?.at(-1);
          if (spell !== undefined) spell.to = Math.min(spell.to, at);
        }
        return;
      }
      case 'ok':
        this.#answered(entry.op, entry.answer, entry.at);
        return;
      case 'push':
        this.#head(entry);
        this.#inOrder(entry);
        this.#saw(entry);
        return;
      case 'page':
        this.#readsOwnPast(entry);
        this.#head(entry, entry.asked);
        this.#covers(entry);
        this.#saw(entry);
        return;
      case 'receipt':
        this.#mark(key(entry.session, entry.chat, entry.of, 'read'), entry.read);
        this.#mark(key(entry.session, entry.chat, entry.of, 'delivered'), entry.delivered);
        return;
      case 'log':
        this.#chat(entry.chat).logs.push(entry);
        this.#head(entry, entry.at);
        this.#head(entry);
        this.#saw(entry);
        return;
      case 'messages':
        this.#messages.set(key(entry.user, entry.chat), canonical(entry.messages));
        return;
      case 'file':
        if (entry.status !== 200) {
          this.#broken('durable', `${entry.chat} ${entry.seq}: its file ${entry.file} answers ${entry.status}`);
        }
        return;
      case 'fuzz':
        if (entry.status === 0 || entry.status >= 500 || (entry.status >= 400 && entry.code === null)) {
          this.#broken('typed', `${entry.request} was answered ${entry.status} ${entry.code ?? 'without a code'}`);
        }
        return;
      case 'audit':
        for (const finding of entry.findings) this.#broken('converge', `the audit finds ${finding}`);
        return;
      case 'fresh':
        this.#fresh.set(entry.user, entry.rows);
        return;
      case 'replica':
        this.#replicas.push(entry);
        return;
      case 'fault':
        this.#healed = undefined;
        this.#drained = undefined;
        return;
      case 'healed':
        this.#healed = entry.at;
        return;
      case 'drained':
        this.#drained = entry.at;
        return;
      case 'fail':
      case 'info':
        return;
    }
  }

  #answered(id: number, answer: Answer, at: number): void {
    const op = this.#ops.get(id);
    if (op === undefined) return;
    const { call } = op;
    const end = this.#ended.get(op.session);
    if (end !== undefined && op.at > end + this.#bounds.revoked) {
      this.#broken('authorised', `session ${op.session} was answered ok after its end: ${call.do}`);
    }
    // What a client keeps until its user is let in again is answered then.
    if (this.#isSuspended(op.user, op.at, at)) {
      this.#broken('authorised', `${op.user} was answered ok while suspended: ${call.do}`);
    }
    if (call.do === 'create' && answer.chat !== undefined) this.#chat(answer.chat).policy = call.history;
    if (call.do === 'end-session') this.#ended.set(call.of, at);
    if (call.do === 'suspend') {
      const spells = this.#suspended.get(call.user) ?? [];
      spells.push({ from: at, to: Number.POSITIVE_INFINITY });
      this.#suspended.set(call.user, spells);
    }
    if (call.do === 'redeem' && answer.joined) {
      const used = (this.#used.get(call.invitation) ?? 0) + 1;
      this.#used.set(call.invitation, used);
      if (used > call.uses) this.#broken('once', `invitation ${call.invitation} for ${call.uses} has let in ${used}`);
    }
    // What was so already is answered with where the log stood.
    if (call.do === 'change' && answer.seq !== undefined && answer.duplicate !== true) {
      this.#chat(call.chat).changes.push({ seq: answer.seq, target: call.target, what: call.what });
    }
    if (call.do !== 'send' || answer.seq === undefined) return;
    const chat = this.#chat(call.chat);
    const name = key(op.user, call.client_id);
    chat.acks.push({ name, seq: answer.seq, content: call.content });
    const acked = this.#acked.get(key(op.session, call.chat));
    if (acked === undefined || acked.seq < answer.seq) {
      this.#acked.set(key(op.session, call.chat), { seq: answer.seq, at });
    }
  }

  /** The user was suspended all the time. */
  #isSuspended(user: string, since: number, at = since): boolean {
    return (this.#suspended.get(user) ?? []).some(({ from, to }) => since > from + this.#bounds.revoked && at < to);
  }

  /**
   * A head never goes back: not among what is pushed, and not in what is asked for by who has seen a larger one. What is pushed may
   * come after the answer to a question that has overtaken it; it says nothing new then.
   */
  #head(entry: { session: string; chat: string; epoch: string; head: number; at: number }, asked?: number): void {
    const { session, chat, epoch, head, at } = entry;
    const name = key(session, chat, epoch);
    const known = this.#known.get(name) ?? [];
    const before =
      asked === undefined ? (this.#heads.get(name) ?? 0) : (known.findLast((seen) => seen.at <= asked)?.head ?? 0);
    if (head < before) this.#broken('monotonic', `${chat}: head went from ${before} to ${head} for ${session}`);
    if (asked === undefined) this.#heads.set(name, Math.max(before, head));
    if (head > (known.at(-1)?.head ?? 0)) this.#known.set(name, [...known, { at, head }]);
  }

  #mark(name: string, value: number): void {
    const before = this.#marks.get(name) ?? 0;
    if (value < before) this.#broken('monotonic', `watermark ${name} went from ${before} to ${value}`);
    this.#marks.set(name, Math.max(before, value));
  }

  /** What a session was told is there when it reads afterwards. */
  #readsOwnPast({ session, chat, asked, head }: Page): void {
    const acked = this.#acked.get(key(session, chat));
    if (acked === undefined || asked <= acked.at || head >= acked.seq) return;
    this.#broken('monotonic', `${chat}: ${session} was acknowledged ${acked.seq} and then read head ${head}`);
  }

  #inOrder({ chat, events, session }: { chat: string; events: SeenEvent[]; session: string }): void {
    for (const [index, event] of events.entries()) {
      const before = events[index - 1];
      if (before === undefined || event.seq === before.seq + 1) continue;
      if (event.seq > before.seq) {
        this.#chat(chat).gaps.push({ session, from: before.seq + 1, to: event.seq - 1 });
      } else this.#broken('cursor', `${chat}: one frame to ${session} goes from ${before.seq} to ${event.seq}`);
    }
  }

  /** A page covers everything from its position to its last event, and to the head when there is no more. */
  #covers(page: Page): void {
    const { chat, session, events, holes } = page;
    const holeAt = (seq: number) => holes.find(({ from_seq }) => from_seq === seq);
    const begins = [holes[0]?.from_seq, events[0]?.seq].filter((seq) => seq !== undefined);
    let next = page.reset ? Math.min(...begins, page.head + 1) : page.after + 1;
    for (const hole of [...holes].sort((a, b) => a.from_seq - b.from_seq)) {
      if (hole.from_seq <= next) next = Math.max(next, hole.to_seq + 1);
    }
    if (page.reset && events[0] !== undefined) next = Math.max(next, events[0].seq);
    for (const event of events) {
      if (event.seq !== next) {
        this.#broken(
          'cursor',
          `${chat}: a page after ${page.after} for ${session} has ${event.seq} in place of ${next}`,
        );
        next = event.seq;
      }
      next += 1;
      for (let hole = holeAt(next); hole !== undefined; hole = holeAt(next)) next = hole.to_seq + 1;
    }
    if (!page.has_more && next <= page.head) {
      this.#broken('cursor', `${chat}: ${session} was told there is no more at ${next - 1}, the head is ${page.head}`);
    }
  }

  #saw(entry: { chat: string; epoch: string; user: string; session: string; events: SeenEvent[] }): void {
    const chat = this.#chat(entry.chat);
    let seen = chat.seen.get(entry.user);
    if (seen === undefined) {
      seen = new Map();
      chat.seen.set(entry.user, seen);
    }
    const end = this.#ended.get(entry.session);
    for (const event of entry.events) {
      const body = canonical(event);
      const isRecalled = event.recalled !== undefined && chat.recalled.has(event.seq);
      const name = key(entry.epoch, event.seq, isRecalled ? 'recalled' : '');
      const before = chat.bodies.get(name);
      if (before === undefined) chat.bodies.set(name, body);
      else if (before !== body) {
        this.#broken('agreement', `${entry.chat} ${event.seq}: ${entry.session} saw ${body}, others ${before}`);
      }
      seen.set(event.seq, entry.session);
      const sentAt = this.#sentAt.get(key(event.actor_id, String(event.client_id)));
      if (sentAt === undefined) continue;
      if (end !== undefined && sentAt > end + this.#bounds.revoked) {
        this.#broken('authorised', `${entry.chat} ${event.seq} reached session ${entry.session}, which had ended`);
      }
      if (this.#isSuspended(entry.user, sentAt) && !this.#restoredAfter(entry.user, sentAt)) {
        this.#broken('authorised', `${entry.chat} ${event.seq} reached ${entry.user}, who was suspended`);
      }
    }
  }

  /** Whoever was restored may read what they missed. */
  #restoredAfter(user: string, at: number): boolean {
    return (this.#suspended.get(user) ?? []).some(({ from, to }) => at > from && to !== Number.POSITIVE_INFINITY);
  }

  #judge(id: string, chat: ChatState): void {
    if (chat.logs.length === 0) return;
    const full = whole(chat.logs);
    const { intervals, deleted } = memberships(full, chat.policy);
    for (const log of chat.logs) this.#dense(id, log);
    const erased = erasedIn(chat.logs);
    this.#judgeAcks(id, chat, full, erased);
    this.#judgeChanges(id, chat, full, erased);
    for (const { session, from, to } of chat.gaps) {
      const lacking = range(from, to).find((seq) => !erased.has(seq));
      if (lacking !== undefined) this.#broken('cursor', `${id}: one frame to ${session} leaves out ${lacking}`);
    }
    this.#judgeReaders(id, chat, full, intervals);
    for (const [user, seen] of chat.seen) this.#judgeSeen(id, user, seen, intervals.get(user) ?? [], deleted);
  }

  #dense(id: string, { events, holes, head, user }: Log): void {
    let next = 1;
    const skip = () => {
      for (let hole = at(); hole !== undefined; hole = at()) next = hole.to_seq + 1;
    };
    const at = () => holes.find(({ from_seq, to_seq }) => from_seq <= next && next <= to_seq);
    for (const event of events) {
      skip();
      if (event.seq !== next) this.#broken('dense', `${id}: ${user} reads ${event.seq} in place of ${next}`);
      next = event.seq + 1;
    }
    skip();
    if (next !== head + 1) this.#broken('dense', `${id}: ${user} reads up to ${next - 1}, the head is ${head}`);
  }

  /** What was made of a message is where it was acknowledged, and of what was recalled nothing is left. */
  #judgeChanges(id: string, chat: ChatState, full: SeenEvent[], erased: ReadonlySet<number>): void {
    const bySeq = new Map(full.map((event) => [event.seq, event]));
    for (const { seq, target, what } of chat.changes) {
      const event = bySeq.get(seq);
      if (event === undefined ? !erased.has(seq) : event.target !== target) {
        this.#broken('durable', `${id}: ${what} of ${target} was acknowledged as ${seq} and is not there`);
      }
      const message = bySeq.get(target);
      if (what === 'recall' && message !== undefined && message.recalled === undefined) {
        this.#broken('durable', `${id}: ${target} was recalled and is there`);
      }
    }
  }

  #judgeAcks(id: string, chat: ChatState, full: SeenEvent[], erased: ReadonlySet<number>): void {
    const rows = new Map<string, SeenEvent>();
    for (const event of full) {
      if (typeof event.client_id !== 'string') continue;
      const name = key(event.actor_id, event.client_id);
      const before = rows.get(name);
      if (before !== undefined) this.#broken('once', `${id}: ${name} stands at ${before.seq} and at ${event.seq}`);
      rows.set(name, event);
    }
    const acked = new Map<string, number>();
    for (const { name, seq, content } of chat.acks) {
      const before = acked.get(name) ?? seq;
      if (before !== seq) this.#broken('once', `${id}: ${name} was acknowledged as ${before} and as ${seq}`);
      acked.set(name, seq);
      const row = rows.get(name);
      // What vanished by its time, or was taken back, was there.
      if (row === undefined && chat.timed && erased.has(seq)) continue;
      if (row === undefined) this.#broken('durable', `${id}: ${name} was acknowledged as ${seq} and is not there`);
      else if (row.seq !== seq) this.#broken('durable', `${id}: ${name} was acknowledged as ${seq}, it is ${row.seq}`);
      else if (row.recalled !== undefined && chat.recalled.has(seq) && row.content === '') continue;
      else if (row.content !== content) {
        this.#broken('durable', `${id}: ${name} at ${seq} has other content than was sent`);
      }
    }
  }

  /** What each member reads at the end is what the log has for them. */
  #judgeReaders(id: string, chat: ChatState, full: SeenEvent[], intervals: Map<string, Interval[]>): void {
    for (const log of chat.logs) {
      const own = intervals.get(log.user)?.at(-1);
      if (own === undefined || own.to !== Number.POSITIVE_INFINITY) {
        this.#broken('authorised', `${id}: ${log.user} reads the log and is no member`);
        continue;
      }
      const expected = full.filter(({ seq }) => seq >= own.from && seq <= log.head);
      const wrong = expected.findIndex((event, index) => log.events[index]?.seq !== event.seq);
      if (wrong >= 0 || log.events.length !== expected.length) {
        this.#broken('inbox', `${id}: ${log.user} reads ${log.events.length} events, ${expected.length} are theirs`);
      }
    }
  }

  #judgeSeen(id: string, user: string, seen: Map<number, string>, own: Interval[], deleted: number | undefined): void {
    for (const [seq, session] of seen) {
      if (isIn(own, seq) && (deleted === undefined || seq < deleted)) continue;
      const after = own.length > 0 && seq >= Math.min(...own.map(({ to }) => to));
      if (after) this.#broken('authorised', `${id}: ${user} (${session}) saw ${seq} after their membership had ended`);
      else this.#broken('inbox', `${id}: ${user} (${session}) saw ${seq}, which is not theirs`);
    }
  }

  /** A user's list holds the conversations that they are in, as these are. */
  #judgeLists(): void {
    for (const [user, rows] of this.#fresh) {
      for (const [id, chat] of this.#chats) {
        if (chat.logs.length === 0) continue;
        const full = whole(chat.logs);
        const { intervals, deleted } = memberships(full, chat.policy);
        const isMember = deleted === undefined && intervals.get(user)?.at(-1)?.to === Number.POSITIVE_INFINITY;
        const row = rows[id];
        if (isMember !== (row !== undefined)) {
          this.#broken('inbox', `${user} is ${isMember ? '' : 'not '}in ${id}, their list says otherwise`);
        }
        const head: unknown = Reflect.get(Object(row), 'head_seq');
        const last = full.at(-1)?.seq ?? 0;
        if (isMember && row !== undefined && head !== last) {
          this.#broken('inbox', `${user}: the list has head ${String(head)} for ${id}, the log ${last}`);
        }
      }
    }
  }

  #judgeReplicas(): void {
    for (const { session, user, rows, messages } of this.#replicas) {
      const fresh = this.#fresh.get(user);
      if (fresh !== undefined) {
        for (const id of new Set([...Object.keys(rows), ...Object.keys(fresh)])) {
          if (canonical(rows[id]) === canonical(fresh[id])) continue;
          this.#broken(
            'converge',
            `${session} holds for ${id} ${canonical(rows[id])}, a fresh device ${canonical(fresh[id])}`,
          );
        }
      }
      for (const [id, held] of Object.entries(messages)) {
        const now = this.#messages.get(key(user, id));
        if (now !== undefined && canonical(held) !== now) {
          this.#broken('converge', `${session} holds other messages of ${id} than a fresh device reads`);
        }
      }
    }
  }

  #judgeDrain(): void {
    if (this.#healed === undefined) return;
    if (this.#drained === undefined) this.#broken('live', 'after the last fault something was never told');
    else if (this.#drained - this.#healed > this.#bounds.drain) {
      this.#broken(
        'live',
        `it took ${Math.round(this.#drained - this.#healed)} ms after the last fault to tell everything`,
      );
    }
  }
}
