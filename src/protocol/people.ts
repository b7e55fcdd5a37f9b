import { z } from 'zod';
import { ChatDetail, ChatType, Member, Overridable, Permissions, Role } from './chats.ts';
import { ChatId, DisplayText, InvitationId, Seq, Timestamp, UserId, WellFormedText, WorkspaceId } from './common.ts';
import { LIMITS } from './limits.ts';
import { Message } from './messages.ts';

/** Text that a person writes about somebody: the reason of a ban, why one wants to join. */
const Remark = DisplayText.min(1).max(LIMITS.remarkLength);

/** The table of permissions as the code has it, by type of conversation. */
export const PermissionTable = z
  .object({
    types: z.record(ChatType, Permissions),
    bounds: z
      .record(Overridable, z.object({ least: Role, most: Role }))
      .meta({ description: 'What `overrides` of a conversation may name: from the lowest role to the highest' }),
  })
  .meta({ id: 'PermissionTable' });
export type PermissionTable = z.infer<typeof PermissionTable>;

export const TransferOwnership = z.strictObject({ user_id: UserId }).meta({ id: 'TransferOwnership' });

export const BanUser = z.strictObject({ reason: Remark.nullish() }).meta({ id: 'BanUser' });
export const Ban = z
  .object({ user_id: UserId, banned_by: UserId, banned_at: Timestamp, reason: z.string().nullable() })
  .meta({ id: 'Ban' });
export type Ban = z.infer<typeof Ban>;

export const MakeJoinRequest = z.strictObject({ text: Remark.nullish() }).meta({ id: 'MakeJoinRequest' });
export const DecideJoinRequest = z
  .strictObject({ decision: z.enum(['accept', 'reject']) })
  .meta({ id: 'DecideJoinRequest' });
export const JoinRequest = z
  .object({
    user_id: UserId,
    text: z.string().nullable(),
    state: z.enum(['open', 'accepted', 'rejected', 'cancelled']),
    created_at: Timestamp,
    decided_by: UserId.nullable(),
    decided_at: Timestamp.nullable(),
  })
  .meta({ id: 'JoinRequest' });
export type JoinRequest = z.infer<typeof JoinRequest>;

export const CreateInvitation = z
  .strictObject({
    role: Role.exclude(['owner']).default('member'),
    expires_at: Timestamp.nullish().meta({ description: 'In the future; null: does not expire' }),
    max_uses: z.int().min(1).max(LIMITS.invitationUses).nullish().meta({ description: 'null: any number' }),
  })
  .meta({ id: 'CreateInvitation' });
export const Invitation = z
  .object({
    id: InvitationId,
    role: Role,
    created_by: UserId,
    created_at: Timestamp,
    expires_at: Timestamp.nullable(),
    max_uses: z.int().nullable(),
    uses: z.int(),
    valid: z.boolean().meta({ description: 'Not expired, not used up, and who made it may still invite' }),
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof Invitation>;
/** The secret is in the answer to its making and nowhere else: the conversation keeps a digest. */
export const NewInvitation = Invitation.extend({ code: z.string() }).meta({ id: 'NewInvitation' });
export type NewInvitation = z.infer<typeof NewInvitation>;

/** Which conversation, and a secret of 192 bits. */
export const InvitationCode = z
  .string()
  .regex(/^[0-9a-hjkmnp-tv-z]{26}[A-Za-z0-9_-]{32}$/, 'must be the code of an invitation')
  .meta({
    description: 'What an invitation link carries',
    example: `${'01kahq2c6tq9m3d5e7g8h0j1kn'}${'A'.repeat(32)}`,
  });
export const UseInvitation = z.strictObject({ code: InvitationCode }).meta({ id: 'UseInvitation' });
export const InvitationPreview = z
  .object({
    chat: z.object({
      id: ChatId,
      type: ChatType,
      name: z.string().nullable(),
      topic: z.string().optional(),
      avatar: z.string().optional(),
      workspace_id: WorkspaceId.nullable(),
      member_count: z.int(),
    }),
    role: Role,
    expires_at: Timestamp.nullable(),
    member: z.boolean().meta({ description: 'The reader is in it already' }),
  })
  .meta({ id: 'InvitationPreview' });
export type InvitationPreview = z.infer<typeof InvitationPreview>;
export const Redeemed = z
  .object({ chat_id: ChatId, joined: z.boolean().meta({ description: 'false: was in it already' }), member: Member })
  .meta({ id: 'Redeemed' });
export type Redeemed = z.infer<typeof Redeemed>;

export const SetAnnouncement = z
  .strictObject({
    text: WellFormedText.trim().min(1).max(LIMITS.announcementLength),
  })
  .meta({ id: 'SetAnnouncement' });
export const Announcement = z
  .object({
    seq: Seq.meta({ description: 'seq of the event that made it' }),
    text: z.string(),
    by: UserId,
    at: Timestamp,
    readers: z.int().meta({ description: 'Members who said that they have read it' }),
    read: z.boolean().meta({ description: 'The reader did' }),
  })
  .meta({ id: 'Announcement' });
export type Announcement = z.infer<typeof Announcement>;
export const AnnouncementReader = z.object({ user_id: UserId, read_at: Timestamp }).meta({ id: 'AnnouncementReader' });
export type AnnouncementReader = z.infer<typeof AnnouncementReader>;

/** What somebody sees of an open channel before joining. */
export const ChannelPreview = z.object({ chat: ChatDetail, messages: z.array(Message) }).meta({ id: 'ChannelPreview' });
export type ChannelPreview = z.infer<typeof ChannelPreview>;

/** A public channel in the directory. The directory follows the channels: its counts may lag behind. */
export const ChannelEntry = z
  .object({
    id: ChatId,
    workspace_id: WorkspaceId.nullable(),
    name: z.string(),
    topic: z.string().nullable(),
    avatar: z.string().nullable(),
    join_policy: z.string(),
    member_count: z.int(),
  })
  .meta({ id: 'ChannelEntry' });
export type ChannelEntry = z.infer<typeof ChannelEntry>;
