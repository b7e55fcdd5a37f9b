export type {
  ChangedMessage,
  EditList,
  FollowedThreads,
  MessageChange,
  ReactorPage,
  ScheduledMessage,
} from '../../src/protocol/changes.ts';
export type {
  Action,
  Chat as ChatData,
  ChatDetail,
  ChatListItem,
  ChatType,
  FanoutTier,
  HistoryPolicy,
  JoinPolicy,
  Member,
  Overrides,
  Permissions,
  Preferences,
  Reader,
  Retention,
  Role,
  UpdateChat,
  UpdateMember,
} from '../../src/protocol/chats.ts';
export type { Reaction, Thread } from '../../src/protocol/current.ts';
export type { ChatEvent, EventPage, EventType, Hole, MessageEvent } from '../../src/protocol/events.ts';
export type { FileAbout, FileInfo, FileTicket, Storage, Upload } from '../../src/protocol/files.ts';
export type {
  Contact,
  ContactState,
  FriendGroup,
  Privacy,
  UpdateFriend,
  UpdatePrivacy,
} from '../../src/protocol/friends.ts';
export type { Draft as DraftRow, PutDraft, SavedMessage } from '../../src/protocol/kept.ts';
export type {
  ContactCard,
  Custom,
  Entity,
  Everyone,
  Location,
  MessageKind,
  Origin,
  Poll,
  PollResults,
  PollView,
  Preview,
  Quote,
  SendableKind,
  Sticker,
  Vote,
} from '../../src/protocol/kinds.ts';
export { LIMITS } from '../../src/protocol/limits.ts';
export type { Message, MessagePage, SendMessage, SentMessage } from '../../src/protocol/messages.ts';
export type { NotificationRow, NotificationState } from '../../src/protocol/notifications.ts';
export type {
  Announcement,
  AnnouncementReader,
  Ban,
  ChannelEntry,
  ChannelPreview,
  Invitation,
  InvitationPreview,
  JoinRequest,
  NewInvitation,
  PermissionTable,
  Redeemed,
} from '../../src/protocol/people.ts';
export type {
  CreateSubscription,
  NotificationSettings,
  PushPayload,
  QuietHours,
  Subscription,
} from '../../src/protocol/push.ts';
export type { GoneReason } from '../../src/protocol/reduce.ts';
export type { SearchHit, SearchPage } from '../../src/protocol/search.ts';
export type { Change, ItemChange, ItemKind, ItemValue, SyncRequest, SyncResponse } from '../../src/protocol/sync.ts';
export { unread } from '../../src/protocol/unread.ts';
export type {
  EmailState,
  Presence,
  Profile,
  Session,
  SignIn,
  SignUp,
  Status,
  Tokens,
  UpdateUser,
  User,
} from '../../src/protocol/users.ts';
export type { ErrorCode } from '../../src/protocol/wire.ts';
export type {
  NewWorkspaceInvitation,
  UpdateWorkspace,
  Workspace,
  WorkspaceInvitation,
  WorkspaceInvitationPreview,
  WorkspaceMember,
  WorkspaceRole,
} from '../../src/protocol/workspaces.ts';
export type { AccountResource } from './account.ts';
export type { Changes, Edit } from './changes.ts';
export { Chat, type ChatEvents, type Draft } from './chat.ts';
export type { ChatPage, ChatsResource, NewChat } from './chats.ts';
export { type ClientEvents, type ClientOptions, createClient, TidelineClient } from './client.ts';
export type { Watermarks } from './conversation.ts';
export type { ConnectionState } from './engine.ts';
export type {
  Clock,
  Environment,
  Fetch,
  HttpRequest,
  HttpResponse,
  Socket,
  SocketConstructor,
  SocketEvent,
} from './environment.ts';
export { NetworkError, StorageError, TidelineError } from './errors.ts';
export type { FilePlace, FilesResource, UploadOptions, UploadProgress } from './files.ts';
export type { BlocksResource, FriendsResource } from './friends.ts';
export type { RequestOptions } from './http.ts';
export { drafts, quoting, RichText } from './kinds.ts';
export { LocalMessage, type Receipt, type TimelineItem } from './message.ts';
export type { NotificationsResource } from './notifications.ts';
export type { ChatPeople, NewInvitationOptions } from './people.ts';
export type { ChannelPage, Places } from './places.ts';
export type { MessagesPage, PageOptions } from './polls.ts';
export type { People } from './profiles.ts';
export type { PushResource } from './push.ts';
export { MemoryStorage, type StorageAdapter, type StorageChanges } from './storage.ts';
export type { HistoryWindow } from './window.ts';
export type { WorkspaceInvitationPage, WorkspacePeoplePage, WorkspacesResource } from './workspaces.ts';
