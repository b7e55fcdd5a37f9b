import { DurableObject } from 'cloudflare:workers';
import { systemClock } from '../clock.ts';
import { configOf } from '../config.ts';
import { forRoom } from '../conversation/exchange.ts';
import { identityOf } from '../inbox/api.ts';
import { PING, PONG } from '../protocol/frames.ts';
import type { RelayAnswer, RelayApi, RelayBatch } from '../relay/api.ts';
import { Relay } from '../relay/relay.ts';
import { closeQuietly } from '../wire/client-socket.ts';
import { floods } from '../wire/flood.ts';
import { parseFrames } from '../wire/parse.ts';
import { renew } from '../wire/renew.ts';
import { acceptUpgrade, positionOf, refuseUpgrade } from '../wire/upgrade.ts';
import { room } from './stubs.ts';

/**
 * A share of the sockets of one huge conversation. It stores nothing: what its sockets need stands in their attachments, and
 * the rest is the room's.
 */
export class RoomRelay extends DurableObject<Env> implements RelayApi {
  readonly #relay: Relay;
  readonly #chatId: string;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const [chatId = '', name = ''] = (ctx.id.name ?? '').split('/');
    this.#chatId = chatId;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#relay = new Relay(ctx.getWebSockets(), systemClock, {
      chatId,
      name,
      room: () => room(env, chatId),
      background: (work) => this.#background(work),
      log: (message, fields) => this.#log(message, fields),
    });
  }

  async publish(batch: RelayBatch): Promise<RelayAnswer> {
    this.#relay.publish(batch);
    return { sockets: this.#relay.connections.size };
  }

  async endSessions(user: string, which: Parameters<RelayApi['endSessions']>[1]): Promise<void> {
    this.#relay.connections.endSessions(user, which);
  }

  /** A WebSocket upgrade that the room sent here. */
  override async fetch(request: Request): Promise<Response> {
    const identity = identityOf(request);
    const after = positionOf(request, 'after');
    if (after === null) return refuseUpgrade(request, 'malformed');
    const { response, socket } = acceptUpgrade(this.ctx, request);
    this.#background(this.#relay.greet(this.#relay.connections.add(socket, identity), after));
    return response;
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    const { connections } = this.#relay;
    const connection = connections.get(socket);
    if (connection === undefined) return;
    if (connection.identity.expires_at <= systemClock()) {
      connections.end((other) => other === connection, 'token_expired');
      return;
    }
    const { frames, errors } = parseFrames(data);
    if (floods(connection, frames.length + errors.length, systemClock(), configOf(this.env).rateLimits)) {
      connections.end((other) => other === connection, 'rate_limited');
      return;
    }
    for (const error of errors) connection.send(JSON.stringify(error));
    this.#relay.receive(connection, forRoom(connection, frames));
    const renewal = frames.findLast((frame) => frame.t === 'auth');
    if (renewal !== undefined) {
      this.#background(renew(this.env, connections, connection, renewal.token, this.#chatId));
    }
  }

  override webSocketClose(socket: WebSocket): void {
    this.#relay.connections.delete(socket);
    closeQuietly(socket, 1000);
  }

  override webSocketError(socket: WebSocket): void {
    this.#relay.connections.delete(socket);
  }

  #background(work: Promise<void>): void {
    this.ctx.waitUntil(work.catch((fault: unknown) => this.#log('background work failed', { error: String(fault) })));
  }

  #log(message: string, fields: Record<string, unknown>): void {
    console.error(JSON.stringify({ level: 'error', object: 'relay', id: this.ctx.id.name, message, ...fields }));
  }
}
