import { pool, range, until } from '../lib/async.ts';
import { Connection, SendTemplate } from '../lib/connection.ts';
import { userId } from './counts.ts';
import type { ObservedServer } from './server.ts';

/** Members named in one call: more than the API takes, for each call is an event of which everybody is told. */
const MEMBERS_PER_CALL = 10_000;
const OPENED_AT_ONCE = 20;
const SENDERS = 4;
const IN_FLIGHT = 20;
/** Bytes after which a client that does not confirm otherwise confirms what it got. */
const CONFIRM_BYTES = 64 * 1024;
/** As the SDK has it: how long after events it confirms them, in ms. */
const CONFIRM_MS = 150;

export interface CrowdPlan {
  /** Number of the group: no two have objects in common. */
  group: number;
  type: 'Single' | 'Group';
  members: number;
  /** So many of the members, the first ones, have a device on their inbox. */
  online: number;
  /** Inboxes of all members but the first so many answer without being called. */
  real: number;
  /** The first so many members are in the room, on sockets of it. */
  inRoom: number;
  /** What clients do with events: nothing; confirm them as the SDK does; or that, and those in the room read them. */
  clients: 'silent' | 'confirming' | 'reading';
}

let lastId = 0;

/** A conversation with its people, as far as they have sockets. */
export class Crowd {
  readonly plan: CrowdPlan;
  readonly chat: string;
  /** Sockets of the room, or of its relays. */
  readonly inRoom: Connection[] = [];
  /** Sockets of inboxes. */
  readonly inInbox: Connection[] = [];
  /** Frames of events that the first one in the room has got: a frame is a batch. */
  batches = 0;
  readonly #server: ObservedServer;
  readonly #template: SendTemplate;
  #sent = 0;

  private constructor(server: ObservedServer, plan: CrowdPlan, chat: string) {
    this.#server = server;
    this.plan = plan;
    this.chat = chat;
    this.#template = new SendTemplate((client_id, content) => ({
      t: 'send',
      client_id,
      chat_id: chat,
      kind: 'text',
      content,
    }));
  }

  /** Makes the conversation; its sockets are opened by `open`, once everybody has heard of it. */
  static async gather(server: ObservedServer, plan: CrowdPlan): Promise<Crowd> {
    const { group, type, members, online, real } = plan;
    const chat = await server.newChat(group, { real, online });
    const ids = range(members).map((index) => userId(group, index));
    const [owner = ''] = ids;
    await server.room(chat, 'create', {
      chat_id: chat,
      type,
      name: type === 'Single' ? null : `${members} members`,
      workspace_id: null,
      created_by: owner,
      members: ids.slice(0, MEMBERS_PER_CALL),
      history: 'all',
    });
    for (let from = MEMBERS_PER_CALL; from < members; from += MEMBERS_PER_CALL) {
      await server.room(chat, 'addMembers', owner, ids.slice(from, from + MEMBERS_PER_CALL));
    }
    return new Crowd(server, plan, chat);
  }

  async open(): Promise<void> {
    const { group, online, real, inRoom } = this.plan;
    const id = (index: number) => userId(group, index);
    await this.#openAll(range(Math.min(real, online)).map(id), this.inInbox, { path: '/api/ws', ready: 'inbox' });
    const after = await this.#head(id(0));
    const path = `/api/chats/${this.chat}/ws?after=${after}`;
    await this.#openAll(range(inRoom).map(id), this.inRoom, { path, chat: this.chat, after, ready: 'events' });
    for (const connection of this.inInbox) this.#receive(connection, false);
    for (const connection of this.inRoom) this.#receive(connection, true);
  }

  async #head(member: string): Promise<number> {
    const [token] = await this.#server.tokens([member]);
    const path = `/api/chats/${this.chat}`;
    return (await this.#server.http.json<{ head_seq: number }>([200], 'GET', path, token)).head_seq;
  }

  async #openAll(
    users: string[],
    into: Connection[],
    how: { path: string; chat?: string; after?: number; ready: 'events' | 'inbox' },
  ): Promise<void> {
    const { port } = this.#server;
    const confirmBytes = how.chat === undefined ? 0 : CONFIRM_BYTES;
    const opened = await pool(await this.#server.tokens(users), OPENED_AT_ONCE, (token) =>
      Connection.open({ port, protocols: ['tideline.v1', `bearer.${token}`], confirmBytes, ...how }),
    );
    into.push(...opened);
  }

  /** What a client does when events come. */
  #receive(connection: Connection, inRoom: boolean): void {
    const { clients } = this.plan;
    const first = connection === this.inRoom[0];
    let waiting = false;
    connection.onEvents = () => {
      if (first) this.batches += 1;
      if (clients === 'silent' || waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        const seq = connection.headSeq;
        connection.sendFrame({ t: 'got', chat_id: this.chat, seq });
        if (clients === 'reading' && inRoom) connection.sendFrame({ t: 'read', chat_id: this.chat, seq });
      }, CONFIRM_MS);
    };
  }

  #nextSender(): Connection {
    const sender = this.inRoom[this.#sent++ % Math.min(SENDERS, this.inRoom.length)];
    if (sender === undefined) throw new Error('nobody is in the room');
    return sender;
  }

  get #acknowledged(): number {
    return this.inRoom.reduce((sum, { acks }) => sum + acks, 0);
  }

  /** Sends `count` messages, one every `ms`. Resolves when they are acknowledged. */
  async stream(count: number, ms: number): Promise<void> {
    const before = this.#acknowledged;
    await every(ms, count, () => this.#nextSender().send(this.#template, ++lastId));
    await this.#untilAcknowledged(before + count);
  }

  /** Sends `count` messages as fast as the room takes them: four senders with 20 in flight each. */
  async burst(count: number): Promise<void> {
    const senders = this.inRoom.slice(0, SENDERS);
    const before = this.#acknowledged;
    let sent = 0;
    const step = (sender: Connection) => {
      if (sent === count) return;
      sent += 1;
      sender.send(this.#template, ++lastId);
    };
    for (const sender of senders) sender.onAck = () => step(sender);
    for (const sender of senders) for (let k = 0; k < IN_FLIGHT; k++) step(sender);
    await this.#untilAcknowledged(before + count);
    for (const sender of senders) sender.onAck = undefined;
  }

  /** Says so many times that somebody is typing, once every `ms`. */
  type(count: number, ms: number): Promise<void> {
    return every(ms, count, () => this.#nextSender().sendFrame({ t: 'typing', chat_id: this.chat }));
  }

  async #untilAcknowledged(count: number): Promise<void> {
    if (await until(() => this.#acknowledged >= count, 60_000)) return;
    throw new Error(`only ${this.#acknowledged} of ${count} messages were acknowledged in ${this.chat}`);
  }

  close(): void {
    for (const connection of [...this.inRoom, ...this.inInbox]) connection.close();
  }
}

function every(ms: number, count: number, act: () => void): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const next = () => {
      act();
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(next, ms);
    next();
  });
}
