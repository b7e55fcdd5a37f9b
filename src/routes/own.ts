import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { HiddenPage, ScheduledList, ScheduledMessage, ScheduleMessage } from '../protocol/changes.ts';
import { PageLimit, queryInt } from '../protocol/common.ts';
import { body, json, noContent, params, problems, router } from './api.ts';
import { ask } from './ask.ts';

const tags = ['Messages'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const refusals = problems('secured', 'forbidden', 'not_found');

const hide = createRoute({
  method: 'put',
  path: '/api/chats/{id}/hidden/{seq}',
  operationId: 'hideMessage',
  tags,
  summary: 'Delete a message for yourself',
  description: 'Nobody else is told. Your other devices find it among the hidden ones.',
  security,
  middleware,
  request: { params: params.message },
  responses: { ...noContent('It is gone from your pages'), ...refusals },
});

const hidden = createRoute({
  method: 'get',
  path: '/api/chats/{id}/hidden',
  operationId: 'listHidden',
  tags,
  summary: 'Read what you deleted for yourself',
  description:
    '`hidden` of the conversation in your list says how many there are: ask for those after the ones you know.',
  security,
  middleware,
  request: {
    params: params.chat,
    query: z.strictObject({ after: queryInt(z.int().min(0)).default(0), limit: PageLimit }),
  },
  responses: {
    200: json(HiddenPage, 'A page of seqs'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const schedule = createRoute({
  method: 'put',
  path: '/api/chats/{id}/scheduled/{client_id}',
  operationId: 'scheduleMessage',
  tags,
  summary: 'Send a message later',
  description:
    'It is sent under this `client_id` when its time comes. The same `client_id` again changes the message or the time. What is refused when its time comes stays, with the reason.',
  security,
  middleware,
  request: { params: params.scheduled, body: body(ScheduleMessage) },
  responses: {
    200: json(ScheduledMessage, 'It waits'),
    ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict'),
  },
});

const scheduled = createRoute({
  method: 'get',
  path: '/api/chats/{id}/scheduled',
  operationId: 'listScheduled',
  tags,
  summary: 'Read what you send later',
  description: 'Your own messages that wait in this conversation, and those that were refused when their time came.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 200: json(ScheduledList, 'All of them, the next one first'), ...refusals },
});

const cancel = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/scheduled/{client_id}',
  operationId: 'cancelScheduled',
  tags,
  summary: 'Cancel a message that is sent later',
  description: 'Nothing is sent. One that has been sent is not found here: recall it.',
  security,
  middleware,
  request: { params: params.scheduled },
  responses: { ...noContent('It is not sent'), ...refusals },
});

/** What a member keeps in a conversation for themself. */
export const own = router()
  .openapi(hide, async (c) => {
    const { id, seq } = c.req.valid('param');
    await ask(c, id, { type: 'hide', seq });
    return c.body(null, 204);
  })
  .openapi(hidden, (c) => ask(c, c.req.valid('param').id, { type: 'hidden', ...c.req.valid('query') }))
  .openapi(schedule, (c) => {
    const { id, client_id } = c.req.valid('param');
    const { send_at, message } = c.req.valid('json');
    return ask(c, id, { type: 'schedule', send_at, message: { ...message, client_id } });
  })
  .openapi(scheduled, (c) => ask(c, c.req.valid('param').id, { type: 'scheduled' }))
  .openapi(cancel, async (c) => {
    const { id, client_id } = c.req.valid('param');
    await ask(c, id, { type: 'cancel', client_id });
    return c.body(null, 204);
  });
