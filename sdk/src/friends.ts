import type { Contact, FriendGroup, RequestFriend, UpdateFriend } from '../../src/protocol/friends.ts';
import type { Http, RequestOptions } from './http.ts';

interface Ports {
  contacts(): ReadonlyMap<string, Contact>;
  groups(): ReadonlyMap<string, FriendGroup>;
  /** A change was made over REST: the rows should learn of it soon. */
  changed(): Promise<void>;
}

/** Changes over REST, after which the rows are brought up to date. */
abstract class Contacts {
  readonly #http: Http;
  protected readonly ports: Ports;

  /** @internal */
  constructor(http: Http, ports: Ports) {
    this.#http = http;
    this.ports = ports;
  }

  protected where(holds: (contact: Contact) => boolean): Contact[] {
    return [...this.ports.contacts().values()].filter(holds);
  }

  protected async change<T = void>(
    method: NonNullable<RequestOptions['method']>,
    path: string,
    body?: unknown,
    idempotent = true,
  ): Promise<T> {
    const answer = await this.#http.request<T>(path, {
      method,
      idempotent,
      ...(body === undefined ? {} : { body }),
    });
    await this.ports.changed();
    return answer;
  }
}

const at = (path: string, id: string): string => `/api/${path}/${encodeURIComponent(id)}`;

/** Friends, requests and groups of friends: rows that are kept in step, and what can be done. */
export class FriendsResource extends Contacts {
  get rows(): Contact[] {
    return this.where(({ state }) => state === 'friend');
  }
  /** Requests that wait for the user's answer. */
  get received(): Contact[] {
    return this.where(({ state }) => state === 'received');
  }
  /** Requests of the user that wait for an answer. */
  get sent(): Contact[] {
    return this.where(({ state }) => state === 'sent');
  }
  /** Friend, request or block; undefined for somebody who is nothing to the user. */
  get(userId: string): Contact | undefined {
    return this.ports.contacts().get(userId);
  }
  get groups(): FriendGroup[] {
    return [...this.ports.groups().values()];
  }

  /**
   * Asks somebody to be friends: `sent`, or `friend` when they have asked already or take everybody.
   * @throws TidelineError `forbidden` (they take no requests), `not_found`, `conflict` (blocked by the user, too many)
   */
  request(userId: string, ask: Partial<Omit<RequestFriend, 'user_id'>> = {}): Promise<Contact> {
    return this.change('POST', '/api/friend-requests', { user_id: userId, ...ask });
  }
  accept(userId: string): Promise<Contact> {
    return this.change('POST', `${at('friend-requests', userId)}/accept`);
  }
  /** Rejects what this person asked, or takes back what the user asked them. */
  decline(userId: string): Promise<void> {
    return this.change('DELETE', at('friend-requests', userId));
  }
  remove(userId: string): Promise<void> {
    return this.change('DELETE', at('friends', userId));
  }
  /** Sets the private name of a friend, and the groups they are in. */
  update(userId: string, patch: UpdateFriend): Promise<Contact> {
    return this.change('PUT', at('friends', userId), patch);
  }
  createGroup(name: string): Promise<FriendGroup> {
    return this.change('POST', '/api/friend-groups', { name }, false);
  }
  renameGroup(id: string, name: string): Promise<FriendGroup> {
    return this.change('PUT', at('friend-groups', id), { name });
  }
  deleteGroup(id: string): Promise<void> {
    return this.change('DELETE', at('friend-groups', id));
  }
}

/** Whom the user has blocked. */
export class BlocksResource extends Contacts {
  get rows(): Contact[] {
    return this.where(({ blocked }) => blocked);
  }
  add(userId: string): Promise<Contact> {
    return this.change('PUT', at('blocks', userId));
  }
  remove(userId: string): Promise<void> {
    return this.change('DELETE', at('blocks', userId));
  }
}
