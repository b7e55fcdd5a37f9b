import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { manage } from '../chats/directory.ts';
import { PageLimit, UserId } from '../protocol/common.ts';
import { Announcement, AnnouncementReader, SetAnnouncement } from '../protocol/people.ts';
import { body, compact, json, pageOf, params, passJson, problems, router } from './api.ts';

const tags = ['Announcements'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const ReaderPage = pageOf(AnnouncementReader, 'AnnouncementReaderPage');

const get = createRoute({
  method: 'get',
  path: '/api/chats/{id}/announcement',
  operationId: 'getAnnouncement',
  tags,
  summary: 'The announcement',
  description: 'For members: what stands now, how many have read it, and whether the caller has.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 200: json(Announcement, 'The announcement'), ...problems('secured', 'forbidden', 'not_found') },
});

const set = createRoute({
  method: 'put',
  path: '/api/chats/{id}/announcement',
  operationId: 'setAnnouncement',
  tags,
  summary: 'Put up an announcement',
  description: 'In the place of the one before; nobody has read a new one.',
  security,
  middleware,
  request: { params: params.chat, body: body(SetAnnouncement) },
  responses: {
    200: json(Announcement, 'The announcement'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/announcement',
  operationId: 'removeAnnouncement',
  tags,
  summary: 'Take the announcement down',
  description: 'For those who may put one up.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 204: { description: 'There is none' }, ...problems('secured', 'forbidden', 'archived', 'not_found') },
});

const read = createRoute({
  method: 'post',
  path: '/api/chats/{id}/announcement/read',
  operationId: 'readAnnouncement',
  tags,
  summary: 'Say that one has read it',
  description: 'Of the announcement that stands. A second time changes nothing.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 204: { description: 'Noted' }, ...problems('secured', 'forbidden', 'not_found') },
});

const readers = createRoute({
  method: 'get',
  path: '/api/chats/{id}/announcement/readers',
  operationId: 'listAnnouncementReaders',
  tags,
  summary: 'Who has read the announcement',
  description: 'By user id, for members.',
  security,
  middleware,
  request: { params: params.chat, query: z.strictObject({ after: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(ReaderPage, 'A page of readers'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

export const announcements = router()
  .openapi(get, async (c) => {
    const { id } = c.req.valid('param');
    return passJson<Announcement>(c, await manage(c.env, id, c.var.identity.user_id, { do: 'get_announcement' }));
  })
  .openapi(set, async (c) => {
    const { id } = c.req.valid('param');
    const command = { do: 'announce' as const, text: c.req.valid('json').text };
    return passJson<Announcement>(c, await manage(c.env, id, c.var.identity.user_id, command));
  })
  .openapi(remove, async (c) => {
    await manage(c.env, c.req.valid('param').id, c.var.identity.user_id, { do: 'announce', text: null });
    return c.body(null, 204);
  })
  .openapi(read, async (c) => {
    await manage(c.env, c.req.valid('param').id, c.var.identity.user_id, { do: 'read_announcement' });
    return c.body(null, 204);
  })
  .openapi(readers, async (c) => {
    const { id } = c.req.valid('param');
    const command = { do: 'list_readers' as const, page: compact(c.req.valid('query')) };
    return passJson<z.infer<typeof ReaderPage>>(c, await manage(c.env, id, c.var.identity.user_id, command));
  });
