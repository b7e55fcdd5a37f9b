import { z } from 'zod';
import type { Identity } from '../inbox/api.ts';
import type { CloseReason } from '../protocol/errors.ts';
import { ClientSocket, SocketState, takenOver } from '../wire/client-socket.ts';

/** Bytes that may be under way to all sockets of a room together. */
const ROOM_BUDGET = 64 * 1024 * 1024;
const CREDIT = { min: 128 * 1024, max: 1024 * 1024 } as const;
/** Marks remembered to translate a confirmed seq into bytes, and bytes from each to the one after the next, at least. */
const MARKS = { most: 1024, apart: 2048 } as const;
/**
 * Where there are more sockets than this, the ack of a message that comes alone does not wait until the message is on its way to
 * each of them. In a batch it does: the pause to the next one counts from where all is sent.
 */
const SENT_AT_ONCE = 16;

const ConnectionState = SocketState.extend({ hushed_at: z.number().optional() });
type ConnectionState = z.infer<typeof ConnectionState>;

export class Connection extends ClientSocket {
  /** Value of the room's byte counter up to which this socket has confirmed. */
  confirmed: number;
  /** When its user's inbox was told, as the last thing, that it is told no more while this socket is here, in ms since 1970. */
  hushedAt: number | undefined;
  /** Answers that go out with the broadcast of this turn, ahead of it, or at the end of the turn. */
  answers: string[] = [];

  constructor(socket: WebSocket, identity: Identity, lagging: boolean, confirmed: number) {
    super(socket, identity, lagging);
    this.confirmed = confirmed;
  }

  override state(): ConnectionState {
    return { ...super.state(), hushed_at: this.hushedAt };
  }

  /** Sends the answers that wait, and these frames, as one message, or as few as their size allows. */
  flush(...frames: string[]): void {
    const all = [...this.answers, ...frames];
    this.answers = [];
    this.sendAll(all);
  }

  override close(reason: CloseReason): void {
    this.flush();
    super.close(reason);
  }
}

export interface ConnectionsPorts {
  /** Acts when what this turn writes is durable. */
  readonly afterCommit?: (act: () => void) => void;
  /** A socket of this user is no longer here. */
  readonly gone?: (user: string) => void;
}

/**
 * The sockets of a room and their credit. Invariant: no socket has more than its credit of broadcast bytes unconfirmed;
 * past it the socket gets one `lag` hint and nothing more until the client has pulled up to the head.
 */
export class Connections {
  readonly #all = new Map<WebSocket, Connection>();
  /** Those with answers that wait. */
  readonly #answered = new Set<Connection>();
  /** Bytes broadcast so far, per socket: the same for all, so that credit costs one comparison. */
  #sent = 0;
  #head = 0;
  /** (head, bytes) after a broadcast, ascending; the last one is that of the last broadcast. */
  #marks: { head: number; sent: number }[] = [];
  /** Sends the last broadcast to those who have not got it yet. Whatever else happens to a socket comes after it. */
  #rest: (() => void) | undefined;
  readonly #ports: ConnectionsPorts;

  /** Takes over the sockets that were open when the object slept. */
  constructor(open: WebSocket[], ports: ConnectionsPorts = {}) {
    this.#ports = ports;
    for (const [socket, { v: _, lagging, hushed_at, ...identity }] of takenOver(open, ConnectionState)) {
      const connection = new Connection(socket, identity, lagging, 0);
      connection.hushedAt = hushed_at;
      this.#all.set(socket, connection);
    }
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#all.values();
  }

  add(socket: WebSocket, identity: Identity): Connection {
    this.#settle();
    const connection = new Connection(socket, identity, false, this.#sent);
    connection.save();
    this.#all.set(socket, connection);
    return connection;
  }

  /** Sockets of a user. */
  countOf(user: string): number {
    let count = 0;
    for (const { identity } of this.#all.values()) if (identity.user_id === user) count += 1;
    return count;
  }

  /** Notes at the user's sockets, which outlast this object, when their inbox was told that it is told no more; undefined: it is told. */
  hush(user: string, at: number | undefined): void {
    for (const connection of this.#all.values()) {
      if (connection.identity.user_id !== user || connection.hushedAt === at) continue;
      connection.hushedAt = at;
      connection.save();
    }
  }

  /** The connection of a socket on which something has come. */
  get(socket: WebSocket): Connection | undefined {
    this.#settle();
    return this.#all.get(socket);
  }

  delete(socket: WebSocket): void {
    const connection = this.#all.get(socket);
    this.#all.delete(socket);
    if (connection !== undefined) this.#ports.gone?.(connection.identity.user_id);
  }

  /** Answers what came on a socket. The caller flushes in the same turn. */
  answer(connection: Connection, frame: string): void {
    connection.answers.push(frame);
    this.#answered.add(connection);
  }

  /** Sends the answers that wait: each socket gets its own as one message. */
  flush(): void {
    for (const connection of this.#answered) connection.flush();
    this.#answered.clear();
  }

  /** Ends sockets that match. They get nothing after this call. */
  end(matches: (connection: Connection) => boolean, reason: CloseReason): void {
    this.#settle();
    for (const connection of [...this.#all.values()]) {
      if (!matches(connection)) continue;
      this.delete(connection.socket);
      connection.close(reason);
    }
  }

  /** Ends a user's sockets: of these sessions, or of all but one. */
  endSessions(
    user: string,
    { sessions, except, reason }: { sessions: string[] | 'all'; except?: string | undefined; reason: CloseReason },
  ): void {
    this.end(
      ({ identity: { user_id, session_id } }) =>
        user_id === user && (sessions === 'all' ? session_id !== except : sessions.includes(session_id)),
      reason,
    );
  }

  /** Head of the last broadcast since this object started; 0 before the first. */
  get head(): number {
    return this.#head;
  }

  /** Stops pushing to a socket and tells it to pull. */
  lag(connection: Connection, hint: string): void {
    if (connection.lagging) return;
    connection.lagging = true;
    connection.save();
    connection.send(hint);
  }

  /** A signal to everyone but one user. Signals are small and need no credit; a lagging socket does without. */
  signal(text: string, now: number, exceptUser?: string): void {
    this.#settle();
    for (const connection of this.#all.values()) {
      if (connection.lagging || connection.identity.user_id === exceptUser) continue;
      if (this.#live(connection, now)) connection.send(text);
    }
  }

  /**
   * One ready frame to every socket that has credit: first, together with their answers, to those who wait for one; where there
   * are many, to the others when that is on its way.
   */
  broadcast(text: string, head: number, now: number, lag: () => string): void {
    this.#settle();
    const credit = Math.min(CREDIT.max, Math.max(CREDIT.min, ROOM_BUDGET / Math.max(1, this.#all.size)));
    this.#sent += text.length;
    this.#head = head;
    this.#mark(head);
    const push = (connection: Connection) => {
      if (connection.lagging || !this.#live(connection, now)) return;
      if (this.#sent - connection.confirmed > credit) this.lag(connection, lag());
      else if (connection.answers.length > 0) connection.flush(text);
      else connection.send(text);
    };
    const wait = this.#all.size > SENT_AT_ONCE && this.#answersOne ? this.#ports.afterCommit : undefined;
    for (const connection of this.#answered) if (this.#all.has(connection.socket)) push(connection);
    const pushOthers = (answered: ReadonlySet<Connection>) => {
      for (const connection of this.#all.values()) if (!answered.has(connection)) push(connection);
    };
    if (wait === undefined) {
      pushOthers(this.#answered);
      return;
    }
    const answered = new Set(this.#answered);
    this.#rest = () => pushOthers(answered);
    wait(() => this.#settle());
  }

  /** Whether one answer waits, and no other. */
  get #answersOne(): boolean {
    const [connection] = this.#answered;
    return this.#answered.size === 1 && connection?.answers.length === 1;
  }

  #settle(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    rest?.();
  }

  /** The client says that it holds the log up to `seq`. */
  confirm(connection: Connection, seq: number, head: number): void {
    if (connection.lagging) {
      if (seq >= head) this.resume(connection, 0);
      return;
    }
    const sent = this.#sentAt(seq);
    if (sent > connection.confirmed) connection.confirmed = sent;
  }

  /** Live again: it was sent a page of `bytes` that ends at the head. */
  resume(connection: Connection, bytes: number): void {
    connection.confirmed = this.#sent - bytes;
    if (!connection.lagging) return;
    connection.lagging = false;
    connection.save();
  }

  #live(connection: Connection, now: number): boolean {
    if (connection.identity.expires_at > now) return true;
    this.delete(connection.socket);
    connection.close('token_expired');
    return false;
  }

  #mark(head: number): void {
    const last = this.#marks.at(-1);
    const before = this.#marks.at(-2);
    if (last !== undefined && before !== undefined && this.#sent - before.sent < MARKS.apart) {
      last.head = head;
      last.sent = this.#sent;
      return;
    }
    this.#marks.push({ head, sent: this.#sent });
    if (this.#marks.length > MARKS.most * 2) this.#marks = this.#marks.slice(-MARKS.most);
  }

  /** The byte counter when everything up to `seq` had been sent: the last mark whose head is not beyond it. */
  #sentAt(seq: number): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#marks[middle]?.head ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : (this.#marks[low - 1]?.sent ?? 0);
  }
}
