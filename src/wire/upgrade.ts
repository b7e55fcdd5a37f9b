import { CLOSE_CODES, type CloseReason } from '../protocol/errors.ts';
import { SUBPROTOCOL } from '../protocol/frames.ts';

/** The answer to an upgrade; it selects our subprotocol when the client offered it, as a browser insists on. */
function switching(request: Request, client: WebSocket): Response {
  const offered = (request.headers.get('Sec-WebSocket-Protocol') ?? '').split(',').map((name) => name.trim());
  const headers = new Headers();
  if (offered.includes(SUBPROTOCOL)) headers.set('Sec-WebSocket-Protocol', SUBPROTOCOL);
  return new Response(null, { status: 101, webSocket: client, headers });
}

/** Accepts a hibernatable socket in an object. */
export function acceptUpgrade(ctx: DurableObjectState, request: Request): { response: Response; socket: WebSocket } {
  const { 0: client, 1: server } = new WebSocketPair();
  ctx.acceptWebSocket(server);
  return { response: switching(request, client), socket: server };
}

/** Refuses a socket so that a browser can read why: accepts, and closes with a 4xxx code and the reason. */
export function refuseUpgrade(request: Request, reason: CloseReason): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(CLOSE_CODES[reason], reason);
  return switching(request, client);
}

/** A position in the query: undefined when absent, null when it is no whole number. */
export function positionOf(request: Request, name: string): number | undefined | null {
  const text = new URL(request.url).searchParams.get(name);
  if (text === null) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
