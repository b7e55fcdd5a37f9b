import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inbox } from '../objects/stubs.ts';
import { queryInt } from '../protocol/common.ts';
import { LIMITS } from '../protocol/limits.ts';
import { Cursor, SyncRequest, SyncResponse } from '../protocol/sync.ts';
import { body, compact, json, passJson, problems, router } from './api.ts';
import { ask } from './call.ts';

const tags = ['Sync'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const pull = createRoute({
  method: 'get',
  path: '/api/sync',
  operationId: 'sync',
  tags,
  summary: 'What changed since the cursor',
  description: 'The rows of the inbox that changed, oldest change first. Without a cursor: everything, from the start.',
  security,
  middleware,
  request: {
    query: z.strictObject({
      cursor: Cursor.optional(),
      limit: queryInt(z.int().min(1).max(LIMITS.syncPageMax)).optional(),
    }),
  },
  responses: { 200: json(SyncResponse, 'Changes and a new cursor'), ...problems('secured', 'invalid') },
});

const catchUp = createRoute({
  method: 'post',
  path: '/api/sync',
  operationId: 'syncWithEvents',
  tags,
  summary: 'Catch up in one round trip',
  description:
    'As GET, and for each conversation named the events after the seq that the device holds, within a budget.',
  security,
  middleware,
  request: { body: body(SyncRequest) },
  responses: { 200: json(SyncResponse, 'Changes, events and a new cursor'), ...problems('secured', 'body') },
});

export const sync = router()
  .openapi(pull, async (c) => {
    const request = compact(c.req.valid('query'));
    return passJson(c, await ask(() => inbox(c.env, c.var.identity.user_id).sync(request)));
  })
  .openapi(catchUp, async (c) => {
    const request = c.req.valid('json');
    return passJson(c, await ask(() => inbox(c.env, c.var.identity.user_id).sync(request)));
  });
