import { z } from 'zod';
import { ChatId, DisplayText, Seq, Timestamp, UserId, WorkspaceId } from './common.ts';
import { LIMITS } from './limits.ts';
import { Message } from './messages.ts';
import { Avatar } from './users.ts';

export const ChatType = z.enum(['Single', 'Group', 'PrivateChannel', 'PublicChannel']).meta({ id: 'ChatType' });
export type ChatType = z.infer<typeof ChatType>;
/** What a member may do, the most first. See the table of permissions. */
export const Role = z.enum(['owner', 'admin', 'moderator', 'member']).meta({ id: 'Role' });
export type Role = z.infer<typeof Role>;
/**
 * What can be done in a conversation. `remove`, `ban`, `mute` and `rename` are about somebody else, `recall_any` about
 * somebody else's message, `edit` about one's own; `configure` is the join policy, slow mode, silence and `overrides`; `invite` is links.
 */
export const Action = z
  .enum([
    'send',
    'edit',
    'react',
    'mention_all',
    'pin',
    'recall_any',
    'export',
    'update',
    'announce',
    'add',
    'invite',
    'requests',
    'nickname',
    'rename',
    'mute',
    'remove',
    'ban',
    'role',
    'configure',
    'archive',
    'transfer',
    'delete',
    'leave',
  ])
  .meta({ id: 'Action' });
export type Action = z.infer<typeof Action>;
/** The least role that may, or nobody. */
export const Least = z.enum([...Role.options, 'nobody']).meta({ id: 'Least' });
export type Least = z.infer<typeof Least>;
/** Who may do what: for each action the least role that may. */
export const Permissions = z.record(Action, Least).meta({ id: 'Permissions' });
export type Permissions = z.infer<typeof Permissions>;

/** What a conversation may decide otherwise than the table of its type. */
export const Overridable = Action.extract(['send', 'react', 'mention_all', 'pin', 'update', 'add', 'invite', 'remove']);
export type Overridable = z.infer<typeof Overridable>;
/** The least role that may, where a conversation has it otherwise than the table of its type. */
export const Overrides = z.partialRecord(Overridable, Role).meta({ id: 'Overrides' });
export type Overrides = z.infer<typeof Overrides>;

/** How one comes in without being added: at once, by asking, by a link alone, or not at all. */
export const JoinPolicy = z.enum(['open', 'approval', 'invitation', 'closed']).meta({ id: 'JoinPolicy' });
export type JoinPolicy = z.infer<typeof JoinPolicy>;

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
export const Topic = DisplayText.min(1).max(LIMITS.topicLength);
export const Nickname = DisplayText.min(1).max(LIMITS.nicknameLength);
const ChatAvatar = Avatar.max(LIMITS.chatAvatarLength);
const SlowMode = z.int().min(0).max(LIMITS.slowModeMax);

export const Chat = z
  .object({
    id: ChatId,
    name: z.string().nullable().meta({ description: 'null in a Single: show the other person' }),
    type: ChatType,
    workspace_id: WorkspaceId.nullable(),
    topic: z.string().optional(),
    avatar: z.string().optional(),
    overrides: Overrides.optional().meta({ description: 'Who may do what otherwise than the table of this type says' }),
    slow_mode: z
      .int()
      .optional()
      .meta({ description: 'Seconds between two messages of one member; moderators are exempt' }),
    silenced: z.boolean().optional().meta({ description: 'Only moderators and above may speak' }),
    archived_at: Timestamp.optional().meta({ description: 'Since when it is read only' }),
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

/** The conversation for somebody who looks at it: with who may do what, and how one comes in. */
export const ChatDetail = Chat.extend({
  permissions: Permissions,
  join_policy: JoinPolicy,
  /** The reader's own place; null: seen from outside. */
  me: z
    .object({ role: Role, nickname: z.string().optional(), muted_until: Timestamp.optional() })
    .nullable()
    .meta({ description: 'Own place in it; null in a public channel that one is not in' }),
}).meta({ id: 'ChatDetail' });
export type ChatDetail = z.infer<typeof ChatDetail>;

/** The conversation as its reader has it. Message counts make unread arithmetic: see `unread`. */
export const ChatListItem = Chat.extend({
  messages: z.int().meta({ description: 'Messages in the log so far (the ordinal of the newest)' }),
  read_seq: Seq,
  read_messages: z.int().meta({ description: 'Messages at or before read_seq' }),
  delivered_seq: Seq,
  visible_from: Seq.meta({ description: 'First seq that this member may see' }),
  role: Role,
  muted_until: Timestamp.optional().meta({ description: 'Until then the reader may not speak here' }),
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
    join_policy: JoinPolicy.optional(),
  })
  .meta({ id: 'CreateChat' });
export type CreateChat = z.infer<typeof CreateChat>;

export const UpdateChat = z
  .strictObject({
    name: ChatName.optional(),
    history: HistoryPolicy.optional(),
    topic: Topic.nullable().optional(),
    avatar: ChatAvatar.nullable().optional(),
    join_policy: JoinPolicy.optional(),
    slow_mode: SlowMode.optional(),
    silenced: z.boolean().optional(),
    archived: z.boolean().optional(),
    overrides: z
      .partialRecord(Overridable, Role.nullable())
      .optional()
      .meta({ description: 'Changes what it names; null: as the table of the type says' }),
  })
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
    nickname: z.string().optional(),
    muted_until: Timestamp.optional(),
    joined_at: Timestamp,
    read_seq: Seq,
    delivered_seq: Seq,
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

export const UpdateMember = z
  .strictObject({
    role: Role.optional(),
    nickname: Nickname.nullable().optional(),
    muted_until: Timestamp.nullable().optional().meta({ description: 'In the future; null: may speak again' }),
  })
  .meta({ id: 'UpdateMember' });
export type UpdateMember = z.infer<typeof UpdateMember>;

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
