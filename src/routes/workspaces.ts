import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { PageLimit, UserId, WorkspaceId, WorkspaceInvitationId } from '../protocol/common.ts';
import { LIMITS } from '../protocol/limits.ts';
import {
  AddWorkspaceMembers,
  CreateWorkspace,
  CreateWorkspaceInvitation,
  NewWorkspaceInvitation,
  TransferWorkspace,
  UpdateWorkspace,
  UpdateWorkspaceMember,
  UseWorkspaceInvitation,
  Workspace,
  WorkspaceInvitation,
  WorkspaceInvitationPreview,
  WorkspaceMember,
  WorkspaceRole,
} from '../protocol/workspaces.ts';
import {
  createInvitation,
  invitationsOf,
  previewInvitation,
  redeemInvitation,
  revokeInvitation,
} from '../workspaces/invitations.ts';
import {
  addWorkspaceMembers,
  removeWorkspaceMember,
  setWorkspaceRole,
  transferWorkspace,
} from '../workspaces/members.ts';
import { peopleOf } from '../workspaces/people.ts';
import {
  createWorkspace,
  deleteWorkspace,
  getWorkspace,
  restoreWorkspace,
  updateWorkspace,
  workspacesOf,
} from '../workspaces/workspaces.ts';
import { body, json, pageOf, params, problems, router } from './api.ts';

const security = [{ bearer: [] }];
const middleware = authenticated;
const of = (tag: string) => ({ tags: [tag], security, middleware });
const workspace = of('Workspaces');
const people = of('Workspace members');
const invitation = of('Workspace invitations');

const list = createRoute({
  method: 'get',
  path: '/api/workspaces',
  operationId: 'listWorkspaces',
  ...workspace,
  summary: 'List the own workspaces',
  description:
    'Workspaces that the caller is in, by id. The same rows come with the inbox, as changes of type `workspace`.',
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
  ...workspace,
  summary: 'Create a workspace',
  description: 'The caller owns it.',
  request: { body: body(CreateWorkspace) },
  responses: { 201: json(Workspace, 'The workspace'), ...problems('secured', 'body') },
});

const get = createRoute({
  method: 'get',
  path: '/api/workspaces/{id}',
  operationId: 'getWorkspace',
  ...workspace,
  summary: 'A workspace',
  description: 'For its members and guests.',
  request: { params: params.workspace },
  responses: { 200: json(Workspace, 'The workspace'), ...problems('secured', 'not_found') },
});

const update = createRoute({
  method: 'put',
  path: '/api/workspaces/{id}',
  operationId: 'updateWorkspace',
  ...workspace,
  summary: 'Change a workspace',
  description:
    'For owners and admins. Changes what the body names and leaves the rest. A retention reaches all conversations of the workspace: what is sent from then on lasts so long at most.',
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
  ...workspace,
  summary: 'Delete a workspace, in 7 days',
  description:
    'For owners. Until `deleting_at` everything goes on and an owner may restore it; then it is gone with its conversations. Asked again, it keeps its time.',
  request: { params: params.workspace },
  responses: {
    200: json(Workspace, 'The workspace, with `deleting_at`'),
    ...problems('secured', 'forbidden', 'not_found'),
  },
});

const restore = createRoute({
  method: 'post',
  path: '/api/workspaces/{id}/restore',
  operationId: 'restoreWorkspace',
  ...workspace,
  summary: 'Take the deletion of a workspace back',
  description: 'For owners.',
  request: { params: params.workspace },
  responses: {
    200: json(Workspace, 'The workspace, which stays'),
    ...problems('secured', 'forbidden', 'not_found'),
  },
});

const transfer = createRoute({
  method: 'post',
  path: '/api/workspaces/{id}/transfer',
  operationId: 'transferWorkspace',
  ...workspace,
  summary: 'Hand a workspace over',
  description: 'For owners: the other becomes one, and the caller an admin.',
  request: { params: params.workspace, body: body(TransferWorkspace) },
  responses: {
    200: json(WorkspaceMember, 'The new owner'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const listMembers = createRoute({
  method: 'get',
  path: '/api/workspaces/{id}/members',
  operationId: 'listWorkspaceMembers',
  ...people,
  summary: 'The directory of people',
  description:
    'By user id. `q` is the beginning of a handle or of a word of the name. Guests see themselves and whom they share a conversation of the workspace with; to them a page may be short although there are more.',
  request: {
    params: params.workspace,
    query: z.strictObject({
      q: z.string().trim().max(LIMITS.nameLength).optional(),
      role: WorkspaceRole.optional(),
      cursor: UserId.optional(),
      limit: PageLimit,
    }),
  },
  responses: {
    200: json(pageOf(WorkspaceMember, 'WorkspaceMemberPage'), 'A page of people'),
    ...problems('secured', 'invalid', 'not_found'),
  },
});

const addMembers = createRoute({
  method: 'post',
  path: '/api/workspaces/{id}/members',
  operationId: 'addWorkspaceMembers',
  ...people,
  summary: 'Add members to a workspace',
  description:
    'For owners and admins. Who is a member already stays as they are; others than guests enter the default channels.',
  request: { params: params.workspace, body: body(AddWorkspaceMembers) },
  responses: {
    201: json(
      z.object({ items: z.array(WorkspaceMember) }).meta({ id: 'WorkspaceMemberList' }),
      'The members that were named',
    ),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const setRole = createRoute({
  method: 'put',
  path: '/api/workspaces/{id}/members/{user_id}',
  operationId: 'setWorkspaceRole',
  ...people,
  summary: 'Give a member another role',
  description:
    'Owners give and take every role, admins make members of guests and guests of members. `conflict`: the last owner stays one.',
  request: { params: params.workspaceMember, body: body(UpdateWorkspaceMember) },
  responses: {
    200: json(WorkspaceMember, 'The member as they are now'),
    ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict'),
  },
});

const removeMember = createRoute({
  method: 'delete',
  path: '/api/workspaces/{id}/members/{user_id}',
  operationId: 'removeWorkspaceMember',
  ...people,
  summary: 'Remove a member of a workspace, or leave',
  description:
    'Owners remove everybody, admins members and guests. Who leaves a workspace leaves its conversations. `conflict`: the last owner stays.',
  request: { params: params.workspaceMember },
  responses: {
    204: { description: 'No longer a member' },
    ...problems('secured', 'forbidden', 'not_found', 'conflict'),
  },
});

const listInvitations = createRoute({
  method: 'get',
  path: '/api/workspaces/{id}/invitations',
  operationId: 'listWorkspaceInvitations',
  ...invitation,
  summary: 'List invitations',
  description: 'Those that hold, by id: the own ones, and to owners and admins everybody’s.',
  request: {
    params: params.workspace,
    query: z.strictObject({ cursor: WorkspaceInvitationId.optional(), limit: PageLimit }),
  },
  responses: {
    200: json(pageOf(WorkspaceInvitation, 'WorkspaceInvitationPage'), 'A page of invitations'),
    ...problems('secured', 'invalid', 'forbidden', 'not_found'),
  },
});

const invite = createRoute({
  method: 'post',
  path: '/api/workspaces/{id}/invitations',
  operationId: 'createWorkspaceInvitation',
  ...invitation,
  summary: 'Invite by e-mail address, or by a link',
  description:
    'Members and admins invite members and guests, owners admins too. An invitation holds as long as who made it may still make it. The answer does not tell whether an address has an account.',
  request: { params: params.workspace, body: body(CreateWorkspaceInvitation) },
  responses: {
    201: json(NewWorkspaceInvitation, 'The invitation'),
    ...problems('secured', 'body', 'forbidden', 'not_found', 'conflict'),
  },
});

const revoke = createRoute({
  method: 'delete',
  path: '/api/workspaces/{id}/invitations/{invitation_id}',
  operationId: 'revokeWorkspaceInvitation',
  ...invitation,
  summary: 'Revoke an invitation',
  description: 'For who made it, owners and admins.',
  request: { params: params.workspaceInvitation },
  responses: { 204: { description: 'It holds no more' }, ...problems('secured', 'forbidden', 'not_found') },
});

const preview = createRoute({
  method: 'post',
  path: '/api/workspace-invitations/preview',
  operationId: 'previewWorkspaceInvitation',
  ...invitation,
  summary: 'Look at an invitation',
  description: 'What the code is to. `not_found` whatever is wrong with it, and for somebody else than whom it is for.',
  request: { body: body(UseWorkspaceInvitation) },
  responses: {
    200: json(WorkspaceInvitationPreview, 'What one is invited to'),
    ...problems('secured', 'body', 'not_found'),
  },
});

const redeem = createRoute({
  method: 'post',
  path: '/api/workspace-invitations/redeem',
  operationId: 'redeemWorkspaceInvitation',
  ...invitation,
  summary: 'Come in by an invitation',
  description: 'Who is in already stays as they are, and uses nothing.',
  request: { body: body(UseWorkspaceInvitation) },
  responses: { 200: json(Workspace, 'The workspace'), ...problems('secured', 'body', 'not_found') },
});

export const workspaces = router()
  .openapi(list, async (c) => c.json(await workspacesOf(c.env, c.var.identity.user_id, c.req.valid('query')), 200))
  .openapi(create, async (c) =>
    c.json(await createWorkspace(c.env, c.var.identity.user_id, c.req.valid('json'), Date.now()), 201),
  )
  .openapi(get, async (c) => c.json(await getWorkspace(c.env, c.req.valid('param').id, c.var.identity.user_id), 200))
  .openapi(update, async (c) => {
    const { id } = c.req.valid('param');
    const patch = c.req.valid('json');
    return c.json(await updateWorkspace(c.env, id, c.var.identity.user_id, patch, Date.now()), 200);
  })
  .openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await deleteWorkspace(c.env, id, c.var.identity.user_id, Date.now()), 200);
  })
  .openapi(restore, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await restoreWorkspace(c.env, id, c.var.identity.user_id, Date.now()), 200);
  })
  .openapi(transfer, async (c) => {
    const { id } = c.req.valid('param');
    const { user_id } = c.req.valid('json');
    return c.json(await transferWorkspace(c.env, id, c.var.identity.user_id, user_id, Date.now()), 200);
  })
  .openapi(listMembers, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await peopleOf(c.env, id, c.var.identity.user_id, c.req.valid('query')), 200);
  })
  .openapi(addMembers, async (c) => {
    const { id } = c.req.valid('param');
    const added = c.req.valid('json');
    return c.json(await addWorkspaceMembers(c.env, id, c.var.identity.user_id, added, Date.now()), 201);
  })
  .openapi(setRole, async (c) => {
    const { id, user_id } = c.req.valid('param');
    const { role } = c.req.valid('json');
    return c.json(await setWorkspaceRole(c.env, id, c.var.identity.user_id, user_id, role, Date.now()), 200);
  })
  .openapi(removeMember, async (c) => {
    const { id, user_id } = c.req.valid('param');
    await removeWorkspaceMember(c.env, id, c.var.identity.user_id, user_id, Date.now());
    return c.body(null, 204);
  })
  .openapi(listInvitations, async (c) => {
    const { id } = c.req.valid('param');
    const page = c.req.valid('query');
    return c.json(await invitationsOf(c.env, id, c.var.identity.user_id, page, Date.now()), 200);
  })
  .openapi(invite, async (c) => {
    const { id } = c.req.valid('param');
    const made = await createInvitation(c.env, id, c.var.identity.user_id, c.req.valid('json'), Date.now());
    return c.json(made, 201);
  })
  .openapi(revoke, async (c) => {
    const { id, invitation_id } = c.req.valid('param');
    await revokeInvitation(c.env, id, c.var.identity.user_id, invitation_id);
    return c.body(null, 204);
  })
  .openapi(preview, async (c) => {
    const { code } = c.req.valid('json');
    return c.json(await previewInvitation(c.env, c.var.identity.user_id, code, Date.now()), 200);
  })
  .openapi(redeem, async (c) => {
    const { code } = c.req.valid('json');
    return c.json(await redeemInvitation(c.env, c.var.identity.user_id, code, Date.now()), 200);
  });
