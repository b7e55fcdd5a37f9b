import { z } from 'zod';
import type { CloseReason } from '../protocol/errors.ts';
import { ClientSocket, SocketState, takenOver } from '../wire/client-socket.ts';
import type { Identity } from './api.ts';

const DeviceState = SocketState.extend({ pos: z.number(), away: z.boolean().default(false) });

/** Bytes of events that may be unconfirmed on one socket. */
const CREDIT = 1024 * 1024;

/** One device socket of the user, and its credit. */
export class Device extends ClientSocket {
  /** Position in the timeline up to which this socket was sent changes before it fell behind. */
  pos: number;
  /** Its user has left it alone for a while, as it says. */
  away = false;
  #unconfirmed: { chatId: string; head: number; bytes: number }[] = [];
  #bytes = 0;

  constructor(socket: WebSocket, identity: Identity, pos: number, lagging = false) {
    super(socket, identity, lagging);
    this.pos = pos;
  }

  override state(): z.infer<typeof DeviceState> {
    return { ...super.state(), pos: this.pos, away: this.away };
  }

  /** Counts events that go out. false: the credit is used up, and they must not. */
  spend(chatId: string, head: number, bytes: number): boolean {
    if (this.#bytes + bytes > CREDIT && this.#bytes > 0) return false;
    this.#unconfirmed.push({ chatId, head, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** The client holds this conversation up to `seq`. Returns whether a lagging socket has room again. */
  confirm(chatId: string, seq: number): boolean {
    this.#unconfirmed = this.#unconfirmed.filter((sent) => {
      const confirmed = sent.chatId === chatId && sent.head <= seq;
      if (confirmed) this.#bytes -= sent.bytes;
      return !confirmed;
    });
    return this.lagging && this.#bytes <= CREDIT / 2;
  }
}

/** The device sockets of one user. */
export class Devices {
  readonly #all = new Map<WebSocket, Device>();

  constructor(open: WebSocket[]) {
    for (const [socket, { v: _, lagging, pos, away, ...identity }] of takenOver(open, DeviceState)) {
      const device = new Device(socket, identity, pos, lagging);
      device.away = away;
      this.#all.set(socket, device);
    }
  }

  get size(): number {
    return this.#all.size;
  }

  /** Somebody is at one of them. */
  get awake(): boolean {
    return [...this.#all.values()].some((device) => !device.away);
  }

  add(device: Device): void {
    device.save();
    this.#all.set(device.socket, device);
  }

  get(socket: WebSocket): Device | undefined {
    return this.#all.get(socket);
  }

  delete(socket: WebSocket): void {
    this.#all.delete(socket);
  }

  /** Devices whose token has not ended; the others are closed. */
  live(now: number): Device[] {
    this.end((device) => device.identity.expires_at <= now, 'token_expired');
    return [...this.#all.values()];
  }

  end(matches: (device: Device) => boolean, reason: CloseReason): void {
    for (const device of [...this.#all.values()]) {
      if (!matches(device)) continue;
      this.#all.delete(device.socket);
      device.close(reason);
    }
  }
}
