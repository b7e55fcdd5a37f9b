import type { ChangedMessage } from '../protocol/changes.ts';
import type {
  Chat,
  ChatDetail,
  ChatType,
  HistoryPolicy,
  JoinPolicy,
  Member,
  Reader,
  Role,
  UpdateChat,
  UpdateRetention,
} from '../protocol/chats.ts';
import type { Result } from '../protocol/errors.ts';
import type { ChatEvent, EventPage } from '../protocol/events.ts';
import type { ClientFrame } from '../protocol/frames.ts';
import type { PollView, Preview, Vote } from '../protocol/kinds.ts';
import type { Message, MessagePage, SendMessage, SentMessage } from '../protocol/messages.ts';
import type { ChatHead } from '../protocol/sync.ts';
import type { Copy, Forward } from './admit.ts';
import type { Ask } from './asks.ts';
import type { HeldBlock } from './blocks.ts';
import type { ChangeRequest } from './changes.ts';
import type { Command } from './commands.ts';
import type { FindPage, FoundPage } from './find.ts';
import type { Listed } from './listing.ts';
import type { MessageQuery } from './pages.ts';

/** Text that is already JSON of a T: written once where the data is, passed on without being parsed again. */
export type Json<T> = string & { readonly __json?: T };

export interface NewConversation {
  chat_id: string;
  type: ChatType;
  name: string | null;
  workspace_id: string | null;
  created_by: string;
  /** Everyone, the creator included, each once. */
  members: string[];
  history: HistoryPolicy;
  /** Without it, as the type has it. */
  join_policy?: JoinPolicy;
}

/** A conversation as one who may see it finds it. `member` is false for a public channel seen from outside. */
export interface Sight {
  chat: ChatDetail;
  member: boolean;
}

/**
 * What the room tells an inbox: the state of the conversation for one user, whole. Applying a notice twice, or an older
 * one after a newer one, changes nothing: watermarks only grow, and `version` orders the rest.
 */
export interface Notice {
  chat: Chat;
  /** The user's own place in the conversation; null once they are no longer in it. */
  member: null | {
    role: Role;
    muted_until?: string;
    joined_at: string;
    visible_from: number;
    read_seq: number;
    read_messages: number;
    delivered_seq: number;
  };
  /** Why `member` is null. */
  gone?: 'left' | 'removed' | 'deleted';
  /** seq of the latest change of the user's membership: an older notice never undoes a newer leave or join. */
  member_seq: number;
  messages: number;
  /** Unread replies in the threads that the user follows. */
  thread_unread?: number;
  /** Messages that the user has deleted for themself so far. */
  hidden?: number;
  last_message: Message | null;
  /** seqs of unread messages that mention the user and that the inbox may not have heard of. */
  mentions: number[];
  /** The newest messages that mention the user, read or not; absent: there are none. */
  mentioned?: MentionRef[];
  /** How somebody else gave the user the place that `member_seq` is about, or took it. */
  placed?: Placed;
  /** Whether the room goes on telling this inbox, or waits until it looks (large and huge rooms). */
  armed: boolean;
  /** Ready `events` frame for the user's devices, when the inbox is known to have some. */
  frame?: string;
}

/** A message that mentions somebody. Milliseconds since 1970. */
export interface MentionRef {
  seq: number;
  actor_id: string;
  at: number;
  thread_seq: number | null;
}

/** Milliseconds since 1970. */
export interface Placed {
  how: 'joined' | 'role' | 'removed';
  by: string;
  at: number;
}

export interface NoticeAnswer {
  /** Live device sockets of the user. */
  devices: number;
}

/** Missing events for a device, in two parts that a sync answer puts into different places. */
export interface CatchUp {
  head: Json<ChatHead>;
  events: Json<ChatEvent[]>;
}

/** Answers to frames, and what has become of the conversation meanwhile, unless a call tells that. */
export interface Exchanged {
  answers: string[];
  notice: Notice | undefined;
}

/** A page of the log as a ready frame for a socket. `head` is the head it was read at. */
export interface SocketPage {
  text: string;
  head: number;
  hasMore: boolean;
}

/** What an audit compares with others. */
export interface RoomReport {
  deleted: boolean;
  workspace_id: string | null;
  epoch: string;
  head_seq: number;
  members: string[];
  /** Files that messages carry. */
  files: string[];
  /** A public channel as the directory has to have it; null: it is none, or is about to tell. */
  listed: Listed | null;
  /** Of a Single: who has blocked the other, as D1 has told. */
  blocks: HeldBlock[];
  /** How long the workspace keeps messages, as D1 has told; null: nothing was told. */
  retention: { seconds: number | null; version: number } | null;
  /** There are more files or members, after the last one by id. */
  has_more: boolean;
}

/** The calls of a ConversationRoom. `user` always comes from a verified token. */
export interface RoomApi {
  /** Idempotent: a conversation that exists is returned as it is, `created: false`. */
  create(input: NewConversation): Promise<Result<{ chat: Chat; created: boolean }>>;
  /** `not_found` to everybody who may not know that it exists. */
  describe(user: string): Promise<Result<Sight>>;
  update(user: string, patch: UpdateChat): Promise<Result<ChatDetail>>;
  destroy(user: string): Promise<Result<null>>;
  members(
    user: string,
    page: { after?: string; limit: number },
  ): Promise<Result<{ items: Member[]; next_cursor: string | null }>>;
  /** The caller has checked that the users exist and, in a workspace, belong to it. Already members: no change. */
  addMembers(user: string, userIds: string[]): Promise<Result<{ items: Member[] }>>;
  /** Removes, or leaves when `user` is the member. The sockets of the removed close. */
  removeMember(user: string, member: string): Promise<Result<null>>;
  /** Entry by the system: `by` let the users into the workspace whose default channel this is. Banned users stay out. Idempotent. */
  enroll(by: string, userIds: string[]): Promise<void>;
  /** The workspace keeps messages for so long at most; null: for ever. Told in any order, at least once. */
  limitRetention(limit: { seconds: number | null; version: number }): Promise<void>;
  /** What is done about people, bans, requests, invitations and announcements. The answer is JSON of its schema. */
  manage(user: string, command: Command): Promise<Result<string>>;
  /** Removal by the system (the user left the workspace). Idempotent. */
  expel(member: string): Promise<void>;
  /** Deletion by the system (the workspace was deleted). Idempotent. */
  dissolve(): Promise<void>;
  /** A Single learns that `by` has blocked the other person, or does no more; told in any order, also before it begins. */
  setBlocked(by: string, block: { blocked: boolean; version: number }): Promise<void>;
  send(user: string, message: SendMessage & { client_id: string }): Promise<Result<SentMessage>>;
  /** The message as a member may take it into another conversation: this room's word for what it says. */
  attest(user: string, seq: number): Promise<Result<Copy>>;
  /** Sends a copy of a message of another conversation, or answers with the refusal with which that one's room met. */
  forward(user: string, copy: Forward): Promise<Result<SentMessage>>;
  /** Sends what the system says. */
  announce(message: { client_id: string; content: string }): Promise<Result<SentMessage>>;
  /** What was found behind the link of a message; null: nothing that is shown. */
  previewed(seq: number, url: string, preview: Preview | null): Promise<void>;
  /** Members who have read the message, by user id. */
  readers(
    user: string,
    seq: number,
    page: { after?: string; limit: number },
  ): Promise<Result<{ items: Reader[]; next_cursor: string | null }>>;
  /** Votes, or takes a vote back; answers with how the poll stands then. */
  vote(user: string, seq: number, options: number[]): Promise<Result<PollView>>;
  closePoll(user: string, seq: number): Promise<Result<PollView>>;
  poll(user: string, seq: number): Promise<Result<PollView>>;
  /** Who voted what, by user id. */
  votes(
    user: string,
    seq: number,
    page: { after?: string; limit: number },
  ): Promise<Result<{ items: Vote[]; next_cursor: string | null }>>;
  /** Changes a message: see `changes.ts`. */
  change(user: string, request: ChangeRequest): Promise<Result<ChangedMessage>>;
  /** What a member asks for beside messages: JSON of what its type says (`asks.ts`). */
  ask(user: string, ask: Ask): Promise<Result<Json<never>>>;
  /** Sets how long messages may be changed, and how long they last. */
  retain(user: string, patch: UpdateRetention): Promise<Result<Chat>>;
  /** Frames that came in on an inbox socket. Answers with the frames for that socket, as ready texts. */
  submit(user: string, frames: ClientFrame[]): Promise<string[]>;
  /**
   * `submit` for an inbox that takes its notice with the answers, which spares a call. Such an answer is not sent again:
   * the inbox has noted in storage that it has to look, should it not arrive.
   */
  exchange(user: string, frames: ClientFrame[]): Promise<Exchanged>;
  messages(user: string, query: MessageQuery): Promise<Result<Json<MessagePage>>>;
  events(user: string, page: { after: number; limit: number; bytes?: number }): Promise<Result<Json<EventPage>>>;
  /** Messages that match; what the user may not read is not found. The first search reads the log in, the newest messages first. */
  search(user: string, page: FindPage): Promise<Result<FoundPage>>;
  /** For sync: events after `after` within `bytes`; too far behind gives the newest page and `reset`. */
  catchUp(user: string, page: { after: number; bytes: number }): Promise<Result<CatchUp>>;
  /** A relay has a new socket: what it gets first. From here on the relay is told what is published. */
  enter(user: string, relay: string, after: number | undefined): Promise<Result<SocketPage>>;
  /** A page for a socket at a relay. */
  pull(user: string, page: { after: number; limit: number; bytes: number }): Promise<Result<SocketPage>>;
  /** Whether the user may fetch a file here: a member now, who may see a message that carries it. Else `not_found`. */
  file(user: string, fileId: string): Promise<Result<null>>;
  /** Those of the files that some message carries. */
  heldFiles(fileIds: string[]): Promise<string[]>;
  /** The user looked: the room's current state for them, and from now on they are told again. null: never a member. */
  look(user: string): Promise<Notice | null>;
  /** Closes the user's sockets in this room: of these sessions, or of all but one. */
  endSessions(
    user: string,
    which: { sessions: string[] | 'all'; except?: string | undefined; reason: 'session_ended' | 'suspended' },
  ): Promise<void>;
  /** For the audit: what the room is, and a page of its files and members by id. null: there is no such room. */
  inspect(page: { after: string; limit: number }): Promise<RoomReport | null>;
  /** For the audit: these users' inboxes are told again how things are for them. */
  retell(users: string[]): Promise<void>;
  /** For the audit: these files are nowhere any more, and nobody is to fetch them here. */
  loseFiles(fileIds: string[]): Promise<void>;
  /** For the audit: what D1 has of a block, or of the retention, also where a higher version is stored. */
  mendBlock(by: string, block: { blocked: boolean; version: number }): Promise<void>;
  mendRetention(limit: { seconds: number | null; version: number }): Promise<void>;
  /** For the audit: a public channel tells the directory again how it is. */
  relist(): Promise<void>;
  /** The log was restored to an earlier state: another epoch, and everybody is told. */
  renew(): Promise<void>;
}
