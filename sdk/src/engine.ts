import type { ChatListItem } from '../../src/protocol/chats.ts';
import type { ChatEvent, EventPage, Message } from '../../src/protocol/events.ts';
import type { EventsFrame, ServerFrame } from '../../src/protocol/frames.ts';
import type { GoneReason, LogPage } from '../../src/protocol/reduce.ts';
import type { Presence } from '../../src/protocol/users.ts';
import { Confirmations } from './confirmations.ts';
import { Conversation, type Watermarks } from './conversation.ts';
import { Delivery, type Routes } from './delivery.ts';
import type { Environment } from './environment.ts';
import { TidelineError } from './errors.ts';
import type { Http } from './http.ts';
import { Link } from './link.ts';
import { List, type ListDelta } from './list.ts';
import type { LocalMessage } from './message.ts';
import { ReadMarks } from './reads.ts';
import { Repairs } from './repairs.ts';
import type { Session } from './session.ts';
import type { StorageAdapter } from './storage.ts';

/** Name of the inbox's connection; a conversation's own connection has the conversation's id. */
const INBOX = 'inbox';

export type ConnectionState = 'offline' | 'connecting' | 'online';

/** What happens, for those who show it. Within a conversation in the order of the log. */
export interface EngineEvents {
  connection(state: ConnectionState, error: Error | undefined): void;
  events(chatId: string, events: readonly ChatEvent[]): void;
  messages(chatId: string, messages: readonly Message[]): void;
  reset(chatId: string): void;
  /** Lines of the conversation, or one's own messages on their way, have changed. */
  timeline(chatId: string): void;
  rows(changed: readonly string[], gone: readonly { chat_id: string; reason: GoneReason }[]): void;
  gone(chatId: string, reason: GoneReason): void;
  local(message: LocalMessage): void;
  receipt(chatId: string, userId: string, marks: Watermarks): void;
  typing(chatId: string, userId: string): void;
  presence(presence: Presence): void;
  /** The server closed a connection of the whole session for good. */
  refused(error: TidelineError): void;
  fault(error: Error): void;
}

/** The connection of a conversation on screen. */
interface Room {
  readonly link: Link;
  /** Those who wait for it to open. */
  waiting: { resolve(): void; reject(error: Error): void }[];
}

function settle(room: Room, error?: Error): void {
  const { waiting } = room;
  room.waiting = [];
  for (const { resolve, reject } of waiting) error === undefined ? resolve() : reject(error);
}

/** Connections, conversations and what keeps them in step. `client.ts` and `chat.ts` are its face. */
export class Engine implements Routes {
  readonly #environment: Environment;
  readonly #http: Http;
  readonly #session: Session;
  readonly #events: EngineEvents;
  readonly #socketBase: string;
  readonly #conversations = new Map<string, Conversation>();
  readonly #inbox: Link;
  readonly #rooms = new Map<string, Room>();
  readonly #repairs: Repairs;
  readonly #confirmations: Confirmations;
  readonly delivery: Delivery;
  readonly reads: ReadMarks;
  readonly list: List;
  #state: ConnectionState = 'offline';
  #connection = new AbortController();
  #cancelRenewal: (() => void) | undefined;
  #dirty = new Set<string>();

  constructor(
    environment: Environment,
    http: Http,
    session: Session,
    storage: StorageAdapter,
    base: string,
    events: EngineEvents,
  ) {
    this.#environment = environment;
    this.#http = http;
    this.#session = session;
    this.#events = events;
    this.#socketBase = base.replace(/^http/, 'ws');
    const { clock } = environment;
    const fault = (error: Error) => events.fault(error);
    this.delivery = new Delivery(clock, storage, this, {
      conversation: (chatId) => this.conversation(chatId),
      changed: (message) => this.#localChanged(message),
      fault,
    });
    this.reads = new ReadMarks(clock, storage, {
      send: (chatId, seq) => this.#sendFor(chatId, { t: 'read', chat_id: chatId, seq }),
      fault,
    });
    this.list = new List(environment, http, storage, {
      positions: () => this.#positions(),
      events: (chatId, page) => this.#apply(chatId, page),
      changed: (delta) => this.#rowsChanged(delta),
      fault,
    });
    this.#confirmations = new Confirmations(clock, {
      upto: (chatId) => this.#conversations.get(chatId)?.log.upto ?? 0,
      confirm: (route, chatId, seq) => this.send(route, { t: 'got', chat_id: chatId, seq }),
    });
    this.#repairs = new Repairs(environment, {
      route: (chatId) => this.pick(chatId, null),
      pull: (route, chatId, after, limit) => this.send(route, { t: 'pull', chat_id: chatId, after, limit }),
      restart: (route, reason) => this.restart(route, reason),
      fetch: (chatId, after, limit) => this.#fetchEvents(chatId, after, limit),
      apply: (chatId, page) => this.#apply(chatId, page),
      caughtUp: (route, chatId) => this.#confirmations.force(route, chatId),
      fault,
    });
    this.#inbox = new Link(environment, session, () => `${this.#socketBase}/api/ws`, {
      open: () => void this.#inboxOpened(),
      frames: (frames, size) => this.#receive(INBOX, frames, size),
      down: (error) => {
        this.#lost(INBOX);
        this.#connection.abort();
        this.#become('connecting', error);
      },
      refused: (error) => {
        this.#lost(INBOX);
        this.disconnect(error);
        events.refused(error);
      },
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  conversation(chatId: string): Conversation {
    let held = this.#conversations.get(chatId);
    if (held === undefined) {
      held = new Conversation(chatId, () => this.#session.user?.id);
      this.#conversations.set(chatId, held);
    }
    return held;
  }

  /** Takes up what storage holds of this user. */
  async load(user: string): Promise<void> {
    await this.list.load(user);
    for (const [chatId, seq] of await this.reads.load(user)) this.conversation(chatId).readMark = seq;
    await this.delivery.load(user);
  }

  connect(): void {
    if (this.#state !== 'offline') return;
    this.#become('connecting');
    this.#inbox.start();
    for (const { link } of this.#rooms.values()) link.start();
    this.tokenRenewed();
  }

  disconnect(error?: Error): void {
    this.#connection.abort();
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
    this.#inbox.stop();
    this.#lost(INBOX);
    for (const [chatId, room] of this.#rooms) {
      room.link.stop();
      this.#lost(chatId);
    }
    this.#repairs.stop();
    this.#confirmations.stop();
    this.reads.stop();
    this.delivery.stop();
    this.#become('offline', error);
  }

  /** The network is back: no more waiting. */
  kick(): void {
    this.#inbox.kick();
    for (const { link } of this.#rooms.values()) link.kick();
  }

  /** Forgets the user: nothing of theirs stays in memory. */
  clear(): void {
    this.disconnect();
    for (const chatId of [...this.#rooms.keys()]) this.closeRoom(chatId);
    this.#conversations.clear();
    this.list.clear();
    this.delivery.clear();
    this.reads.clear();
  }

  /** There is a new access token: open sockets get it, and the next renewal is planned. */
  tokenRenewed(token?: string): void {
    if (token !== undefined) {
      this.#inbox.send({ t: 'auth', token });
      for (const { link } of this.#rooms.values()) link.send({ t: 'auth', token });
    }
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
    const wait = this.#session.renewIn;
    if (this.#state === 'offline' || wait === null) return;
    this.#planRenewal(wait);
  }

  // Rooms

  /** Opens the conversation's own connection. Resolves when it is there; rejects when the next attempt fails. */
  openRoom(chatId: string): Promise<void> {
    const conversation = this.conversation(chatId);
    conversation.onScreen = true;
    const room = this.#rooms.get(chatId) ?? this.#makeRoom(conversation);
    if (room.link.isOpen) return Promise.resolve();
    const opened = new Promise<void>((resolve, reject) => room.waiting.push({ resolve, reject }));
    if (this.#state === 'offline') {
      settle(room, new TidelineError('unavailable', 'Not connected: call client.connect() first'));
    } else {
      room.link.start();
    }
    return opened;
  }

  #makeRoom(conversation: Conversation): Room {
    const { id } = conversation;
    const url = () => {
      const after = conversation.started ? `?after=${conversation.log.upto}` : '';
      return `${this.#socketBase}/api/chats/${id}/ws${after}`;
    };
    const link = new Link(this.#environment, this.#session, url, {
      open: () => {
        settle(room);
        this.delivery.pump(id);
        this.reads.resume();
      },
      frames: (frames, size) => this.#receive(id, frames, size),
      down: (error) => {
        this.#lost(id);
        settle(room, error);
      },
      refused: (error) => {
        settle(room, error);
        this.closeRoom(id);
        if (error.code === 'not_found' || error.code === 'forbidden') this.#gone(conversation, 'removed');
      },
    });
    const room: Room = { link, waiting: [] };
    this.#rooms.set(id, room);
    return room;
  }

  closeRoom(chatId: string): void {
    const conversation = this.conversation(chatId);
    conversation.onScreen = false;
    conversation.trim();
    const room = this.#rooms.get(chatId);
    if (room === undefined) return;
    this.#rooms.delete(chatId);
    room.link.stop();
    settle(room, new TidelineError('conflict', 'The conversation was closed again'));
    this.#lost(chatId);
  }

  /** Brings up to `limit` events from before those held. @returns how many came */
  async loadOlder(conversation: Conversation, limit: number): Promise<number> {
    // The server may cut a page short; one that does not reach up to what is held joins on to nothing.
    for (let count = Math.min(limit, conversation.log.from); count > 0; count = Math.floor(count / 2)) {
      const { from } = conversation.log;
      const page = await this.#fetchEvents(conversation.id, Math.max(0, from - count), count);
      if (page.epoch !== conversation.log.epoch) {
        this.#apply(conversation.id, { ...page, items: [], holes: undefined, reset: undefined });
        return 0;
      }
      const older = conversation.applyOlder(page);
      if (older.length > 0) this.#touch(conversation.id);
      if (conversation.log.from < from) return older.length;
    }
    return 0;
  }

  /** Where the log stands, when nothing is known of the conversation yet. */
  async locate(conversation: Conversation): Promise<void> {
    if (conversation.started) return;
    const { epoch, head_seq } = await this.#http.request<EventPage>(`/api/chats/${conversation.id}/events`, {
      query: { limit: 1 },
    });
    conversation.startAt(epoch, head_seq);
  }

  markRead(conversation: Conversation, seq: number): void {
    if (seq <= conversation.readSeq) return;
    conversation.readMark = seq;
    this.reads.mark(conversation.id, seq);
    this.#events.rows([conversation.id], []);
  }

  typing(chatId: string): void {
    this.#sendFor(chatId, { t: 'typing', chat_id: chatId });
  }

  // Routes

  pick(chatId: string, current: string | null): string | null {
    if (current !== null && this.#link(current)?.isOpen) return current;
    if (this.#rooms.get(chatId)?.link.isOpen) return chatId;
    return this.#inbox.isOpen ? INBOX : null;
  }

  send(route: string, frame: Parameters<Link['send']>[0]): void {
    this.#link(route)?.send(frame);
  }

  bufferedAmount(route: string): number {
    return this.#link(route)?.bufferedAmount ?? 0;
  }

  restart(route: string, reason: string): void {
    this.#link(route)?.restart(reason);
  }

  #link(route: string): Link | undefined {
    return route === INBOX ? this.#inbox : this.#rooms.get(route)?.link;
  }

  #sendFor(chatId: string, frame: Parameters<Link['send']>[0]): boolean {
    const route = this.pick(chatId, null);
    if (route !== null) this.send(route, frame);
    return route !== null;
  }

  // What comes in

  #receive(route: string, frames: readonly ServerFrame[], size: number): void {
    for (const frame of frames) this.#frame(route, frame, size / frames.length);
  }

  #frame(route: string, frame: ServerFrame, size: number): void {
    switch (frame.t) {
      case 'events':
        this.#eventsFrame(route, frame, size);
        break;
      case 'ack':
        this.delivery.acked(frame);
        this.#checkGap(this.conversation(frame.chat_id));
        break;
      case 'inbox':
        this.list.frame(frame);
        break;
      case 'receipt':
        this.#receipt(frame.chat_id, frame.user_id, frame);
        break;
      case 'lag': {
        const conversation = this.conversation(frame.chat_id);
        conversation.hint(frame.head_seq);
        this.#confirmations.flush(route);
        this.#repairs.lag(route, conversation);
        break;
      }
      case 'typing':
        this.#events.typing(frame.chat_id, frame.user_id);
        break;
      case 'presence': {
        const { user_id, state, last_seen } = frame;
        this.#events.presence({ user_id, state, last_seen });
        break;
      }
      case 'error':
        if (this.delivery.refused(frame) || this.#repairs.refused(route, frame)) break;
        this.#events.fault(new TidelineError(frame.code, frame.message, { retryAfter: frame.retry_after }));
        break;
      case 'authed':
        break;
      // A newer server says what this client does not know yet.
      default:
        break;
    }
  }

  #eventsFrame(route: string, frame: EventsFrame, size: number): void {
    const { chat_id, epoch, head_seq, events: items, holes, reset } = frame;
    this.#apply(chat_id, { epoch, head_seq, items, holes, reset });
    if (items.length > 0) this.#confirmations.received(route, chat_id, items.length, size);
    if (frame.has_more !== undefined) this.#repairs.answered(route, chat_id, frame.has_more);
  }

  #apply(chatId: string, page: LogPage): void {
    const conversation = this.conversation(chatId);
    const before = conversation.log.upto;
    const { reset, events, messages, arrived } = conversation.apply(page);
    for (const { client_id, seq, created_at } of arrived) this.delivery.arrived(client_id, seq, created_at);
    if (reset) this.#events.reset(chatId);
    if (events.length > 0) this.#events.events(chatId, events);
    if (messages.length > 0) {
      this.#events.messages(chatId, messages);
      // The row follows with the inbox; what it shows changes now.
      if (conversation.row !== undefined) this.#events.rows([chatId], []);
    }
    if (reset || messages.length > 0 || arrived.length > 0) this.#touch(chatId);
    if (conversation.log.upto !== before) this.#confirmations.advanced(chatId);
    this.#checkGap(conversation);
  }

  #checkGap(conversation: Conversation): void {
    if (this.#state !== 'offline') this.#repairs.check(conversation);
  }

  #receipt(chatId: string, userId: string, marks: Watermarks): void {
    const conversation = this.conversation(chatId);
    if (userId === this.#session.user?.id) this.reads.confirmed(chatId, marks.read_seq);
    if (!conversation.receipt(userId, marks)) return;
    this.#events.receipt(chatId, userId, conversation.receipts.get(userId) ?? marks);
    if (userId === this.#session.user?.id && conversation.row !== undefined) this.#events.rows([chatId], []);
  }

  #rowsChanged({ changed, gone, kind }: ListDelta): void {
    for (const row of changed) {
      const conversation = this.conversation(row.id);
      conversation.row = row;
      conversation.gone = undefined;
      if (kind === 'cached') continue;
      this.reads.confirmed(row.id, row.read_seq);
      if (!conversation.started) {
        // In a snapshot, what is unread is shown as such; in a conversation that came up just now it is news.
        const news = Math.max(row.read_seq, row.visible_from - 1);
        conversation.startAt(row.epoch, kind === 'snapshot' ? row.head_seq : news);
      }
      if (row.epoch !== conversation.log.epoch) {
        this.#apply(row.id, { epoch: row.epoch, head_seq: row.head_seq, items: [] });
      }
      conversation.hint(row.head_seq);
      this.#checkGap(conversation);
    }
    this.#events.rows(
      changed.map((row) => row.id),
      gone,
    );
    for (const { chat_id, reason } of gone) {
      const conversation = this.conversation(chat_id);
      conversation.row = undefined;
      this.#gone(conversation, reason);
    }
  }

  #gone(conversation: Conversation, reason: GoneReason): void {
    const told = conversation.gone !== undefined;
    conversation.gone = reason;
    this.closeRoom(conversation.id);
    this.reads.forget(conversation.id);
    if (!told) this.#events.gone(conversation.id, reason);
  }

  // Connections

  async #inboxOpened(): Promise<void> {
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    this.list.hold();
    this.delivery.pump();
    this.reads.resume();
    try {
      await this.list.sync(signal);
      if (!signal.aborted) this.#become('online');
    } catch (error) {
      if (signal.aborted) return;
      this.#events.fault(error instanceof Error ? error : new Error(String(error)));
      this.#inbox.restart('The sync failed');
    }
  }

  #lost(route: string): void {
    this.#confirmations.lost(route);
    this.#repairs.lost(route);
    this.delivery.lost(route);
    // What was on it goes on over the other connection, if there is one.
    if (this.#state !== 'offline') this.delivery.pump();
  }

  #planRenewal(wait: number): void {
    this.#cancelRenewal = this.#environment.clock.after(wait, () => {
      this.#session.token({ fresh: true }).catch((error: unknown) => {
        if (this.#state === 'offline' || this.#session.user === null) return;
        this.#events.fault(error instanceof Error ? error : new Error(String(error)));
        this.#planRenewal(5_000);
      });
    });
  }

  *#positions(): Iterable<readonly [string, number]> {
    const followed = [...this.#conversations.values()].filter((held) => held.started && held.gone === undefined);
    followed.sort((a, b) => Number(b.onScreen) - Number(a.onScreen) || activity(b).localeCompare(activity(a)));
    for (const conversation of followed) yield [conversation.id, conversation.log.upto];
  }

  #localChanged(message: LocalMessage): void {
    this.#events.local(message);
    this.#touch(message.chat_id);
  }

  /** Says once for a whole turn that a conversation's lines have changed. */
  #touch(chatId: string): void {
    if (this.#dirty.size === 0) {
      queueMicrotask(() => {
        const dirty = this.#dirty;
        this.#dirty = new Set();
        for (const id of dirty) this.#events.timeline(id);
      });
    }
    this.#dirty.add(chatId);
  }

  #become(state: ConnectionState, error?: Error): void {
    if (this.#state === state && error === undefined) return;
    this.#state = state;
    this.#events.connection(state, error);
  }

  async #fetchEvents(chatId: string, after: number, limit: number): Promise<EventPage> {
    return this.#http.request<EventPage>(`/api/chats/${chatId}/events`, { query: { after, limit } });
  }
}

const activity = (conversation: Conversation): string => activityOf(conversation.row);

/** When something last happened, for the order of the list. */
export const activityOf = (row: ChatListItem | undefined): string =>
  row?.last_message?.created_at ?? row?.updated_at ?? '';
