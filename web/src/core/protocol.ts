// What tabs and the core say to one another. The core holds the one SDK client of this browser; tabs show what it says.
import type {
  ChatEvent,
  ChatListItem,
  ConnectionState,
  ErrorCode,
  FileAbout,
  GoneReason,
  ItemChange,
  Member,
  Message,
  Presence,
  Profile,
  User,
} from '@tideline/sdk';

/** An error as it crosses a port, where its class is lost. */
export interface Failure {
  readonly name: string;
  readonly code: ErrorCode | 'network' | 'fault';
  readonly message: string;
  readonly retryAfter: number | undefined;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

/** A message as it is shown: `seq` is null until it is acknowledged. */
export type ShownMessage = Readonly<Omit<Message, 'seq' | 'ordinal' | 'mentions' | 'reply_to'>> & {
  readonly seq: number | null;
  /** In the place of its files, until it is read back from the log. */
  readonly tickets?: readonly string[] | undefined;
  readonly reply_to?: number | undefined;
  readonly mentions?: readonly string[] | undefined;
};

export interface MessageLine {
  readonly type: 'message';
  /** The same from the moment it is sent until it is read back from the log. */
  readonly key: string;
  readonly message: ShownMessage;
  readonly status: 'sending' | 'sent' | 'failed';
  readonly failure: Failure | undefined;
}

export interface EventLine {
  readonly type: 'event';
  readonly key: string;
  readonly event: ChatEvent;
}

export type Line = MessageLine | EventLine;

/** What is so of a conversation on screen beside its lines. */
export interface TimelineState {
  /** The place to begin at is known and its lines are here. */
  readonly ready: boolean;
  readonly hasOlder: boolean;
  /** Lines are missing between those shown and the newest. */
  readonly hasNewer: boolean;
  /** How far was read when it was opened, and how much was not. */
  readonly readAtOpen: number;
  readonly unreadAtOpen: number;
  readonly readSeq: number;
  readonly headSeq: number;
  /** The furthest that anybody else has got. */
  readonly others: { readonly read_seq: number; readonly delivered_seq: number };
  readonly gone: GoneReason | undefined;
}

/** Part of a list that was replaced. */
export interface Splice<T> {
  readonly start: number;
  readonly remove: number;
  readonly insert: readonly T[];
}

/** What is said of a file that is uploaded. */
export interface UploadRequest {
  readonly name: string;
  readonly workspace_id?: string;
  readonly about?: FileAbout;
  /** An upload that was begun before. */
  readonly resume?: string;
}

export type ToCore =
  /** `lock` is a Web Lock that the tab holds for as long as it lives. */
  | { readonly t: 'hello'; readonly lock: string }
  | { readonly t: 'call'; readonly id: number; readonly path: readonly string[]; readonly args: readonly unknown[] }
  /** Answered as a call is, after news of how far it has come. */
  | { readonly t: 'upload'; readonly id: number; readonly content: Blob; readonly request: UploadRequest }
  | { readonly t: 'cancel'; readonly id: number }
  | {
      readonly t: 'open';
      readonly view: number;
      readonly chat_id: string;
      readonly at: number | undefined;
      /** seq of its first message: the thread is shown, not the conversation. */
      readonly thread: number | undefined;
    }
  | { readonly t: 'close'; readonly view: number }
  | { readonly t: 'more'; readonly view: number; readonly side: 'older' | 'newer' | 'latest' }
  | { readonly t: 'jump'; readonly view: number; readonly seq: number }
  | {
      readonly t: 'outbox';
      readonly chat_id: string;
      readonly client_id: string;
      readonly act: 'retry' | 'discard';
    }
  | { readonly t: 'want'; readonly user_ids: readonly string[] }
  | { readonly t: 'visible'; readonly visible: boolean };

export type FromCore =
  | { readonly t: 'session'; readonly user: User | null; readonly ended: ErrorCode | undefined }
  | { readonly t: 'connection'; readonly state: ConnectionState }
  | {
      readonly t: 'rows';
      readonly all: boolean;
      readonly set: readonly ChatListItem[];
      readonly gone: readonly string[];
    }
  | { readonly t: 'items'; readonly all: boolean; readonly changes: readonly ItemChange[] }
  | { readonly t: 'people'; readonly profiles: readonly Profile[] }
  | { readonly t: 'presence'; readonly presence: Presence }
  | { readonly t: 'typing'; readonly chat_id: string; readonly user_id: string; readonly stop?: true }
  | { readonly t: 'members'; readonly chat_id: string; readonly members: readonly Member[] }
  | {
      readonly t: 'timeline';
      readonly view: number;
      readonly splice: Splice<Line> | undefined;
      readonly state: TimelineState;
    }
  | { readonly t: 'notify'; readonly message: Message }
  | { readonly t: 'fault'; readonly failure: Failure }
  /** `upload` names what can be resumed. */
  | { readonly t: 'progress'; readonly id: number; readonly upload: string | undefined; readonly sent: number }
  | { readonly t: 'result'; readonly id: number; readonly value: unknown }
  | { readonly t: 'refused'; readonly id: number; readonly failure: Failure };
