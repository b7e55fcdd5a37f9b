import type { ClientFrame, ServerFrame } from '../../src/protocol/frames.ts';
import type { Routes } from './delivery.ts';
import type { Runtime } from './environment.ts';
import { TidelineError } from './errors.ts';
import { Link, type SocketAuthority } from './link.ts';

/** Name of the inbox's connection; a conversation's own connection has the conversation's id. */
export const INBOX = 'inbox';

/**
 * After an absence up to this long, in ms, the new connection itself brings what changed in the list, and nothing is asked
 * for over REST: a cut or a restart of the server. After a longer one a sync brings rows and events at once.
 */
const BRIEF = 60_000;
/** After so long without a frame, in ms, it is asked whether there is really nothing new, when somebody looks. */
const SILENT = 30_000;

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

export interface ConnectionEvents {
  opened(route: string): void;
  /** Frames of one message, and the message's length in characters. */
  frames(route: string, frames: readonly ServerFrame[], size: number): void;
  /** It ended, and with it what was on it. No error: it was closed from here. */
  lost(route: string, error?: Error): void;
  /** The server refused it for good. */
  refused(route: string, error: TidelineError): void;
}

/** From where connections go on. */
export interface Positions {
  /** The last seq held of a conversation; null when nothing is. */
  upto(chatId: string): number | null;
  /** Up to where the list is in step; null before its first sync. */
  cursor(): string | null;
}

/** The inbox's connection and those of the conversations on screen, by name. */
export class Connections implements Routes {
  readonly #environment: Runtime;
  readonly #authority: SocketAuthority;
  readonly #base: string;
  readonly #positions: Positions;
  readonly #events: ConnectionEvents;
  readonly #inbox: Link;
  readonly #rooms = new Map<string, Room>();
  #running = false;
  #replays = false;
  /** When the inbox's connection was lost, while it is not back. */
  #lostAt: number | undefined;

  constructor(
    environment: Runtime,
    authority: SocketAuthority,
    base: string,
    positions: Positions,
    events: ConnectionEvents,
  ) {
    this.#environment = environment;
    this.#authority = authority;
    this.#base = base.replace(/^http/, 'ws');
    this.#positions = positions;
    this.#events = events;
    const inboxUrl = (resumed: boolean) => {
      const brief = this.#lostAt !== undefined && environment.clock.steady() - this.#lostAt <= BRIEF;
      const cursor = resumed || brief ? positions.cursor() : null;
      this.#replays = cursor !== null;
      return `${this.#base}/api/ws${cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`}`;
    };
    this.#inbox = new Link(environment, authority, inboxUrl, {
      open: () => {
        this.#lostAt = undefined;
        events.opened(INBOX);
      },
      frames: (frames, size) => events.frames(INBOX, frames, size),
      down: (error) => {
        this.#lostAt ??= environment.clock.steady();
        events.lost(INBOX, error);
      },
      refused: (error) => {
        events.lost(INBOX);
        events.refused(INBOX, error);
      },
    });
  }

  get inboxOpen(): boolean {
    return this.#inbox.isOpen;
  }

  /** The inbox's connection is open, and nothing has come on it for a while. */
  get silent(): boolean {
    return this.#inbox.isOpen && this.#inbox.silentFor >= SILENT;
  }

  /** The connection was opened with a resume token. */
  resumed(route: string): boolean {
    return this.#link(route)?.resumed ?? false;
  }

  /** The inbox's connection begins with what changed in the list: nothing needs to be asked for. */
  get replays(): boolean {
    return this.#replays;
  }

  start(): void {
    this.#running = true;
    this.#inbox.start();
    for (const { link } of this.#rooms.values()) link.start();
  }

  stop(): void {
    this.#running = false;
    this.#inbox.stop();
    this.#lostAt = undefined;
    this.#events.lost(INBOX);
    for (const [chatId, { link }] of this.#rooms) {
      link.stop();
      this.#events.lost(chatId);
    }
  }

  /** The network is back: no more waiting. */
  kick(): void {
    this.#inbox.kick();
    for (const { link } of this.#rooms.values()) link.kick();
  }

  /** Hands an access token to what is open, and gives up what does not answer. */
  authorise(token: string): void {
    this.#inbox.authorise(token);
    for (const { link } of this.#rooms.values()) link.authorise(token);
  }

  /** Opens the conversation's own connection. Resolves when it is there; rejects when the next attempt fails. */
  openRoom(chatId: string): Promise<void> {
    const room = this.#rooms.get(chatId) ?? this.#makeRoom(chatId);
    if (room.link.isOpen) return Promise.resolve();
    const opened = new Promise<void>((resolve, reject) => room.waiting.push({ resolve, reject }));
    if (this.#running) room.link.start();
    else settle(room, new TidelineError('unavailable', 'Not connected: call client.connect() first'));
    return opened;
  }

  closeRoom(chatId: string): void {
    const room = this.#rooms.get(chatId);
    if (room === undefined) return;
    this.#rooms.delete(chatId);
    room.link.stop();
    settle(room, new TidelineError('conflict', 'The conversation was closed again'));
    this.#events.lost(chatId);
  }

  closeRooms(): void {
    for (const chatId of [...this.#rooms.keys()]) this.closeRoom(chatId);
  }

  pick(chatId: string, current: string | null): string | null {
    if (current !== null && this.#link(current)?.isOpen) return current;
    if (this.#rooms.get(chatId)?.link.isOpen) return chatId;
    return this.#inbox.isOpen ? INBOX : null;
  }

  send(route: string, frame: ClientFrame): void {
    this.#link(route)?.send(frame);
  }

  /** Sends on the conversation's connection, or the inbox's. False: there is none. */
  sendFor(chatId: string, frame: ClientFrame): boolean {
    const route = this.pick(chatId, null);
    if (route !== null) this.send(route, frame);
    return route !== null;
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

  #makeRoom(chatId: string): Room {
    const url = () => {
      const position = this.#positions.upto(chatId);
      return `${this.#base}/api/chats/${chatId}/ws${position === null ? '' : `?after=${position}`}`;
    };
    const link = new Link(this.#environment, this.#authority, url, {
      open: () => {
        settle(room);
        this.#events.opened(chatId);
      },
      frames: (frames, size) => this.#events.frames(chatId, frames, size),
      down: (error) => {
        this.#events.lost(chatId, error);
        settle(room, error);
      },
      refused: (error) => {
        settle(room, error);
        this.closeRoom(chatId);
        this.#events.refused(chatId, error);
      },
    });
    const room: Room = { link, waiting: [] };
    this.#rooms.set(chatId, room);
    return room;
  }
}
