import { Random } from '../../random.ts';
import type { Call, Entry, Hole, SeenEvent } from '../history.ts';

interface Member {
  from: number;
}
interface Chat {
  id: string;
  policy: 'all' | 'joined';
  log: SeenEvent[];
  members: Map<string, Member>;
  messages: Map<string, SeenEvent>;
}

/** A system that keeps its promises, and its clients: what they do, see and hold, as a history. */
class Model {
  readonly entries: Entry[] = [];
  readonly #random: Random;
  readonly #users = ['ada', 'ben', 'cyd', 'dee'];
  readonly #chats: Chat[] = [];
  readonly #sessions = new Map<string, string[]>();
  readonly #marks = new Map<string, number>();
  readonly #suspended = new Set<string>();
  #at = 0;
  #ops = 0;
  #names = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    for (const user of this.#users) this.#sessions.set(user, [`${user}-1`, `${user}-2`]);
  }

  run(steps: number): Entry[] {
    this.#create('all');
    this.#create('joined');
    for (let step = 0; step < steps; step++) this.#step();
    this.#finish();
    return this.entries;
  }

  #tick(): number {
    this.#at += this.#random.between(1, 400);
    return this.#at;
  }

  #sessionOf(user: string): string | undefined {
    const list = this.#sessions.get(user) ?? [];
    return list.length === 0 ? undefined : this.#random.pick(list);
  }

  #invoke(user: string, session: string, call: Call): number {
    this.#ops += 1;
    this.entries.push({ e: 'invoke', at: this.#tick(), op: this.#ops, user, session, call });
    return this.#ops;
  }

  #append(chat: Chat, actor: string, type: string, fields: Record<string, unknown>): SeenEvent {
    const event = { seq: chat.log.length + 1, type, actor_id: actor, ...fields };
    chat.log.push(event);
    for (const user of chat.members.keys()) this.#push(chat, user, [event]);
    return event;
  }

  #push(chat: Chat, user: string, events: SeenEvent[]): void {
    if (this.#suspended.has(user)) return;
    for (const session of this.#sessions.get(user) ?? []) {
      if (this.#random.chance(0.3)) continue;
      const head = chat.log.length;
      this.entries.push({ e: 'push', at: this.#tick(), session, user, chat: chat.id, epoch: 'e1', head, events });
    }
  }

  #create(policy: 'all' | 'joined'): void {
    const [owner = '', ...others] = this.#users;
    const members = others.slice(0, 2);
    const session = this.#sessionOf(owner) ?? '';
    const op = this.#invoke(owner, session, { do: 'create', members, history: policy });
    const chat: Chat = {
      id: `chat-${this.#chats.length + 1}`,
      policy,
      log: [],
      members: new Map([owner, ...members].map((user) => [user, { from: 1 }])),
      messages: new Map(),
    };
    this.#chats.push(chat);
    const roles = [owner, ...members].map((user_id) => ({ user_id, role: 'member' }));
    this.entries.push({ e: 'ok', at: this.#tick(), op, user: owner, session, answer: { chat: chat.id } });
    this.#append(chat, owner, 'chat.created', { members: roles });
  }

  #step(): void {
    const chat = this.#random.pick(this.#chats);
    const able = this.#users.filter((user) => !this.#suspended.has(user) && this.#sessionOf(user) !== undefined);
    const actor = this.#random.pick(able);
    const session = this.#sessionOf(actor) ?? '';
    const roll = this.#random.next();
    if (roll < 0.42) this.#send(chat, actor, session);
    else if (roll < 0.5) this.#change(chat, actor, session);
    else if (roll < 0.65) this.#read(chat, actor, session);
    else if (roll < 0.75) this.#mark(chat, actor, session);
    else if (roll < 0.83) this.#join(chat, this.#random.pick(this.#users));
    else if (roll < 0.91) this.#part(chat, this.#random.pick(this.#users));
    else if (roll < 0.95) this.#endSession(this.#random.pick(this.#users));
    else this.#suspend(this.#random.pick(this.#users));
  }

  #send(chat: Chat, user: string, session: string): void {
    this.#names += 1;
    const client_id = `m${this.#names}`;
    const content = `text ${this.#names} 🌊`;
    const call = { do: 'send' as const, chat: chat.id, client_id, content };
    const op = this.#invoke(user, session, call);
    const about = { session, user };
    if (!chat.members.has(user)) {
      this.entries.push({ e: 'fail', at: this.#tick(), op, code: 'not_found', ...about });
      return;
    }
    if (this.#random.chance(0.1)) {
      this.entries.push({ e: 'info', at: this.#tick(), op, why: 'connection lost', ...about });
      if (this.#random.chance(0.5)) return;
    }
    const event = this.#append(chat, user, 'message', { client_id, content });
    chat.messages.set(client_id, event);
    const again = this.#random.chance(0.2) ? this.#invoke(user, session, call) : undefined;
    const { seq } = event;
    this.entries.push({ e: 'ok', at: this.#tick(), op, answer: { seq }, ...about });
    if (again !== undefined) {
      this.entries.push({ e: 'ok', at: this.#tick(), op: again, answer: { seq, duplicate: true }, ...about });
    }
  }

  #change(chat: Chat, user: string, session: string): void {
    const messages = chat.log.filter(({ type, recalled }) => type === 'message' && recalled === undefined);
    if (messages.length === 0 || !chat.members.has(user)) return;
    const { seq: target } = this.#random.pick(messages);
    const what = this.#random.pick(['edit', 'recall', 'react'] as const);
    const op = this.#invoke(user, session, { do: 'change', chat: chat.id, target, what });
    const { seq } = this.#append(chat, user, `message.${what}`, { target });
    if (what === 'recall') {
      const message = chat.log[target - 1];
      if (message !== undefined) chat.log[target - 1] = { ...message, content: '', recalled: { user_id: user } };
    }
    this.entries.push({ e: 'ok', at: this.#tick(), op, answer: { seq }, session, user });
    // Somebody was told before, and hears it only now.
    const late = this.entries.findLast(
      (entry): entry is Extract<Entry, { e: 'push' }> =>
        entry.e === 'push' && entry.user === user && entry.chat === chat.id,
    );
    if (late !== undefined && this.#random.chance(0.3)) this.entries.push({ ...late, head: chat.log.length });
  }

  #holes(chat: Chat, from: number, after: number): Hole[] {
    return after + 1 < from ? [{ from_seq: after + 1, to_seq: from - 1, reason: `before_join of ${chat.id}` }] : [];
  }

  #read(chat: Chat, user: string, session: string): void {
    const member = chat.members.get(user);
    if (member === undefined) return;
    const after = this.#random.below(chat.log.length + 1);
    const limit = this.#random.between(1, 5);
    const all = chat.log.filter(({ seq }) => seq > after && seq >= member.from);
    const asked = this.#tick();
    this.entries.push({
      e: 'page',
      at: this.#tick(),
      asked,
      session,
      user,
      chat: chat.id,
      epoch: 'e1',
      head: chat.log.length,
      after,
      events: all.slice(0, limit),
      has_more: all.length > limit,
      reset: false,
      holes: this.#holes(chat, member.from, after),
    });
  }

  #mark(chat: Chat, user: string, session: string): void {
    if (!chat.members.has(user)) return;
    const name = `${chat.id} ${user}`;
    const read = this.#random.between(this.#marks.get(name) ?? 0, chat.log.length);
    this.#marks.set(name, read);
    const receipt = { e: 'receipt' as const, chat: chat.id, of: user, read, delivered: read };
    this.entries.push({ at: this.#tick(), session, user, ...receipt });
  }

  #join(chat: Chat, user: string): void {
    if (chat.members.has(user)) return;
    chat.members.set(user, { from: chat.policy === 'all' ? 1 : chat.log.length + 1 });
    this.#append(chat, 'ada', 'member.joined', { user_ids: [user] });
  }

  #part(chat: Chat, user: string): void {
    if (user === 'ada' || !chat.members.delete(user)) return;
    this.#append(chat, 'ada', 'member.left', { user_id: user, removed: true });
  }

  #endSession(user: string): void {
    const list = this.#sessions.get(user) ?? [];
    if (list.length < 2 || this.#suspended.has(user)) return;
    const of = list.pop() ?? '';
    const session = list[0] ?? '';
    const op = this.#invoke(user, session, { do: 'end-session', of });
    this.entries.push({ e: 'ok', at: this.#tick(), op, answer: {}, user, session });
    // Long enough for the bound: what is sent from here on must not arrive there.
    this.#at += 5000;
  }

  #suspend(user: string): void {
    if (user === 'ada') return;
    const lift = this.#suspended.delete(user);
    if (!lift) this.#suspended.add(user);
    const op = this.#invoke('operator', 'operator', { do: lift ? 'restore' : 'suspend', user });
    this.entries.push({ e: 'ok', at: this.#tick(), op, answer: {}, user: 'operator', session: 'operator' });
    this.#at += 5000;
  }

  #finish(): void {
    for (const user of [...this.#suspended]) {
      this.#suspended.delete(user);
      const op = this.#invoke('operator', 'operator', { do: 'restore', user });
      this.entries.push({ e: 'ok', at: this.#tick(), op, answer: {}, user: 'operator', session: 'operator' });
    }
    this.entries.push({ e: 'fault', at: this.#tick(), kind: 'kill' });
    this.entries.push({ e: 'healed', at: this.#tick() });
    this.entries.push({ e: 'drained', at: this.#tick() });
    for (const user of this.#users) {
      const session = `${user}-end`;
      const rows: Record<string, unknown> = {};
      const held: Record<string, unknown[]> = {};
      for (const chat of this.#chats) {
        const member = chat.members.get(user);
        if (member === undefined) continue;
        const events = chat.log.filter(({ seq }) => seq >= member.from);
        const messages = events.filter(({ type }) => type === 'message');
        const head = chat.log.length;
        const at = this.#tick();
        const holes = this.#holes(chat, member.from, 0);
        this.entries.push({ e: 'log', at, session, user, chat: chat.id, epoch: 'e1', head, events, holes });
        this.entries.push({ e: 'messages', at, session, user, chat: chat.id, messages });
        rows[chat.id] = { head_seq: head, unread: messages.length };
        held[chat.id] = messages;
      }
      this.entries.push({ e: 'fresh', at: this.#tick(), session, user, rows });
      const old = `${user}-1`;
      this.entries.push({ e: 'replica', at: this.#tick(), session: old, user, rows, messages: held });
    }
  }
}

export const goodHistory = (seed: number, steps = 60): Entry[] => new Model(seed).run(steps);
