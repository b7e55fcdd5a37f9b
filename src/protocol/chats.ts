import { z } from 'zod';
import { ChatId, DisplayText, Seq, Timestamp, UserId, WorkspaceId } from './common.ts';
import { LIMITS } from './limits.ts';
import { Message } from './messages.ts';

export const ChatType = z.enum(['Single', 'Group', 'PrivateChannel', 'PublicChannel']).meta({ id: 'ChatType' });
export type ChatType = z.infer<typeof ChatType>;
/** What a member may do, the most first. See the table of permissions. */
export const Role = z.enum(['owner', 'admin', 'moderator', 'member']).meta({ id: 'Role' });
export type Role = z.infer<typeof Role>;
/** What a joiner sees of the time before: everything, or nothing. */
export const HistoryPolicy = z.enum(['all', 'joined']);
export type HistoryPolicy = z.infer<typeof HistoryPolicy>;
/**
 * How members are told of what happens while they are not in the room, by the room's size.
 * `small`: every member's inbox is told of everything; one in which no device listens is told of the first few in a
 * row, and asks for the rest when it looks. `large`: inboxes that are online or have looked since they
 * were last told, and users who are mentioned; the others catch up when they next look. `huge`: as `large`, but only the
 * head is told and the client pulls. No tier loses anything: the log is the truth.
 */
export const FanoutTier = z.enum(['small', 'large', 'huge']).meta({ id: 'FanoutTier' });
export type FanoutTier = z.infer<typeof FanoutTier>;

const seconds = (what: string) => z.int().min(1).max(LIMITS.retentionSeconds).nullable().meta({ description: what });

/** How long things may be changed, and how long they last. All in seconds; null: for ever. */
export const Retention = z
  .strictObject({
    edit_window: seconds('How long a sender may edit a message'),
    recall_window: seconds('How long a sender may recall a message'),
    message_timer: seconds('How long messages last that are sent from now on'),
  })
  .meta({ id: 'Retention' });
export type Retention = z.infer<typeof Retention>;
export const UpdateRetention = Retention.partial().meta({ id: 'UpdateRetention' });
export type UpdateRetention = z.infer<typeof UpdateRetention>;

export const ChatName = DisplayText.min(1).max(LIMITS.nameLength);

export const Chat = z
  .object({
    id: ChatId,
    name: z.string().nullable().meta({ description: 'null in a Single: show the other person' }),
    type: ChatType,
    workspace_id: WorkspaceId.nullable(),
    peer_ids: z.array(UserId).optional().meta({ description: 'Both people of a Single' }),
    history: HistoryPolicy,
    retention: Retention.optional(),
    member_count: z.int(),
    fanout: FanoutTier,
    epoch: z.string(),
    head_seq: Seq,
    created_by: UserId,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Chat' });
export type Chat = z.infer<typeof Chat>;

/** The conversation as its reader has it. Message counts make unread arithmetic: see `unread`. */
export const ChatListItem = Chat.extend({
  messages: z.int().meta({ description: 'Messages in the log so far (the ordinal of the newest)' }),
  read_seq: Seq,
  read_messages: z.int().meta({ description: 'Messages at or before read_seq' }),
  delivered_seq: Seq,
  visible_from: Seq.meta({ description: 'First seq that this member may see' }),
  role: Role,
  joined_at: Timestamp,
  unread: z.int(),
  mentions: z.int().meta({ description: 'Unread messages that mention the reader' }),
  thread_unread: z.int().default(0).meta({ description: 'Unread replies in the threads that the reader follows' }),
  hidden: z.int().default(0).meta({ description: 'Messages that the reader has deleted for themself, so far' }),
  last_message: Message.nullable(),
  muted: z.boolean(),
  pinned: z.boolean(),
  archived: z.boolean(),
}).meta({ id: 'ChatListItem' });
export type ChatListItem = z.infer<typeof ChatListItem>;

export const CreateChat = z
  .strictObject({
    type: ChatType,
    name: ChatName.nullish(),
    members: z.array(UserId).max(LIMITS.membersPerRequest).default([]),
    workspace_id: WorkspaceId.nullish(),
    history: HistoryPolicy.optional(),
  })
  .meta({ id: 'CreateChat' });
export type CreateChat = z.infer<typeof CreateChat>;

export const UpdateChat = z
  .strictObject({ name: ChatName.optional(), history: HistoryPolicy.optional() })
  .meta({ id: 'UpdateChat' });
export type UpdateChat = z.infer<typeof UpdateChat>;

export const Preferences = z
  .strictObject({ muted: z.boolean().optional(), pinned: z.boolean().optional(), archived: z.boolean().optional() })
  .meta({ id: 'Preferences' });
export type Preferences = z.infer<typeof Preferences>;

export const Member = z
  .object({
    user_id: UserId,
    role: Role,
    joined_at: Timestamp,
    read_seq: Seq,
    delivered_seq: Seq,
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

export const AddMembers = z
  .strictObject({ user_ids: z.array(UserId).min(1).max(LIMITS.membersPerRequest) })
  .meta({ id: 'AddMembers' });

export const Workspace = z
  .object({
    id: WorkspaceId,
    name: z.string(),
    description: z.string().nullable(),
    owner_id: UserId,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Workspace' });
export type Workspace = z.infer<typeof Workspace>;

export const WorkspaceDescription = z.string().max(LIMITS.descriptionLength);
export const CreateWorkspace = z
  .strictObject({ name: ChatName, description: WorkspaceDescription.nullish() })
  .meta({ id: 'CreateWorkspace' });
export const UpdateWorkspace = z
  .strictObject({ name: ChatName.optional(), description: WorkspaceDescription.nullish() })
  .meta({ id: 'UpdateWorkspace' });
export const WorkspaceRole = z.enum(['owner', 'member']);
export const WorkspaceMember = z
  .object({ user_id: UserId, role: WorkspaceRole, joined_at: Timestamp })
  .meta({ id: 'WorkspaceMember' });
export type WorkspaceMember = z.infer<typeof WorkspaceMember>;
