import { z } from 'zod';
import { ChatName } from './chats.ts';
import { ChatId, Timestamp, UserId, WellFormedText, WorkspaceId, WorkspaceInvitationId } from './common.ts';
import { LIMITS } from './limits.ts';
import { Email } from './users.ts';

/** What somebody may do in a workspace, the most first. */
export const WorkspaceRole = z.enum(['owner', 'admin', 'member', 'guest']).meta({ id: 'WorkspaceRole' });
export type WorkspaceRole = z.infer<typeof WorkspaceRole>;

/** Who may make channels in a workspace: everybody but guests, or its owners and admins. */
export const ChannelCreators = z.enum(['everyone', 'admins']).meta({ id: 'ChannelCreators' });
export type ChannelCreators = z.infer<typeof ChannelCreators>;

const RetentionDays = z.int().min(1).max(LIMITS.retentionDays);
const MaxFileBytes = z.int().min(1).max(LIMITS.workspaceFileBytes);
const DefaultChats = z.array(ChatId).max(LIMITS.defaultChats);

/** A workspace as its reader has it. */
export const Workspace = z
  .object({
    id: WorkspaceId,
    name: z.string(),
    description: z.string().nullable(),
    owner_id: UserId.meta({ description: 'One of its owners' }),
    role: WorkspaceRole.meta({ description: 'Of the reader' }),
    create_channels: ChannelCreators,
    retention_days: z.int().nullable().meta({ description: 'Days that messages last at most; null: for ever' }),
    max_file_bytes: z.int().nullable().meta({ description: 'Bytes of the largest file; null: as everywhere' }),
    default_chat_ids: z.array(ChatId).meta({ description: 'Public channels that new members enter; to guests none' }),
    deleting_at: Timestamp.nullable().meta({ description: 'When it will be deleted, unless an owner restores it' }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Workspace' });
export type Workspace = z.infer<typeof Workspace>;

export const WorkspaceDescription = WellFormedText.max(LIMITS.descriptionLength);
export const CreateWorkspace = z
  .strictObject({ name: ChatName, description: WorkspaceDescription.nullish() })
  .meta({ id: 'CreateWorkspace' });
export const UpdateWorkspace = z
  .strictObject({
    name: ChatName.optional(),
    description: WorkspaceDescription.nullish(),
    create_channels: ChannelCreators.optional(),
    retention_days: RetentionDays.nullish(),
    max_file_bytes: MaxFileBytes.nullish(),
    default_chat_ids: DefaultChats.optional(),
  })
  .meta({ id: 'UpdateWorkspace' });
export type UpdateWorkspace = z.infer<typeof UpdateWorkspace>;

export const WorkspaceMember = z
  .object({
    user_id: UserId,
    fullname: z.string(),
    handle: z.string().nullable(),
    avatar: z.string().nullable(),
    role: WorkspaceRole,
    joined_at: Timestamp,
  })
  .meta({ id: 'WorkspaceMember' });
export type WorkspaceMember = z.infer<typeof WorkspaceMember>;

export const AddWorkspaceMembers = z
  .strictObject({
    user_ids: z.array(UserId).min(1).max(LIMITS.membersPerRequest),
    role: WorkspaceRole.extract(['member', 'guest']).default('member'),
  })
  .meta({ id: 'AddWorkspaceMembers' });
export const UpdateWorkspaceMember = z.strictObject({ role: WorkspaceRole }).meta({ id: 'UpdateWorkspaceMember' });
export const TransferWorkspace = z.strictObject({ user_id: UserId }).meta({ id: 'TransferWorkspace' });

const InvitedRole = WorkspaceRole.exclude(['owner']);

export const CreateWorkspaceInvitation = z
  .strictObject({
    email: Email.optional().meta({ description: 'Good once, for the account with this address. Without: a link' }),
    role: InvitedRole.default('member'),
    expires_at: Timestamp.optional().meta({ description: 'In the future. Without: in 7 days' }),
    max_uses: z.int().min(1).max(LIMITS.invitationUses).nullish().meta({ description: 'Of a link; null: any number' }),
  })
  .meta({ id: 'CreateWorkspaceInvitation' });
export type CreateWorkspaceInvitation = z.output<typeof CreateWorkspaceInvitation>;

export const WorkspaceInvitation = z
  .object({
    id: WorkspaceInvitationId,
    email: z.string().nullable().meta({ description: 'null: a link, good for whoever has it' }),
    role: InvitedRole,
    created_by: UserId,
    created_at: Timestamp,
    expires_at: Timestamp,
    max_uses: z.int().nullable(),
    uses: z.int(),
  })
  .meta({ id: 'WorkspaceInvitation' });
export type WorkspaceInvitation = z.infer<typeof WorkspaceInvitation>;

/** 192 random bits. */
export const WorkspaceInvitationCode = z
  .string()
  .regex(/^[A-Za-z0-9_-]{32}$/, 'must be the code of an invitation to a workspace')
  .meta({ description: 'What an invitation carries', example: 'q2Zx7dJ0cJmB1rYb0X2v5uKQ3nT8sW4e' });
export const NewWorkspaceInvitation = WorkspaceInvitation.extend({
  code: WorkspaceInvitationCode.nullable().meta({
    description: 'In this answer and nowhere else: the server keeps a digest. null: it goes out by mail',
  }),
}).meta({ id: 'NewWorkspaceInvitation' });
export type NewWorkspaceInvitation = z.infer<typeof NewWorkspaceInvitation>;

export const UseWorkspaceInvitation = z
  .strictObject({ code: WorkspaceInvitationCode })
  .meta({ id: 'UseWorkspaceInvitation' });
/** What somebody who was invited sees before they come. */
export const WorkspaceInvitationPreview = z
  .object({
    workspace: z.object({ id: WorkspaceId, name: z.string(), description: z.string().nullable() }),
    role: InvitedRole,
    expires_at: Timestamp,
    member: z.boolean().meta({ description: 'The reader is in it already' }),
  })
  .meta({ id: 'WorkspaceInvitationPreview' });
export type WorkspaceInvitationPreview = z.infer<typeof WorkspaceInvitationPreview>;
