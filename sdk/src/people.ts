import type { Member, UpdateMember } from '../../src/protocol/chats.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import type {
  Announcement,
  AnnouncementReader,
  Ban,
  ChannelPreview,
  Invitation,
  JoinRequest,
  NewInvitation,
} from '../../src/protocol/people.ts';
import type { Http } from './http.ts';

export interface NewInvitationOptions {
  role?: 'admin' | 'moderator' | 'member';
  /** RFC 3339; without it, it does not expire. */
  expires_at?: string | null;
  /** Without it, any number. */
  max_uses?: number | null;
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** The people of one conversation, beside who is in it: what moderators and admins do. Every call goes over REST. */
export class ChatPeople {
  readonly #http: Http;
  readonly #path: string;
  readonly #changed: () => Promise<void>;

  /** @internal */
  constructor(http: Http, chatId: string, changed: () => Promise<void>) {
    this.#http = http;
    this.#path = `/api/chats/${encodeURIComponent(chatId)}`;
    this.#changed = changed;
  }

  /** One member. @throws TidelineError `not_found` */
  member(userId: string): Promise<Member> {
    return this.#http.request<Member>(this.#of('members', userId));
  }

  /** Members by nickname, handle or name: one page. */
  async search(text: string, limit?: number): Promise<Member[]> {
    const page = await this.#http.request<Page<Member>>(`${this.#path}/members`, { query: { q: text, limit } });
    return page.items;
  }

  /** Changes role, nickname (one's own too) or mute. @throws TidelineError `forbidden`, `conflict` (the last owner) */
  async update(userId: string, patch: UpdateMember): Promise<Member> {
    const member = await this.#http.request<Member>(this.#of('members', userId), { method: 'PUT', body: patch });
    await this.#changed();
    return member;
  }

  /** Hands the conversation over: the other becomes owner, the user admin. */
  async transfer(userId: string): Promise<Member> {
    const member = await this.#http.request<Member>(`${this.#path}/transfer`, { body: { user_id: userId } });
    await this.#changed();
    return member;
  }

  /** Who is banned, all of them. */
  bans(): Promise<Ban[]> {
    return this.#all<Ban>('/bans');
  }

  ban(userId: string, reason?: string): Promise<Ban> {
    const body = reason === undefined ? {} : { reason };
    return this.#http.request<Ban>(this.#of('bans', userId), { method: 'PUT', body });
  }

  async unban(userId: string): Promise<void> {
    await this.#http.request(this.#of('bans', userId), { method: 'DELETE', idempotent: false });
  }

  /** Asks to be let in. One that is open is answered as it is. @throws TidelineError `rate_limited` after a refusal */
  askToJoin(text?: string): Promise<JoinRequest> {
    const body = text === undefined ? {} : { text };
    return this.#http.request<JoinRequest>(`${this.#path}/requests`, { body, idempotent: true });
  }

  /** A request: one's own, or for those who decide. */
  request(userId: string): Promise<JoinRequest> {
    return this.#http.request<JoinRequest>(this.#of('requests', userId));
  }

  /** Requests that are open, all of them. */
  requests(): Promise<JoinRequest[]> {
    return this.#all<JoinRequest>('/requests');
  }

  decide(userId: string, decision: 'accept' | 'reject'): Promise<JoinRequest> {
    return this.#http.request<JoinRequest>(this.#of('requests', userId), { method: 'PUT', body: { decision } });
  }

  /** Takes one's own request back. */
  async cancelRequest(userId: string): Promise<void> {
    await this.#http.request(this.#of('requests', userId), { method: 'DELETE', idempotent: false });
  }

  /** Makes an invitation. Its `code` is told this once. */
  invite(options: NewInvitationOptions = {}): Promise<NewInvitation> {
    return this.#http.request<NewInvitation>(`${this.#path}/invitations`, { body: options });
  }

  async invitations(): Promise<Invitation[]> {
    return (await this.#http.request<{ items: Invitation[] }>(`${this.#path}/invitations`)).items;
  }

  async revokeInvitation(id: string): Promise<void> {
    await this.#http.request(this.#of('invitations', id), { method: 'DELETE', idempotent: false });
  }

  /** @throws TidelineError `not_found` when there is none */
  announcement(): Promise<Announcement> {
    return this.#http.request<Announcement>(`${this.#path}/announcement`);
  }

  /** Puts up an announcement; null takes it down. */
  async announce(text: string | null): Promise<void> {
    const path = `${this.#path}/announcement`;
    await this.#http.request(path, text === null ? { method: 'DELETE' } : { method: 'PUT', body: { text } });
  }

  async readAnnouncement(): Promise<void> {
    await this.#http.request(`${this.#path}/announcement/read`, { method: 'POST', idempotent: true });
  }

  /** Who has read the announcement, all of them. */
  announcementReaders(): Promise<AnnouncementReader[]> {
    return this.#all<AnnouncementReader>('/announcement/readers');
  }

  /** An open channel before joining: it and its newest messages. */
  preview(): Promise<ChannelPreview> {
    return this.#http.request<ChannelPreview>(`${this.#path}/preview`);
  }

  #of(what: string, id: string): string {
    return `${this.#path}/${what}/${encodeURIComponent(id)}`;
  }

  async #all<T>(what: string): Promise<T[]> {
    const items: T[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const query = { limit: LIMITS.pageMax, after };
      const page = await this.#http.request<Page<T>>(this.#path + what, { query });
      items.push(...page.items);
      after = page.next_cursor ?? undefined;
      more = after !== undefined;
    }
    return items;
  }
}
