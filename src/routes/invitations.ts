import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { manage } from '../chats/directory.ts';
import { createInvitation, previewInvitation, redeemInvitation } from '../chats/people.ts';
import {
  CreateInvitation,
  Invitation,
  InvitationPreview,
  NewInvitation,
  Redeemed,
  UseInvitation,
} from '../protocol/people.ts';
import { body, json, params, passJson, problems, router } from './api.ts';

const tags = ['Invitations'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const InvitationList = z.object({ items: z.array(Invitation) }).meta({ id: 'InvitationList' });

const create = createRoute({
  method: 'post',
  path: '/api/chats/{id}/invitations',
  operationId: 'createInvitation',
  tags,
  summary: 'Make an invitation',
  description:
    'The code in the answer is a secret that is kept nowhere: put it into a link. It lets in as long as who made it may invite, to a role below their own.',
  security,
  middleware,
  request: { params: params.chat, body: body(CreateInvitation) },
  responses: {
    201: json(NewInvitation, 'The invitation and its code'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found'),
  },
});

const list = createRoute({
  method: 'get',
  path: '/api/chats/{id}/invitations',
  operationId: 'listInvitations',
  tags,
  summary: 'List invitations',
  description: 'Newest first, without their codes, for those who may invite.',
  security,
  middleware,
  request: { params: params.chat },
  responses: {
    200: json(InvitationList, 'The invitations'),
    ...problems('secured', 'forbidden', 'archived', 'not_found'),
  },
});

const revoke = createRoute({
  method: 'delete',
  path: '/api/chats/{id}/invitations/{invitation_id}',
  operationId: 'revokeInvitation',
  tags,
  summary: 'Revoke an invitation',
  description: 'The own one, or one of somebody of a lower role. From now on it lets nobody in.',
  security,
  middleware,
  request: { params: params.chatInvitation },
  responses: { 204: { description: 'Revoked' }, ...problems('secured', 'forbidden', 'archived', 'not_found') },
});

const preview = createRoute({
  method: 'post',
  path: '/api/invitations/preview',
  operationId: 'previewInvitation',
  tags,
  summary: 'See what an invitation is to',
  description: 'Uses nothing. The code goes into the body, not into an address: addresses are written down.',
  security,
  middleware,
  request: { body: body(UseInvitation) },
  responses: {
    200: json(InvitationPreview, 'What it is to'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found'),
  },
});

const redeem = createRoute({
  method: 'post',
  path: '/api/invitations/redeem',
  operationId: 'redeemInvitation',
  tags,
  summary: 'Come in by an invitation',
  description:
    'However many redeem at once, never more come in than it is for. Who is in already uses nothing. Into a conversation of a workspace it lets its members only.',
  security,
  middleware,
  request: { body: body(UseInvitation) },
  responses: {
    200: json(Redeemed, 'The place in the conversation'),
    ...problems('secured', 'body', 'forbidden', 'archived', 'not_found'),
  },
});

export const invitations = router()
  .openapi(create, async (c) => {
    const { id } = c.req.valid('param');
    const { role, expires_at = null, max_uses = null } = c.req.valid('json');
    return c.json(await createInvitation(c.env, id, c.var.identity.user_id, { role, expires_at, max_uses }), 201);
  })
  .openapi(list, async (c) => {
    const { id } = c.req.valid('param');
    const text = await manage(c.env, id, c.var.identity.user_id, { do: 'list_invitations' });
    return passJson<z.infer<typeof InvitationList>>(c, text);
  })
  .openapi(revoke, async (c) => {
    const { id, invitation_id } = c.req.valid('param');
    const command = { do: 'revoke_invitation' as const, id: invitation_id };
    await manage(c.env, id, c.var.identity.user_id, command, { once: true });
    return c.body(null, 204);
  })
  .openapi(preview, async (c) =>
    c.json(await previewInvitation(c.env, c.var.identity.user_id, c.req.valid('json').code), 200),
  )
  .openapi(redeem, async (c) =>
    passJson<Redeemed>(c, await redeemInvitation(c.env, c.var.identity.user_id, c.req.valid('json').code)),
  );
