import type { ChannelEntry, InvitationPreview, PermissionTable, Redeemed } from '../../src/protocol/people.ts';
import type { Http } from './http.ts';

export interface ChannelPage {
  items: ChannelEntry[];
  next_cursor: string | null;
}

/** Conversations that the user is not in: how they are found, and how one comes in. */
export class Places {
  readonly #http: Http;
  readonly #changed: () => Promise<void>;

  /** @internal */
  constructor(http: Http, changed: () => Promise<void>) {
    this.#http = http;
    this.#changed = changed;
  }

  /** Public channels by the words of name and topic, those with the most members first: a page. */
  channels(query: { q?: string; workspace_id?: string; cursor?: string; limit?: number } = {}): Promise<ChannelPage> {
    return this.#http.request<ChannelPage>('/api/channels', { query });
  }

  /** What an invitation is to. @throws TidelineError `not_found` when it does not hold */
  invitation(code: string): Promise<InvitationPreview> {
    return this.#http.request<InvitationPreview>('/api/invitations/preview', { body: { code }, idempotent: true });
  }

  /** Comes in by an invitation. Who is in already uses nothing. */
  async redeem(code: string): Promise<Redeemed> {
    const redeemed = await this.#http.request<Redeemed>('/api/invitations/redeem', {
      body: { code },
      idempotent: true,
    });
    await this.#changed();
    return redeemed;
  }

  /** Who may do what, by type of conversation, and how far a conversation may have it otherwise. */
  permissions(): Promise<PermissionTable> {
    return this.#http.request<PermissionTable>('/api/permissions');
  }
}
