import { z } from 'zod';
import type { Json, Notice, NoticeAnswer } from '../conversation/api.ts';
import type { ChatListItem, Preferences } from '../protocol/chats.ts';
import type { Result } from '../protocol/errors.ts';
import type { NotificationPage, ReadNotifications } from '../protocol/notifications.ts';
import type { CreateSubscription, NotificationSettings, Subscription } from '../protocol/push.ts';
import type { SearchAll, SearchAllPage } from '../protocol/search.ts';
import type { SyncRequest, SyncResponse } from '../protocol/sync.ts';
import type { Presence, Status } from '../protocol/users.ts';
import type { Alert } from './alerts.ts';
import type { Waiting } from './digest.ts';
import type { Item, ItemRecord } from './items.ts';
import type { Keep } from './kept.ts';

/** Who is asking, as the verified access token says. Times in milliseconds since 1970. */
const Identity = z.object({
  user_id: z.string(),
  session_id: z.string(),
  issued_at: z.number(),
  expires_at: z.number(),
  /** The socket was opened by a resume token, and not renewed since. */
  resumed: z.boolean().optional(),
});
export type Identity = z.infer<typeof Identity>;

/** Header in which the Worker hands a verified Identity (JSON) to an object with a WebSocket upgrade. */
export const IDENTITY_HEADER = 'x-tideline-identity';

export const identityOf = (request: Request): Identity =>
  Identity.parse(JSON.parse(request.headers.get(IDENTITY_HEADER) ?? 'null'));

/** A conversation as an inbox holds it. */
export interface HeldChat {
  chat_id: string;
  gone: boolean;
  epoch: string;
  head_seq: number;
  /** The inbox knows that it may be behind, and asks when its user looks. */
  stale: boolean;
}
export interface InboxReport {
  suspended: boolean;
  chats: HeldChat[];
  /** Rows of which D1 is the owner; on the first page only. */
  items: ItemRecord[];
  has_more: boolean;
}

/** The calls of a UserInbox: the inbox of one user, named by the user's id. */
export interface InboxApi {
  /**
   * Whether the session may still act: the check behind every authenticated request, without D1.
   * Without `attach` it also counts a request: `rate_limited` when there were too many.
   * `attach` names a conversation to which the session is about to open a socket, so that ending the session can close it.
   */
  gate(identity: Identity, attach?: string): Promise<Result<null>>;
  /** Ends sessions at once: their sockets close, here and in rooms; their access tokens are refused until they end. */
  endSessions(input: { sessions: string[] | 'all'; except?: string }): Promise<void>;
  /** A suspended user is refused on every path until restored. */
  setSuspended(suspended: boolean): Promise<void>;
  notify(notice: Notice): Promise<NoticeAnswer>;
  /** Rows of other kinds than conversations, at least once and in any order: one older than what is stored changes nothing. */
  put(items: readonly Item[]): Promise<void>;
  /** What the user keeps for themself: drafts, and messages for later. */
  keep(keep: Keep): Promise<Result<null>>;
  /** A ready frame (typing, presence) for the user's devices; dropped when there are none. */
  signal(frame: string): Promise<void>;
  /** Conversations, latest activity first. */
  chats(page: {
    cursor?: string;
    limit: number;
  }): Promise<Result<Json<{ items: ChatListItem[]; next_cursor: string | null }>>>;
  /** One conversation as the user has it in the list. */
  chat(chatId: string): Promise<Result<ChatListItem>>;
  prefer(chatId: string, preferences: Preferences): Promise<Result<ChatListItem>>;
  /** Notifications, the newest first. */
  notifications(page: { cursor?: string; limit: number }): Promise<Result<Json<NotificationPage>>>;
  /** `not_found` for one that is not there. */
  readNotifications(which: ReadNotifications): Promise<Result<null>>;
  /** null: all of them. `not_found` for one that is not there. */
  removeNotifications(id: string | null): Promise<Result<null>>;
  sync(request: SyncRequest): Promise<Result<Json<SyncResponse>>>;
  /** Messages that match in the user's conversations, the newest first. */
  search(request: SearchAll): Promise<Result<Json<SearchAllPage>>>;
  /** Has a device pushed to, as long as its session lives. `id` is derived from the endpoint. */
  subscribe(session: string, id: string, input: CreateSubscription): Promise<Subscription>;
  subscriptions(): Promise<Subscription[]>;
  /** `not_found` unless one of them was there. */
  unsubscribe(ids: string[]): Promise<Result<null>>;
  notificationSettings(): Promise<NotificationSettings>;
  setNotificationSettings(settings: NotificationSettings): Promise<void>;
  /** What is to be pushed of a conversation now, until `alerted`; null: nothing. */
  alert(chatId: string): Promise<Alert | null>;
  alerted(chatId: string, seq: number): Promise<void>;
  /** What a mail to somebody who has been away for long names, until `digested`; empty: there is nothing to tell. */
  digest(): Promise<Waiting[]>;
  digested(): Promise<void>;
  /** A peer tells how they are, and hears how this user is; null to strangers. */
  meet(peer: Presence): Promise<Presence | null>;
  /** Sets what the user says of themself; null takes it away. */
  setStatus(status: Status | null): Promise<void>;
  /** Presence as `viewer` may see it: the user themself, friends, and people who share a Single; else not_found. */
  presence(viewer: string): Promise<Result<Presence>>;
  /** For the audit: a page of what the inbox holds, by conversation, and whether it refuses the user. */
  inspect(page: { after: string; limit: number }): Promise<InboxReport>;
  /** For the audit: one conversation as the inbox holds it; null: not at all. */
  held(chatId: string): Promise<HeldChat | null>;
  /** For the audit: takes these rows as their owner has them, also where what is stored has a higher version. */
  mend(items: readonly Item[]): Promise<void>;
  /** Asks the rooms of these conversations, and takes what they say. */
  recheck(chatIds: string[]): Promise<void>;
}
