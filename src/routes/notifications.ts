import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { IDENTITY_HEADER } from '../inbox/api.ts';
import { inbox } from '../objects/stubs.ts';
import { Cursor } from '../protocol/sync.ts';
import { problems, router } from './api.ts';
import { call } from './call.ts';
import { eventsOf } from './sse.ts';

const stream = createRoute({
  method: 'get',
  path: '/api/notifications/events',
  operationId: 'streamEvents',
  tags: ['Realtime'],
  summary: 'The inbox as server-sent events',
  description:
    'An `inbox` event carries `{changes, cursor, reset?}` and the cursor as its `id`; other frames come as events named by their `t`, without an id. `Last-Event-ID` (or `cursor`) resumes. A comment every 15 seconds keeps the connection open; an `error` event says why the server ends it.',
  security: [{ bearer: [] }],
  middleware: authenticated,
  request: {
    query: z.strictObject({ cursor: Cursor.optional() }),
    headers: z.object({
      'last-event-id': Cursor.optional().openapi({ description: 'The cursor of the last event that arrived' }),
    }),
  },
  responses: {
    200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } },
    ...problems('secured', 'invalid'),
  },
});

export const notifications = router().openapi(stream, async (c) => {
  const { identity } = c.var;
  const cursor = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').cursor;
  const url = new URL('/api/ws', c.req.url);
  if (cursor !== undefined) url.searchParams.set('cursor', cursor);
  // The inbox speaks WebSocket with this Worker: an open response of its own would keep it from hibernating.
  const response = await call(() =>
    inbox(c.env, identity.user_id).fetch(
      new Request(url, { headers: { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(identity) } }),
    ),
  );
  if (response.webSocket === null) throw new Error(`the inbox answered an upgrade with ${response.status}`);
  return c.body(eventsOf(response.webSocket, c.req.raw.signal), 200, {
    'content-type': 'text/event-stream',
    'x-accel-buffering': 'no',
  });
});
