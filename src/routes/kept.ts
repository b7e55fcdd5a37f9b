import { createRoute } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inbox } from '../objects/stubs.ts';
import { PutDraft, SaveMessage } from '../protocol/kept.ts';
import { body, noContent, params, problems, router } from './api.ts';
import { ask } from './call.ts';

const tags = ['Sync'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const draft = createRoute({
  method: 'put',
  path: '/api/chats/{id}/draft',
  operationId: 'putDraft',
  tags,
  summary: 'Keep a draft',
  description:
    'Of the conversation, or of one of its threads. All of your devices get it as a row of kind `draft`. The last one that was kept holds; an empty one is none.',
  security,
  middleware,
  request: { params: params.chat, body: body(PutDraft) },
  responses: { ...noContent('It is kept'), ...problems('secured', 'body', 'not_found', 'conflict') },
});

const save = createRoute({
  method: 'put',
  path: '/api/chats/{id}/saved/{seq}',
  operationId: 'saveMessage',
  tags,
  summary: 'Save a message for later',
  description: 'All of your devices get it as a row of kind `saved`. Saving it again changes the note.',
  security,
  middleware,
  request: { params: params.message, body: body(SaveMessage) },
  responses: { ...noContent('It is saved'), ...problems('secured', 'body', 'not_found', 'conflict') },
});

const unsave = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/saved/{seq}',
  operationId: 'unsaveMessage',
  tags,
  summary: 'Save a message no longer',
  description: 'One that is not saved stays so.',
  security,
  middleware,
  request: { params: params.message },
  responses: { ...noContent('It is not saved'), ...problems('secured', 'not_found') },
});

/** What a user keeps for themself, in their inbox. */
export const kept = router()
  .openapi(draft, async (c) => {
    const { id } = c.req.valid('param');
    const wanted = { kind: 'draft' as const, chat_id: id, draft: c.req.valid('json') };
    await ask(() => inbox(c.env, c.var.identity.user_id).keep(wanted));
    return c.body(null, 204);
  })
  .openapi(save, async (c) => {
    const { id, seq } = c.req.valid('param');
    const { note = null } = c.req.valid('json');
    const wanted = { kind: 'saved' as const, chat_id: id, seq, saved: { note } };
    await ask(() => inbox(c.env, c.var.identity.user_id).keep(wanted));
    return c.body(null, 204);
  })
  .openapi(unsave, async (c) => {
    const { id, seq } = c.req.valid('param');
    await ask(() => inbox(c.env, c.var.identity.user_id).keep({ kind: 'saved', chat_id: id, seq, saved: null }));
    return c.body(null, 204);
  });
