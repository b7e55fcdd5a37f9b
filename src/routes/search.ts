import { createRoute } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { inChat } from '../chats/directory.ts';
import { inbox } from '../objects/stubs.ts';
import { SearchAll, SearchAllPage, SearchChat, SearchPage } from '../protocol/search.ts';
import { json, params, passJson, problems, router } from './api.ts';
import { ask } from './call.ts';

const tags = ['Search'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const inOne = createRoute({
  method: 'get',
  path: '/api/chats/{id}/search',
  operationId: 'searchChat',
  tags,
  summary: 'Search a conversation',
  description:
    'Messages that the reader may see, as they are now. The first search of a conversation reads its messages in, the newest first; until that is done `complete` is false.',
  security,
  middleware,
  request: { params: params.chat, query: SearchChat },
  responses: { 200: json(SearchPage, 'What was found'), ...problems('secured', 'invalid', 'not_found', 'forbidden') },
});

const inAll = createRoute({
  method: 'get',
  path: '/api/search',
  operationId: 'searchAll',
  tags,
  summary: 'Search all conversations',
  description:
    'The newest messages that match, in the latest conversations of the reader or in those named, gathered within two seconds. Conversations that did not answer in time are in `unreached`.',
  security,
  middleware,
  request: { query: SearchAll },
  responses: { 200: json(SearchAllPage, 'What was found'), ...problems('secured', 'invalid') },
});

export const search = router()
  .openapi(inOne, async (c) => {
    const { id } = c.req.valid('param');
    const { since, until, ...page } = c.req.valid('query');
    const times = {
      since: since === undefined ? undefined : Date.parse(since),
      until: until === undefined ? undefined : Date.parse(until),
    };
    const found = await inChat(c.env, id, c.var.identity.user_id, (chat, user) =>
      chat.search(user, { ...page, ...times }),
    );
    const items = found.items.map(({ hit }) => hit).join(',');
    return passJson<SearchPage>(
      c,
      `{"items":[${items}],"next_cursor":${JSON.stringify(found.next)},"complete":${found.complete}}`,
    );
  })
  .openapi(inAll, async (c) =>
    passJson(c, await ask(() => inbox(c.env, c.var.identity.user_id).search(c.req.valid('query')))),
  );
