import type { EventPage } from '../../src/protocol/events.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { Archive } from './archive.ts';
import { Confirmations } from './confirmations.ts';
import { Connections, INBOX } from './connections.ts';
import type { Conversation } from './conversation.ts';
import { Delivery } from './delivery.ts';
import type { Runtime } from './environment.ts';
import { asError, type TidelineError } from './errors.ts';
import type { Http } from './http.ts';
import { Intake, type IntakeEvents } from './intake.ts';
import { List } from './list.ts';
import type { LocalMessage } from './message.ts';
import { ReadMarks } from './reads.ts';
import { Repairs } from './repairs.ts';
import type { Session } from './session.ts';
import type { StorageAdapter } from './storage.ts';

/** A renewal of the token that failed is tried again after this long, ms. */
const RENEW_AGAIN = 5_000;
/** A socket that was opened with a resume token is renewed at a moment between these, ms: many come back at once. */
const RENEW_RESUMED = { from: 20_000, to: 600_000 };

export type ConnectionState = 'offline' | 'connecting' | 'online';

export interface EngineEvents extends IntakeEvents {
  connection(state: ConnectionState, error: Error | undefined): void;
  local(message: LocalMessage): void;
  /** The server closed the connection of the whole session for good. */
  refused(error: TidelineError): void;
}

/** Puts the parts together, and drives them through the life of a connection. `client.ts` and `chat.ts` are its face. */
export class Engine {
  readonly #environment: Runtime;
  readonly #http: Http;
  readonly #session: Session;
  readonly #events: EngineEvents;
  readonly #connections: Connections;
  readonly #intake: Intake;
  readonly #repairs: Repairs;
  readonly #confirmations: Confirmations;
  readonly #reads: ReadMarks;
  readonly delivery: Delivery;
  readonly list: List;
  readonly archive: Archive;
  #state: ConnectionState = 'offline';
  #away = false;
  /** Aborts with the inbox's connection. */
  #connection = new AbortController();
  #cancelRenewal: (() => void) | undefined;

  constructor(
    environment: Runtime,
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
    const { clock } = environment;
    const fault = (error: Error) => events.fault(error);

    const positions = {
      upto: (chatId: string) => {
        const { started, log } = this.conversation(chatId);
        return started ? log.upto : null;
      },
      cursor: () => this.list.cursor,
    };
    this.archive = new Archive(clock, storage, fault);
    const connections = new Connections(environment, session, base, positions, {
      opened: (route) => this.#opened(route),
      frames: (route, frames, size) => this.#intake.receive(route, frames, size),
      lost: (route, error) => this.#lost(route, error),
      refused: (route, error) => this.#refused(route, error),
    });
    this.#connections = connections;
    this.#intake = new Intake(
      events,
      {
        userId: () => session.user?.id,
        refill: (conversation) => this.#refill(conversation),
        close: (chatId) => this.closeRoom(chatId),
        resume: (frame) => void session.keepResume(frame),
      },
      () => ({
        delivery: this.delivery,
        reads: this.#reads,
        list: this.list,
        archive: this.archive,
        confirmations: this.#confirmations,
        repairs: this.#repairs,
      }),
    );
    this.delivery = new Delivery(clock, storage, connections, {
      conversation: (chatId) => this.conversation(chatId),
      changed: (message) => {
        events.local(message);
        this.#intake.touch(message.chat_id);
      },
      fault,
    });
    this.#reads = new ReadMarks(clock, storage, {
      send: (chatId, seq) => connections.sendFor(chatId, { t: 'read', chat_id: chatId, seq }),
      fault,
    });
    this.list = new List(environment, http, storage, {
      positions: () => this.#intake.positions(),
      events: (chatId, page) => this.#intake.apply(chatId, page),
      changed: (delta) => this.#intake.rowsChanged(delta),
      fault,
    });
    this.#confirmations = new Confirmations(clock, {
      upto: (chatId) => this.conversation(chatId).log.upto,
      confirm: (route, chatId, seq) => connections.send(route, { t: 'got', chat_id: chatId, seq }),
    });
    this.#repairs = new Repairs(environment, {
      route: (chatId) => connections.pick(chatId, null),
      pull: (route, chatId, after, limit) => connections.send(route, { t: 'pull', chat_id: chatId, after, limit }),
      restart: (route, reason) => connections.restart(route, reason),
      fetch: (chatId, after, limit) => this.#fetchEvents(chatId, after, limit),
      apply: (chatId, page) => this.#intake.apply(chatId, page),
      caughtUp: (route, chatId) => this.#confirmations.force(route, chatId),
      fault,
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  conversation(chatId: string): Conversation {
    return this.#intake.conversation(chatId);
  }

  /** Takes up what storage holds of this user. */
  async load(user: string): Promise<void> {
    this.archive.load(user);
    await this.list.load(user);
    for (const [chatId, seq] of await this.#reads.load(user)) this.conversation(chatId).readMark = seq;
    await this.delivery.load(user);
  }

  connect(): void {
    if (this.#state !== 'offline') return;
    this.#become('connecting');
    this.#repairs.start();
    this.#connections.start();
    this.#planRenewal(this.#session.renewIn);
  }

  disconnect(error?: Error): void {
    this.#planRenewal(null);
    this.#repairs.stop();
    this.#connections.stop();
    this.#confirmations.stop();
    this.#reads.stop();
    this.delivery.stop();
    this.#become('offline', error);
  }

  /** Somebody looks, or the network is back: no more waiting, and no trust in silence. */
  kick(): void {
    this.#connections.kick();
    if (this.#connections.silent) this.#renewSockets();
  }

  /** Forgets the user: nothing of theirs stays in memory. */
  clear(): void {
    this.disconnect();
    this.#connections.closeRooms();
    this.list.clear();
    this.delivery.clear();
    this.archive.clear();
    this.#reads.clear();
    this.#intake.clear();
  }

  /** There is a new access token: open sockets get it, and the next renewal is planned. */
  tokenRenewed(token: string): void {
    this.#connections.authorise(token);
    if (this.#state !== 'offline') this.#planRenewal(this.#session.renewIn);
  }

  /** Opens the conversation's own connection. Resolves when it is there; rejects when the next attempt fails. */
  openRoom(chatId: string): Promise<void> {
    this.conversation(chatId).onScreen = true;
    return this.#connections.openRoom(chatId);
  }

  closeRoom(chatId: string): void {
    const conversation = this.conversation(chatId);
    conversation.onScreen = false;
    conversation.trim();
    this.#connections.closeRoom(chatId);
  }

  /** Puts what is stored of the conversation before what is held, and keeps it from now on. */
  async restore(conversation: Conversation): Promise<void> {
    const { from } = conversation.log;
    await this.archive.restore(conversation);
    if (conversation.log.from !== from || conversation.events.length > 0) this.#intake.touch(conversation.id);
  }

  /** Brings up to `limit` events from before those held. @returns how many came */
  async loadOlder(conversation: Conversation, limit: number): Promise<number> {
    // The server may cut a page short; one that does not reach up to what is held joins on to nothing.
    for (let count = Math.min(limit, conversation.log.from); count > 0; count = Math.floor(count / 2)) {
      const { from } = conversation.log;
      const page = await this.#fetchEvents(conversation.id, Math.max(0, from - count), count);
      if (page.epoch !== conversation.log.epoch) {
        this.#intake.apply(conversation.id, { epoch: page.epoch, head_seq: page.head_seq, items: [] });
        return 0;
      }
      const older = conversation.applyOlder(page);
      if (older.length > 0) {
        this.#intake.touch(conversation.id);
        this.archive.touch(conversation);
      }
      if (conversation.log.from < from) return older.length;
    }
    return 0;
  }

  /** Finds out where the log stands, when nothing is known of the conversation yet. */
  async locate(conversation: Conversation): Promise<void> {
    if (conversation.started) return;
    const { epoch, head_seq } = await this.#fetchEvents(conversation.id, 0, 1);
    conversation.startAt(epoch, head_seq);
  }

  markRead(conversation: Conversation, seq: number): void {
    if (seq <= conversation.readSeq) return;
    conversation.readMark = seq;
    this.#reads.mark(conversation.id, seq);
    this.#events.rows([conversation.id], []);
  }

  typing(chatId: string, stop = false): void {
    this.#connections.sendFor(chatId, { t: 'typing', chat_id: chatId, ...(stop ? { stop: true } : {}) });
  }

  /** Said again on each new connection: the server forgets it with the socket. */
  setAway(away: boolean): void {
    this.#away = away;
    if (this.#connections.inboxOpen) this.#sayAway();
  }

  #sayAway(): void {
    this.#connections.send(INBOX, { t: 'presence', state: this.#away ? 'away' : 'online' });
  }

  #opened(route: string): void {
    const { renewIn } = this.#session;
    const unrenewed = this.#connections.resumed(route);
    // There is a new access token since the connection was begun.
    if (unrenewed && renewIn !== 0) this.#renewSockets();
    if (route === INBOX) {
      if (this.#away) this.#sayAway();
      this.#connection = new AbortController();
      this.#planRenewal(unrenewed && renewIn === 0 ? this.#someTime() : renewIn);
      void this.#catchUp(this.#connection.signal);
    }
    this.delivery.pump(route === INBOX ? undefined : route);
    this.#reads.resume();
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    try {
      if (this.#connections.replays) {
        if (await this.list.replay(signal)) return this.#become('online');
        if (signal.aborted) return;
      } else {
        this.list.hold();
      }
      await this.list.sync(signal);
      if (!signal.aborted) this.#become('online');
    } catch (error) {
      if (signal.aborted) return;
      this.#events.fault(asError(error));
      this.#connections.restart(INBOX, 'The sync failed');
    }
  }

  #lost(route: string, error?: Error): void {
    this.#confirmations.lost(route);
    this.#repairs.lost(route);
    this.delivery.lost(route);
    if (route === INBOX) {
      this.#connection.abort();
      if (error !== undefined) this.#become('connecting', error);
    }
    // What was on it goes on over the other connection, if there is one.
    this.delivery.pump();
  }

  #refused(route: string, error: TidelineError): void {
    if (route === INBOX) {
      this.disconnect(error);
      this.#events.refused(error);
    } else if (error.code === 'not_found' || error.code === 'forbidden') {
      // The list will say why.
      this.#intake.gone(this.conversation(route), 'removed');
    }
  }

  /** A conversation on screen does not stay empty when what was held is void. */
  #refill(conversation: Conversation): void {
    this.loadOlder(conversation, LIMITS.pageDefault).catch((error: unknown) => {
      if (this.#state !== 'offline') this.#events.fault(asError(error));
    });
  }

  #planRenewal(wait: number | null): void {
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
    if (wait === null) return;
    this.#cancelRenewal = this.#environment.clock.after(wait, () => {
      // Not while the server is away: the connection comes back without, and plans the renewal then.
      if (!this.#connections.inboxOpen && this.#session.resumable) return;
      this.#session.token({ fresh: true }).catch((error: unknown) => {
        if (this.#state === 'offline' || this.#session.user === null) return;
        this.#events.fault(asError(error));
        this.#planRenewal(RENEW_AGAIN);
      });
    });
  }

  #renewSockets(): void {
    this.#session.token().then(
      (token) => this.#connections.authorise(token),
      // Signed out at this moment: the connections end.
      () => undefined,
    );
  }

  #someTime(): number {
    const { from, to } = RENEW_RESUMED;
    return from + this.#environment.random() * (to - from);
  }

  #become(state: ConnectionState, error?: Error): void {
    if (this.#state === state && error === undefined) return;
    this.#state = state;
    this.#events.connection(state, error);
  }

  #fetchEvents(chatId: string, after: number, limit: number): Promise<EventPage> {
    return this.#http.request<EventPage>(`/api/chats/${encodeURIComponent(chatId)}/events`, {
      query: { after, limit },
    });
  }
}
