import type {
  Chat as ChatData,
  ChatDetail,
  ChatListItem,
  CreateChat,
  Member,
  Preferences,
  UpdateChat,
} from '../../src/protocol/chats.ts';

import { LIMITS } from '../../src/protocol/limits.ts';
import type { MessagePage } from '../../src/protocol/messages.ts';
import type { SearchPage } from '../../src/protocol/search.ts';
import type { Chat } from './chat.ts';
import type { Conversation } from './conversation.ts';
import { TidelineError } from './errors.ts';
import type { Http } from './http.ts';
import { activityOf } from './intake.ts';
import { ChatPeople } from './people.ts';
import { searchChat } from './search.ts';

export interface ChatPage {
  items: ChatListItem[];
  next_cursor: string | null;
}

/** What a caller says of a new conversation; the user is a member without being named. */
export type NewChat = Omit<CreateChat, 'members'> & { members?: string[] };

export interface ChatsPorts {
  chat(id: string): Chat;
  conversation(id: string): Conversation;
  rows(): ReadonlyMap<string, ChatListItem>;
  userId(): string | undefined;
  /** A change was made over REST: the list should learn of it soon. */
  changed(): Promise<void>;
  /** The row is shown other than before. */
  shown(id: string): void;
}

/** The user's conversations: the list that is kept in step, and what can be done over REST. */
export class ChatsResource {
  readonly #http: Http;
  readonly #ports: ChatsPorts;
  /** Preferences on their way, by conversation, the latest last: rows are shown with them. */
  readonly #preferring = new Map<string, Preferences[]>();

  /** @internal */
  constructor(http: Http, ports: ChatsPorts) {
    this.#http = http;
    this.#ports = ports;
  }

  /** The list as it stands here, pinned ones first, then latest activity: kept in step while connected. */
  get rows(): ChatListItem[] {
    return [...this.#ports.rows().values()]
      .map((row) => this.#current(row))
      .sort((a, b) => Number(b.pinned) - Number(a.pinned) || activityOf(b).localeCompare(activityOf(a)));
  }

  /** One row of `rows`. */
  row(id: string): ChatListItem | undefined {
    const row = this.#ports.rows().get(id);
    return row === undefined ? undefined : this.#current(row);
  }

  /** @internal */
  search(id: string, options: Parameters<typeof searchChat>[2]): Promise<SearchPage> {
    return searchChat(this.#http, id, options);
  }

  /** @internal What is asked of single messages. */
  get http(): Http {
    return this.#http;
  }

  /** A page of the list from the server. */
  list(page: { cursor?: string; limit?: number } = {}): Promise<ChatPage> {
    return this.#http.request<ChatPage>('/api/chats', { query: page });
  }

  /** Makes a conversation, or finds the Single of a pair. */
  async create(input: NewChat): Promise<Chat> {
    const { id } = await this.#http.request<ChatData>('/api/chats', {
      body: input,
      // A pair has one Single however often it is asked for.
      idempotent: input.type === 'Single',
    });
    await this.#ports.changed();
    return this.#ports.chat(id);
  }

  /** The conversation, if the user may see it. @throws TidelineError `not_found` */
  async get(id: string): Promise<Chat> {
    if (!this.#ports.rows().has(id)) await this.fetch(id);
    return this.#ports.chat(id);
  }

  /** What the server says of it now. */
  fetch(id: string): Promise<ChatDetail> {
    return this.#http.request<ChatDetail>(path(id));
  }

  async update(id: string, patch: UpdateChat): Promise<ChatDetail> {
    const chat = await this.#http.request<ChatDetail>(path(id), { method: 'PUT', body: patch });
    await this.#ports.changed();
    return chat;
  }

  async delete(id: string): Promise<void> {
    await this.#http.request(path(id), { method: 'DELETE' });
    await this.#ports.changed();
  }

  /** Messages as they are now: the newest page, or the one on that side of a seq. */
  messages(id: string, page: { before?: number; after?: number; limit?: number } = {}): Promise<MessagePage> {
    return this.#http.request<MessagePage>(`${path(id)}/messages`, { query: page });
  }

  /** Every member, page by page. */
  async members(id: string): Promise<Member[]> {
    const members: Member[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await this.#http.request<{ items: Member[]; next_cursor: string | null }>(`${path(id)}/members`, {
        query: { limit: LIMITS.pageMax, after },
      });
      members.push(...page.items);
      after = page.next_cursor ?? undefined;
      more = after !== undefined;
    }
    return members;
  }

  /** In requests of at most 500. Who is a member already stays as they are. */
  async addMembers(id: string, userIds: string[]): Promise<Member[]> {
    const added: Member[] = [];
    for (let at = 0; at < userIds.length; at += LIMITS.membersPerRequest) {
      const page = await this.#http.request<{ items: Member[] }>(`${path(id)}/members`, {
        body: { user_ids: userIds.slice(at, at + LIMITS.membersPerRequest) },
        idempotent: true,
      });
      added.push(...page.items);
    }
    await this.#ports.changed();
    return added;
  }

  async removeMember(id: string, userId: string): Promise<void> {
    await this.#http.request(`${path(id)}/members/${encodeURIComponent(userId)}`, {
      method: 'DELETE',
      // A second removal would say that there is no such member.
      idempotent: false,
    });
    await this.#ports.changed();
  }

  /** Joins a public channel. */
  async join(id: string): Promise<void> {
    await this.addMembers(id, [this.#self()]);
  }

  async leave(id: string): Promise<void> {
    await this.removeMember(id, this.#self());
  }

  /** What is done about the people of a conversation. */
  people(id: string): ChatPeople {
    return new ChatPeople(this.#http, id, this.#ports.changed);
  }

  /** Mute, pin, archive or mark as unread, for the user alone. Shown at once, taken back if refused. */
  async prefer(id: string, preferences: Preferences): Promise<ChatListItem> {
    this.#preferring.set(id, [...(this.#preferring.get(id) ?? []), preferences]);
    this.#ports.shown(id);
    try {
      const body = preferences;
      const row = await this.#http.request<ChatListItem>(`${path(id)}/preferences`, { method: 'PUT', body });
      await this.#ports.changed();
      return row;
    } finally {
      const left = this.#preferring.get(id)?.filter((one) => one !== preferences) ?? [];
      if (left.length > 0) this.#preferring.set(id, left);
      else this.#preferring.delete(id);
      this.#ports.shown(id);
    }
  }

  /** The row with what is known here already and not yet in the inbox. */
  #current(stored: ChatListItem): ChatListItem {
    const wanted = this.#preferring.get(stored.id);
    const row = wanted === undefined ? stored : wanted.reduce(preferred, stored);
    const conversation = this.#ports.conversation(row.id);
    const newest = conversation.messages.at(-1);
    const unread = conversation.unread;
    const head_seq = Math.max(row.head_seq, conversation.log.head);
    const shown = row.last_message?.seq ?? 0;
    // The same message as it is now, where the log held here is ahead of the row.
    const ahead = newest && (newest.seq > shown || (newest.seq === shown && conversation.log.upto > row.head_seq));
    const last_message = ahead ? newest : row.last_message;
    const read_seq = conversation.readSeq;
    if (
      unread === row.unread &&
      head_seq === row.head_seq &&
      last_message === row.last_message &&
      read_seq === row.read_seq
    ) {
      return row;
    }
    return { ...row, unread, head_seq, last_message, read_seq, mentions: unread === 0 ? 0 : row.mentions };
  }

  #self(): string {
    const id = this.#ports.userId();
    if (id === undefined) throw new TidelineError('unauthenticated', 'Nobody is signed in');
    return id;
  }
}

/** A row as it is with preferences that name some of its fields. */
const preferred = (row: ChatListItem, { notify = row.notify, ...flags }: Preferences): ChatListItem => ({
  ...row,
  muted: flags.muted ?? row.muted,
  pinned: flags.pinned ?? row.pinned,
  archived: flags.archived ?? row.archived,
  marked_unread: flags.marked_unread ?? row.marked_unread,
  ...(notify === undefined ? {} : { notify }),
});

const path = (id: string): string => `/api/chats/${encodeURIComponent(id)}`;
