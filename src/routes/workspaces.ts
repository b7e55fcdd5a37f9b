import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { requireActive } from '../auth/users.ts';
import { database } from '../db/client.ts';
import {
  addWorkspaceMembers,
  createWorkspace,
  deleteWorkspace,
  getWorkspace,
  listWorkspaceMembers,
  listWorkspaces,
  removeWorkspaceMember,
  updateWorkspace,
} from '../db/workspaces.ts';
import { AddMembers, CreateWorkspace, UpdateWorkspace, Workspace, WorkspaceMember } from '../protocol/chats.ts';
import { PageLimit, UserId, WorkspaceId } from '../protocol/common.ts';
import { runTask } from '../tasks/perform.ts';
import { body, json, pageOf, params, problems, router } from './api.ts';

const tags = ['Workspaces'];
const security = [{ bearer: [] }];
const middleware = authenticated;

const list = createRoute({
  method: 'get',
  path: '/api/workspaces',
  operationId: 'listWorkspaces',
  tags,
  summary: 'List the own workspaces',
  description: 'Workspaces that the caller is in, by id.',
  security,
  middleware,
  request: { query: z.strictObject({ cursor: WorkspaceId.optional(), limit: PageLimit }) },
  responses: {
    200: json(pageOf(Workspace, 'WorkspacePage'), 'A page of workspaces'),
    ...problems('secured', 'invalid'),
  },
});

const create = createRoute({
  method: 'post',
  path: '/api/workspaces',
  operationId: 'createWorkspace',
  tags,
  summary: 'Create a workspace',
  description: 'The caller owns it.',
  security,
  middleware,
  request: { body: body(CreateWorkspace) },
  responses: { 201: json(Workspace, 'The workspace'), ...problems('secured', 'body') },
});

const get = createRoute({
  method: 'get',
  path: '/api/workspaces/{id}',
  operationId: 'getWorkspace',
  tags,
  summary: 'A workspace',
  description: 'For its members.',
  security,
  middleware,
  request: { params: params.workspace },
  responses: { 200: json(Workspace, 'The workspace'), ...problems('secured', 'not_found') },
});

const update = createRoute({
  method: 'put',
  path: '/api/workspaces/{id}',
  operationId: 'updateWorkspace',
  tags,
  summary: 'Change a workspace',
  description: 'For its owner. Changes what the body names and leaves the rest.',
  security,
  middleware,
  request: { params: params.workspace, body: body(UpdateWorkspace) },
  responses: {
    200: json(Workspace, 'The workspace as it is now'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/workspaces/{id}',
  operationId: 'deleteWorkspace',
  tags,
  summary: 'Delete a workspace',
  description: 'For its owner. Its conversations are deleted with it.',
  security,
  middleware,
  request: { params: params.workspace },
  responses: { 204: { description: 'The workspace is gone' }, ...problems('secured', 'forbidden', 'not_found') },
});

const listMembers = createRoute({
  method: 'get',
  path: '/api/workspaces/{id}/members',
  operationId: 'listWorkspaceMembers',
  tags,
  summary: 'List the members of a workspace',
  description: 'By user id.',
  security,
  middleware,
  request: { params: params.workspace, query: z.strictObject({ cursor: UserId.optional(), limit: PageLimit }) },
  responses: {
    200: json(pageOf(WorkspaceMember, 'WorkspaceMemberPage'), 'A page of members'),
    ...problems('secured', 'invalid', 'not_found'),
  },
});

const addMembers = createRoute({
  method: 'post',
  path: '/api/workspaces/{id}/members',
  operationId: 'addWorkspaceMembers',
  tags,
  summary: 'Add members to a workspace',
  description: 'For its owner. Who is a member already stays as they are.',
  security,
  middleware,
  request: { params: params.workspace, body: body(AddMembers) },
  responses: {
    201: json(
      z.object({ items: z.array(WorkspaceMember) }).meta({ id: 'WorkspaceMemberList' }),
      'The members that were named',
    ),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const removeMember = createRoute({
  method: 'delete',
  path: '/api/workspaces/{id}/members/{user_id}',
  operationId: 'removeWorkspaceMember',
  tags,
  summary: 'Remove a member of a workspace, or leave',
  description: 'Who leaves a workspace leaves its conversations. The owner cannot leave.',
  security,
  middleware,
  request: { params: params.workspaceMember },
  responses: { 204: { description: 'No longer a member' }, ...problems('secured', 'forbidden', 'not_found') },
});

export const workspaces = router()
  .openapi(list, async (c) =>
    c.json(await listWorkspaces(database(c.env), c.var.identity.user_id, c.req.valid('query')), 200),
  )
  .openapi(create, async (c) =>
    c.json(await createWorkspace(database(c.env), c.var.identity.user_id, c.req.valid('json'), Date.now()), 201),
  )
  .openapi(get, async (c) =>
    c.json(await getWorkspace(database(c.env), c.req.valid('param').id, c.var.identity.user_id), 200),
  )
  .openapi(update, async (c) => {
    const { id } = c.req.valid('param');
    const patch = c.req.valid('json');
    return c.json(await updateWorkspace(database(c.env), id, c.var.identity.user_id, patch, Date.now()), 200);
  })
  .openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    const task = await deleteWorkspace(database(c.env), id, c.var.identity.user_id, Date.now());
    await c.env.TASKS.send({ task_id: task.id });
    return c.body(null, 204);
  })
  .openapi(listMembers, async (c) => {
    const { id } = c.req.valid('param');
    const page = c.req.valid('query');
    return c.json(await listWorkspaceMembers(database(c.env), id, c.var.identity.user_id, page), 200);
  })
  .openapi(addMembers, async (c) => {
    const { id } = c.req.valid('param');
    const db = database(c.env);
    const userIds = [...new Set(c.req.valid('json').user_ids)];
    // The right to ask comes first: a stranger learns nothing about the users that they name.
    await getWorkspace(db, id, c.var.identity.user_id);
    await requireActive(db, userIds, 'user_ids');
    return c.json(await addWorkspaceMembers(db, id, c.var.identity.user_id, userIds, Date.now()), 201);
  })
  .openapi(removeMember, async (c) => {
    const { id, user_id } = c.req.valid('param');
    const db = database(c.env);
    await runTask(c.env, await removeWorkspaceMember(db, id, c.var.identity.user_id, user_id, Date.now()));
    return c.body(null, 204);
  });
