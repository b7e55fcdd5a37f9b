import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { manage, see } from '../chats/directory.ts';
import { searchChannels } from '../chats/people.ts';
import { BOUNDS, PERMISSIONS } from '../conversation/permissions.ts';
import { PageLimit, WorkspaceId } from '../protocol/common.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ChannelEntry, ChannelPreview, PermissionTable } from '../protocol/people.ts';
import { json, pageOf, params, passJson, problems, router } from './api.ts';

const tags = ['Channels'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const search = createRoute({
  method: 'get',
  path: '/api/channels',
  operationId: 'findChannels',
  tags,
  summary: 'Find public channels',
  description:
    'Those with the most members first. With `q`, those whose name and topic have a word that begins with each of its words. Outside of workspaces, or in the one that `workspace_id` names, for its members. Archived channels are not listed. The list follows the channels within seconds.',
  security,
  middleware,
  request: {
    query: z.strictObject({
      q: z.string().trim().max(LIMITS.nameLength).default(''),
      workspace_id: WorkspaceId.optional(),
      cursor: z.string().max(64).optional(),
      limit: PageLimit,
    }),
  },
  responses: {
    200: json(pageOf(ChannelEntry, 'ChannelPage'), 'A page of channels'),
    ...problems('secured', 'invalid', 'not_found'),
  },
});

const preview = createRoute({
  method: 'get',
  path: '/api/chats/{id}/preview',
  operationId: 'previewChannel',
  tags,
  summary: 'Look into an open channel',
  description:
    'The channel and its newest messages, for whoever may join it; no messages where newcomers do not see what was before them.',
  security,
  middleware,
  request: { params: params.chat },
  responses: { 200: json(ChannelPreview, 'The channel'), ...problems('secured', 'forbidden', 'not_found') },
});

const table = createRoute({
  method: 'get',
  path: '/api/permissions',
  operationId: 'getPermissions',
  tags,
  summary: 'Who may do what',
  description:
    'The table that every conversation begins with, by type, and how far a conversation may have it otherwise.',
  security: [],
  responses: { 200: json(PermissionTable, 'The table'), ...problems() },
});

export const channels = router()
  .openapi(search, async (c) => {
    const { q, workspace_id, cursor, limit } = c.req.valid('query');
    const found = { workspace_id: workspace_id ?? null, query: q, cursor, limit };
    return c.json(await searchChannels(c.env, c.var.identity.user_id, found), 200);
  })
  .openapi(preview, async (c) => {
    const { id } = c.req.valid('param');
    await see(c.env, id, c.var.identity.user_id);
    return passJson<ChannelPreview>(c, await manage(c.env, id, c.var.identity.user_id, { do: 'preview' }));
  })
  .openapi(table, (c) => c.json({ types: PERMISSIONS, bounds: BOUNDS }, 200));
