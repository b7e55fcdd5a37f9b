import type { Clock } from './environment.ts';

/** Confirmed at once when this much of a conversation has come on one connection… */
const EVENTS = 64;
const SIZE = 64 * 1024;
/** …and otherwise after this long, ms. */
const IDLE = 150;

interface Unconfirmed {
  events: number;
  size: number;
}

export interface ConfirmationPorts {
  /** Everything up to this seq is held. */
  upto(chatId: string): number;
  /** Puts `got` on the connection. */
  confirm(route: string, chatId: string, seq: number): void;
}

/**
 * Tells the server how far a connection has been read: its credit. Coalesced; a conversation in which something is
 * missing is confirmed when the gap is closed.
 */
export class Confirmations {
  readonly #clock: Clock;
  readonly #ports: ConfirmationPorts;
  /** By connection and conversation. */
  readonly #unconfirmed = new Map<string, Map<string, Unconfirmed>>();
  readonly #confirmed = new Map<string, Map<string, number>>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, ports: ConfirmationPorts) {
    this.#clock = clock;
    this.#ports = ports;
  }

  /** Events came on a connection. */
  received(route: string, chatId: string, events: number, size: number): void {
    const chats = getOr(this.#unconfirmed, route, () => new Map<string, Unconfirmed>());
    const count = getOr(chats, chatId, () => ({ events: 0, size: 0 }));
    count.events += events;
    count.size += size;
    if (count.events >= EVENTS || count.size >= SIZE) this.#confirm(route, chatId);
    if (chats.size > 0) this.#later();
  }

  /** A gap was closed: what waited for it can be confirmed. */
  advanced(chatId: string): void {
    for (const chats of this.#unconfirmed.values()) if (chats.has(chatId)) this.#later();
  }

  /** Confirms even if nothing is new since the last time: the answer to a `lag`. */
  force(route: string, chatId: string): void {
    this.#confirmed.get(route)?.delete(chatId);
    getOr(this.#unconfirmed, route, () => new Map<string, Unconfirmed>()).set(chatId, { events: 0, size: 0 });
    this.#confirm(route, chatId);
  }

  /** Confirms on this connection what waits. */
  flush(route: string): void {
    for (const chatId of [...(this.#unconfirmed.get(route)?.keys() ?? [])]) this.#confirm(route, chatId);
  }

  /** The connection ended, and its credit with it. */
  lost(route: string): void {
    this.#unconfirmed.delete(route);
    this.#confirmed.delete(route);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#unconfirmed.clear();
    this.#confirmed.clear();
  }

  #later(): void {
    this.#cancel ??= this.#clock.after(IDLE, () => {
      this.#cancel = undefined;
      for (const [route, chats] of this.#unconfirmed)
        for (const chatId of [...chats.keys()]) this.#confirm(route, chatId);
    });
  }

  #confirm(route: string, chatId: string): void {
    const seq = this.#ports.upto(chatId);
    const confirmed = getOr(this.#confirmed, route, () => new Map<string, number>());
    if (seq <= (confirmed.get(chatId) ?? 0)) return;
    confirmed.set(chatId, seq);
    this.#unconfirmed.get(route)?.delete(chatId);
    this.#ports.confirm(route, chatId, seq);
  }
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const held = map.get(key);
  if (held !== undefined) return held;
  const made = make();
  map.set(key, made);
  return made;
}
