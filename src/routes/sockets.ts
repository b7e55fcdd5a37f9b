import { createRoute, z } from '@hono/zod-openapi';
import { bearerOf, identifySocket } from '../auth/middleware.ts';
import { ApiError } from '../errors.ts';
import { IDENTITY_HEADER, type Identity } from '../inbox/api.ts';
import { inbox, relay, room } from '../objects/stubs.ts';
import { ChatId, queryInt, Seq } from '../protocol/common.ts';
import { CLOSE_CODES, type CloseReason, type ErrorCode } from '../protocol/errors.ts';
import { BEARER_PREFIX, SUBPROTOCOL } from '../protocol/frames.ts';
import { Cursor } from '../protocol/sync.ts';
import { RELAY_HEADER } from '../relay/api.ts';
import { PLACE_HEADER, placeOf } from '../relay/place.ts';
import { type ApiContext, params, problems, router, unwrap } from './api.ts';
import { call } from './call.ts';
import { originAllowed, refuseTokenInUrl } from './guard.ts';
import { toApiError } from './problem.ts';

const PROTOCOL_HEADER = 'sec-websocket-protocol';

const InboxQuery = z.strictObject({ cursor: Cursor.optional() });
const RoomQuery = z.strictObject({ after: queryInt(Seq).optional() });

const description = `A WebSocket. The token comes in \`Authorization: Bearer\` or, from a browser, as the subprotocols \`${SUBPROTOCOL}, bearer.<token>\`. A refusal is told after the upgrade, by a close code (${Object.entries(
  CLOSE_CODES,
)
  .map(([code, close]) => `${close} \`${code}\``)
  .join(', ')}) whose reason is the error's code.`;
const shared = {
  method: 'get' as const,
  tags: ['Realtime'],
  security: [{ bearer: [] }],
  responses: { 101: { description: 'The socket is open' }, ...problems('upgrade_required') },
};

const inboxSocket = createRoute({
  ...shared,
  path: '/api/ws',
  operationId: 'openInboxSocket',
  summary: 'The socket of a device: everything, multiplexed',
  description: `${description} With \`cursor\` it starts with what changed since.`,
  request: { query: InboxQuery },
});
const roomSocket = createRoute({
  ...shared,
  path: '/api/chats/{id}/ws',
  operationId: 'openChatSocket',
  summary: 'The socket of one conversation: the shortest path',
  description: `${description} With \`after\` it starts with what came after that seq.`,
  request: { params: params.chat, query: RoomQuery },
});

interface Offer {
  tideline: boolean;
  token: string | undefined;
}

/** What the client offers as subprotocols: ours, and beside it the token. */
function offerOf(header: string | undefined): Offer {
  const offered = (header ?? '').split(',').map((part) => part.trim());
  return {
    tideline: offered.includes(SUBPROTOCOL),
    token: offered.find((part) => part.startsWith(BEARER_PREFIX))?.slice(BEARER_PREFIX.length),
  };
}

/** The answer to an upgrade, with the subprotocol selected when it was offered. */
const switching = (socket: WebSocket, offer: Offer): Response =>
  new Response(null, {
    status: 101,
    webSocket: socket,
    ...(offer.tideline ? { headers: { [PROTOCOL_HEADER]: SUBPROTOCOL } } : {}),
  });

const CLOSE_INTERNAL = 1011;
const isCloseReason = (code: ErrorCode): code is CloseReason => code in CLOSE_CODES;

/** Accepts and closes: a browser can read the code of a close, not the status of a failed upgrade. */
function refused(error: ApiError, offer: Offer): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  const code = error.code === 'invalid' ? 'malformed' : error.code;
  server.close(isCloseReason(code) ? CLOSE_CODES[code] : CLOSE_INTERNAL, code);
  return switching(client, offer);
}

/** The request as an object gets it: with the verified identity, and without what the client claims or confides. */
function handedOn(request: Request, identity: Identity, offer: Offer): Request {
  const headers = new Headers(request.headers);
  headers.delete('authorization');
  headers.delete('cookie');
  headers.delete(PROTOCOL_HEADER);
  if (offer.tideline) headers.set(PROTOCOL_HEADER, SUBPROTOCOL);
  headers.set(IDENTITY_HEADER, JSON.stringify(identity));
  headers.set(PLACE_HEADER, placeOf(request.cf));
  return new Request(request.url, { headers });
}

/**
 * Checks an upgrade (origin, query, token) before any object wakes, and lets `open` hand it to one.
 * Throws `upgrade_required`; every other refusal is told on the socket.
 */
async function upgrade(
  c: ApiContext,
  query: z.ZodType,
  open: (identity: Identity, forward: () => Request) => Promise<Response>,
): Promise<Response> {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    throw new ApiError('upgrade_required', 'Open this address as a WebSocket');
  }
  const offer = offerOf(c.req.header(PROTOCOL_HEADER));
  try {
    const origin = c.req.header('origin');
    if (origin !== undefined && !originAllowed(c.var.config, origin)) {
      throw new ApiError('forbidden', 'Pages of this origin may not connect');
    }
    refuseTokenInUrl(c.req.url);
    const parsed = query.safeParse(c.req.query());
    if (!parsed.success) throw ApiError.fromZod(parsed.error);
    const identity = await identifySocket(c.var.config, bearerOf(c.req.header('authorization')) ?? offer.token);
    const response = await open(identity, () => handedOn(c.req.raw, identity, offer));
    if (response.webSocket === null) throw new Error(`an object answered an upgrade with ${response.status}`);
    return switching(response.webSocket, offer);
  } catch (error) {
    const about = { method: 'GET', path: c.req.path, request_id: c.var.requestId };
    return refused(toApiError(error, about), offer);
  }
}

export const sockets = router();
// Declared by hand: the framework's validators would refuse with a status that a browser cannot read.
sockets.openAPIRegistry.registerPath(inboxSocket);
sockets.openAPIRegistry.registerPath(roomSocket);
sockets.get('/api/ws', (c) =>
  upgrade(c, InboxQuery, (identity, forward) => call(() => inbox(c.env, identity.user_id).fetch(forward()))),
);
sockets.get('/api/chats/:id/ws', (c) =>
  upgrade(c, RoomQuery, async (identity, forward) => {
    const chatId = ChatId.safeParse(c.req.param('id'));
    if (!chatId.success) throw new ApiError('not_found', 'There is no such conversation');
    const gate = () => call(() => inbox(c.env, identity.user_id).gate(identity, chatId.data));
    unwrap(await gate());
    const answer = await call(() => room(c.env, chatId.data).fetch(forward()));
    const name = answer.headers.get(RELAY_HEADER);
    const response = name === null ? answer : await call(() => relay(c.env, chatId.data, name).fetch(forward()));
    // A session that ended in between was ended in the room before this socket was there: ask again.
    const still = await gate();
    if (still.ok) return response;
    response.webSocket?.accept();
    const { user_id, session_id } = identity;
    const reason = still.refusal.code === 'suspended' ? 'suspended' : 'session_ended';
    await call(() =>
      room(c.env, chatId.data).endSessions(user_id, { sessions: [session_id], except: undefined, reason }),
    );
    throw ApiError.fromRefusal(still.refusal);
  }),
);
