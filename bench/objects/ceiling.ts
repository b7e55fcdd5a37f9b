import { DurableObject } from 'cloudflare:workers';
import { type BareEnv, door } from './door.ts';
import { historyPage } from './history.ts';
import { type BareFrame, INSERT, SCHEMA } from './row.ts';

interface Waiting {
  socket: WebSocket;
  client_id: string;
  content: string;
}

/** Pause between two flushes, in ms: long enough for every socket's input to come in. */
const pause = (sockets: number) => Math.min(20, Math.max(1, sockets * 0.05));

/**
 * The naive room with group commit and nothing else: what arrives while a batch is written and sent goes out as the next
 * batch, one frame of acks per sender and one shared frame for everybody. It shows what the runtime itself can do.
 */
export class Room extends DurableObject<BareEnv> {
  #head = -1;
  #waiting: Waiting[] = [];
  #flushing = false;

  override async fetch(request: Request): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, new URL(request.url).searchParams.get('echo') === '0' ? ['no-echo'] : []);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, text: string): Promise<void> {
    const sql = this.ctx.storage.sql;
    if (this.#head < 0) {
      sql.exec(SCHEMA);
      this.#head = sql.exec<{ head: number }>('SELECT coalesce(max(seq), 0) AS head FROM messages').one().head;
    }
    const frame = JSON.parse(text) as BareFrame;
    if (frame.t === 'pull') {
      socket.send(historyPage(sql, frame.after, frame.limit));
      return;
    }
    this.#waiting.push({ socket, client_id: frame.client_id, content: frame.content });
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      while (this.#waiting.length > 0) {
        const sockets = this.ctx.getWebSockets();
        this.#flush(sockets);
        await scheduler.wait(pause(sockets.length));
      }
    } finally {
      this.#flushing = false;
    }
  }

  #flush(sockets: WebSocket[]): void {
    const batch = this.#waiting;
    this.#waiting = [];
    const at = Date.now();
    const acks = new Map<WebSocket, { t: 'ack'; client_id: string; seq: number }[]>();
    const events: { seq: number; client_id: string; content: string; at: number }[] = [];
    for (const { socket, client_id, content } of batch) {
      const seq = this.#head + 1;
      const { rowsWritten } = this.ctx.storage.sql.exec(INSERT, seq, client_id, content, at);
      if (rowsWritten === 0) {
        socket.send(JSON.stringify({ t: 'error', code: 'duplicate', client_id }));
        continue;
      }
      this.#head = seq;
      const own = acks.get(socket);
      const ack = { t: 'ack' as const, client_id, seq };
      if (own) own.push(ack);
      else acks.set(socket, [ack]);
      events.push({ seq, client_id, content, at });
    }
    for (const [socket, list] of acks) socket.send(JSON.stringify(list));
    const shared = JSON.stringify({ t: 'events', head_seq: this.#head, events });
    const first = batch[0]?.socket;
    const skip = first && this.ctx.getTags(first).length > 0 ? first : undefined;
    for (const socket of sockets) if (socket !== skip) socket.send(shared);
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }
}

export default door;
