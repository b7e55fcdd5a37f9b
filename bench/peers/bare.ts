import { Connection, SendTemplate } from '../lib/connection.ts';
import type { Peer, Target } from './peer.ts';

/** The naive room or the ceiling: no users, and a room exists as soon as it is named. */
export class BarePeer implements Peer {
  target: Target;
  #rooms = 0;
  readonly #template = new SendTemplate((client_id, content) => ({ t: 'send', client_id, content }));

  constructor(target: Target) {
    this.target = target;
  }

  prepareUsers(): Promise<void> {
    return Promise.resolve();
  }

  createRoom(kind: 'group' | 'pair'): Promise<string> {
    return Promise.resolve(`${kind}-${this.#rooms++}`);
  }

  openRoom(room: string, _user: number, compressed?: boolean): Promise<Connection> {
    const path = `/rooms/${room}/ws${room.startsWith('pair') ? '?echo=0' : ''}`;
    return Connection.open({ port: this.target.port, path, confirmBytes: 0, chat: room, ready: 'upgrade', compressed });
  }

  /** The naive one only: a socket on the user's inbox, whose messages go through the room to the other user's. */
  openInbox(room: string, user: number, to: number): Promise<Connection> {
    const path = `/inboxes/user-${user}/ws?room=${room}&to=user-${to}`;
    return Connection.open({ port: this.target.port, path, confirmBytes: 0, chat: room, ready: 'upgrade' });
  }

  template(): SendTemplate {
    return this.#template;
  }

  moved(target: Target): void {
    this.target = target;
  }

  close(): void {
    // Holds nothing open.
  }
}
