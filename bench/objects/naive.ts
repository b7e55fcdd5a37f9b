import { DurableObject } from 'cloudflare:workers';
import { type BareEnv, door } from './door.ts';
import { historyPage } from './history.ts';
import { type BareFrame, INSERT, SCHEMA } from './row.ts';

/**
 * The room that one writes first: parse, insert, acknowledge, then one frame per message and socket.
 * No sign-in, no members, no receipts, no presence. It is what Tideline's figures are compared with.
 */
export class Room extends DurableObject<BareEnv> {
  #head = -1;

  override async fetch(request: Request): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    // A pair's sender needs no copy of what it sent.
    this.ctx.acceptWebSocket(server, new URL(request.url).searchParams.get('echo') === '0' ? ['no-echo'] : []);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, text: string): void {
    const sql = this.ctx.storage.sql;
    if (this.#head < 0) {
      // On the first message, not at the first connection: an idle object writes nothing.
      sql.exec(SCHEMA);
      this.#head = sql.exec<{ head: number }>('SELECT coalesce(max(seq), 0) AS head FROM messages').one().head;
    }
    const frame = JSON.parse(text) as BareFrame;
    if (frame.t === 'pull') {
      socket.send(historyPage(sql, frame.after, frame.limit));
      return;
    }
    const seq = this.#head + 1;
    const at = Date.now();
    const { rowsWritten } = sql.exec(INSERT, seq, frame.client_id, frame.content, at);
    if (rowsWritten === 0) {
      socket.send(JSON.stringify({ t: 'error', code: 'duplicate', client_id: frame.client_id }));
      return;
    }
    this.#head = seq;
    socket.send(JSON.stringify({ t: 'ack', client_id: frame.client_id, seq }));
    const message = JSON.stringify({ t: 'message', seq, client_id: frame.client_id, content: frame.content, at });
    const echo = this.ctx.getTags(socket).length === 0;
    for (const other of this.ctx.getWebSockets()) if (echo || other !== socket) other.send(message);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }
}

export default door;
