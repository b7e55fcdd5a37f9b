import { DurableObject } from 'cloudflare:workers';
import { type BareEnv, door } from './door.ts';
import { historyPage } from './history.ts';
import { type BareFrame, INSERT, SCHEMA } from './row.ts';

interface NaiveEnv extends BareEnv {
  ROOM: DurableObjectNamespace<Room>;
  INBOX: DurableObjectNamespace<Inbox>;
}

/** What a sender is answered, and what everybody else gets; nothing when the message was there already. */
interface Stored {
  answer: string;
  message?: string;
}

/**
 * The room that one writes first: parse, insert, acknowledge, then one frame per message and socket.
 * No sign-in, no members, no receipts, no presence. It is what Tideline's figures are compared with.
 */
export class Room extends DurableObject<NaiveEnv> {
  #head = -1;

  override async fetch(request: Request): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    // A pair's sender needs no copy of what it sent.
    this.ctx.acceptWebSocket(server, new URL(request.url).searchParams.get('echo') === '0' ? ['no-echo'] : []);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, text: string): void {
    const frame = JSON.parse(text) as BareFrame;
    this.#open();
    if (frame.t === 'pull') {
      socket.send(historyPage(this.ctx.storage.sql, frame.after, frame.limit));
      return;
    }
    const { answer, message } = this.#store(frame);
    socket.send(answer);
    if (message === undefined) return;
    const echo = this.ctx.getTags(socket).length === 0;
    for (const other of this.ctx.getWebSockets()) if (echo || other !== socket) other.send(message);
  }

  /** A message by way of its sender's inbox, for another's. */
  async submit(text: string, to: string): Promise<string> {
    this.#open();
    const { answer, message } = this.#store(JSON.parse(text) as SendFrame);
    if (message !== undefined) {
      this.ctx.waitUntil(this.env.INBOX.get(this.env.INBOX.idFromName(to)).deliver(message));
    }
    return answer;
  }

  /** On the first message, not at the first connection: an idle object writes nothing. */
  #open(): void {
    if (this.#head >= 0) return;
    const sql = this.ctx.storage.sql;
    sql.exec(SCHEMA);
    this.#head = sql.exec<{ head: number }>('SELECT coalesce(max(seq), 0) AS head FROM messages').one().head;
  }

  #store({ client_id, content }: SendFrame): Stored {
    const seq = this.#head + 1;
    const at = Date.now();
    const { rowsWritten } = this.ctx.storage.sql.exec(INSERT, seq, client_id, content, at);
    if (rowsWritten === 0) return { answer: JSON.stringify({ t: 'error', code: 'duplicate', client_id }) };
    this.#head = seq;
    return {
      answer: JSON.stringify({ t: 'ack', client_id, seq }),
      message: JSON.stringify({ t: 'message', seq, client_id, content, at }),
    };
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }
}

type SendFrame = Extract<BareFrame, { t: 'send' }>;

/**
 * A user in front of the rooms: the shortest way of a message from device to inbox, room, inbox and device. Nothing is kept here,
 * nobody is asked who they are: what is left is what two calls between objects and one commit cost.
 */
export class Inbox extends DurableObject<NaiveEnv> {
  override async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [searchParams.get('room') ?? '', searchParams.get('to') ?? '']);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, text: string): Promise<void> {
    const [room = '', to = ''] = this.ctx.getTags(socket);
    socket.send(await this.env.ROOM.get(this.env.ROOM.idFromName(room)).submit(text, to));
  }

  async deliver(message: string): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) socket.send(message);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }
}

export default door;
