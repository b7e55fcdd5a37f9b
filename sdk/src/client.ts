import type { ChatEvent } from '../../src/protocol/events.ts';
import type { Privacy, UpdatePrivacy } from '../../src/protocol/friends.ts';
import type { Message } from '../../src/protocol/messages.ts';
import type { GoneReason } from '../../src/protocol/reduce.ts';
import type { SearchAllPage } from '../../src/protocol/search.ts';
import type { ItemChange, ItemKind, ItemValue } from '../../src/protocol/sync.ts';
import type { Presence, Profile, SignIn, SignUp, Status, Tokens, UpdateUser, User } from '../../src/protocol/users.ts';
import { AccountResource } from './account.ts';
import { Changes } from './changes.ts';
import { Chat } from './chat.ts';
import { ChatsResource } from './chats.ts';
import type { Watermarks } from './conversation.ts';
import { Emitter } from './emitter.ts';
import { type ConnectionState, Engine } from './engine.ts';
import { type Environment, environment, type Runtime, randomName } from './environment.ts';
import { NetworkError, StorageError, TidelineError } from './errors.ts';
import { FilesResource } from './files.ts';
import { BlocksResource, FriendsResource } from './friends.ts';
import { Http, type RequestOptions } from './http.ts';
import type { LocalMessage } from './message.ts';
import { NotificationsResource } from './notifications.ts';
import { Places } from './places.ts';
import { People } from './profiles.ts';
import { PushResource } from './push.ts';
import { type SearchOptions, searchAll } from './search.ts';
import { Session } from './session.ts';
import { MemoryStorage, type StorageAdapter } from './storage.ts';
import { WorkspacesResource } from './workspaces.ts';

const DEVICE_KEY = 'device_key';

export interface ClientOptions extends Partial<Environment> {
  /** Where the server is, `https://chat.example.com`. */
  url: string;
  /** Keeps the session, unsent messages and the list. In memory unless given: nothing survives the client then. */
  storage?: StorageAdapter;
  /** Name of this device in the user's list of sessions. */
  device?: string;
}

export interface ClientEvents {
  /** Whether news arrive: `online` once the client has caught up with the server. */
  connection: { readonly state: ConnectionState; readonly error: Error | undefined };
  /** Rows of `client.chats.rows` have changed, or are gone. */
  chats: { readonly changed: readonly string[]; readonly gone: readonly { chat_id: string; reason: GoneReason }[] };
  /** Rows of other kinds, those of `client.items`, have changed; `value` null: gone. */
  items: readonly ItemChange[];
  /** A new message, one's own included; within a conversation in the order of the log, each once. */
  message: Message;
  /** New events of a conversation, ascending, each once. */
  events: { readonly chat_id: string; readonly events: readonly ChatEvent[] };
  /** A message of one's own has another status. */
  outbox: LocalMessage;
  receipt: Watermarks & { readonly chat_id: string; readonly user_id: string };
  typing: { readonly chat_id: string; readonly user_id: string; readonly stop?: true };
  presence: Presence;
  /** Profiles of `client.people` that are new or other than before. */
  people: readonly Profile[];
  /** The session has ended and nobody is signed in; unsent messages wait in storage for the same user. */
  signedout: TidelineError;
  /** What went wrong apart from any call. The client goes on by itself. */
  error: Error;
}

/** Makes a client, with the session that storage holds, if any. It connects when `connect` is called. */
export async function createClient(options: ClientOptions): Promise<TidelineClient> {
  const client = new TidelineClient(options);
  await client.restore();
  return client;
}

/** A signed-in user's device. Made by `createClient`. */
export class TidelineClient extends Emitter<ClientEvents> {
  readonly chats: ChatsResource;
  /** Names and pictures of users, kept on this device. */
  readonly people: People;
  readonly friends: FriendsResource;
  readonly blocks: BlocksResource;
  readonly workspaces: WorkspacesResource;
  /** Channels to find and invitations to use. */
  readonly places: Places;
  readonly files: FilesResource;
  readonly account: AccountResource;
  readonly push: PushResource;
  readonly notifications: NotificationsResource;
  readonly #environment: Runtime;
  readonly #storage: StorageAdapter;
  readonly #device: string | undefined;
  readonly #http: Http;
  readonly #session: Session;
  readonly #engine: Engine;
  readonly #handles = new Map<string, Chat>();
  #rows: { changed: Set<string>; gone: Map<string, GoneReason> } | undefined;
  #stopListening: (() => void) | undefined;

  /** @internal Use `createClient`. */
  constructor(options: ClientOptions) {
    super();
    this.#environment = environment(options);
    this.#storage = options.storage ?? new MemoryStorage();
    this.#device = options.device;
    const base = baseUrl(options.url);
    this.#http = new Http(this.#environment, base, () => this.#session);
    this.#session = new Session(this.#environment, this.#storage, this.#http, {
      renewed: (token) => this.#engine.tokenRenewed(token),
      ended: (error) => this.#ended(error),
      fault: (error) => this.emit('error', error),
    });
    this.#engine = new Engine(this.#environment, this.#http, this.#session, this.#storage, base, {
      connection: (state, error) => this.emit('connection', { state, error }),
      events: (chat_id, events) => {
        this.#handles.get(chat_id)?.emit('events', events);
        this.emit('events', { chat_id, events });
      },
      messages: (_, messages) => {
        for (const message of messages) this.emit('message', message);
      },
      reset: (chatId) => this.#handles.get(chatId)?.emit('reset', undefined),
      timeline: (chatId) => this.#handles.get(chatId)?.linesChanged(),
      rows: (changed, gone) => {
        for (const id of changed) this.#handles.get(id)?.rowChanged();
        this.#rowsChanged(changed, gone);
      },
      gone: (chatId, reason) => this.#handles.get(chatId)?.emit('gone', reason),
      items: (changes) => {
        this.notifications.itemsChanged(changes);
        this.emit('items', changes);
      },
      local: (message) => this.emit('outbox', message),
      receipt: (chat_id, user_id, marks) => {
        this.#handles.get(chat_id)?.emit('receipt', { user_id, ...marks });
        this.emit('receipt', { chat_id, user_id, ...marks });
      },
      typing: (chat_id, user_id, stop) => {
        const typing = { user_id, ...(stop ? { stop } : {}) };
        this.#handles.get(chat_id)?.emit('typing', typing);
        this.emit('typing', { chat_id, ...typing });
      },
      presence: (presence) => this.emit('presence', presence),
      refused: (error) => void this.#refused(error),
      fault: (error) => this.emit('error', error),
    });
    this.people = new People(this.#environment.clock, this.#storage, {
      find: (ids) => this.findUsers({ ids }),
      changed: (profiles) => this.emit('people', profiles),
      fault: (error) => this.emit('error', error),
    });
    const changed = async () => {
      // A connected client is told; one that is not asks.
      if (this.state !== 'online') await this.sync();
    };
    const contacts = { contacts: () => this.items('contact'), groups: () => this.items('friend_group'), changed };
    this.friends = new FriendsResource(this.#http, contacts);
    this.blocks = new BlocksResource(this.#http, contacts);
    this.workspaces = new WorkspacesResource(this.#http, { rows: () => this.items('workspace'), changed });
    this.places = new Places(this.#http, changed);
    this.files = new FilesResource(this.#http);
    this.account = new AccountResource(this.#http);
    this.push = new PushResource(this.#http);
    this.notifications = new NotificationsResource(this.#http, {
      rows: () => this.items('notification'),
      state: () => this.items('notification_state').get('me'),
      now: () => this.#environment.clock.now(),
      changed,
    });
    this.chats = new ChatsResource(this.#http, {
      chat: (id) => this.chat(id),
      conversation: (id) => this.#engine.conversation(id),
      rows: () => this.#engine.list.rows,
      userId: () => this.user?.id,
      changed,
      shown: (id) => {
        if (this.#engine.list.rows.has(id)) this.#rowsChanged([id], []);
      },
    });
  }

  /** Who is signed in. */
  get user(): User | null {
    return this.#session.user;
  }
  get state(): ConnectionState {
    return this.#engine.state;
  }
  /** Messages of one's own that are not acknowledged, the oldest first. */
  get outbox(): LocalMessage[] {
    return this.#engine.delivery.pending;
  }

  // Accounts

  /** @throws TidelineError `email_taken`, `handle_taken`, `invalid`, `rate_limited` */
  async signUp(input: SignUp): Promise<User> {
    return this.#signedIn('/api/auth/signup', input);
  }

  /** @throws TidelineError `invalid_credentials`, `suspended`, `rate_limited` */
  async signIn(input: SignIn): Promise<User> {
    return this.#signedIn('/api/auth/signin', input);
  }

  /**
   * Ends the session, and erases what this device stores of the user, unsent messages included.
   * @throws NetworkError when the server could not be told: signed out here, while the session lives on there
   */
  async signOut(): Promise<void> {
    const { user } = this;
    if (user === null) return;
    this.disconnect();
    let failure: unknown;
    try {
      await this.#http.request('/api/auth/signout', { method: 'POST', idempotent: true });
    } catch (error) {
      if (!(error instanceof TidelineError && error.status === 401)) failure = error;
    }
    await this.#engine.delivery.flushed();
    await this.#session.forget(new TidelineError('session_ended', 'Signed out'));
    await this.#erase(user.id);
    if (failure !== undefined) throw failure;
  }

  async updateUser(patch: UpdateUser): Promise<User> {
    const user = await this.request<User>('/api/users/me', { method: 'PUT', body: patch });
    await this.#session.updateUser(user);
    return user;
  }

  /** Profiles by exact e-mail address, by handle, or by ids (at most 100). What is not found is left out. */
  async findUsers(by: { email: string } | { handle: string } | { ids: string[] }): Promise<Profile[]> {
    const query: Record<string, string> = 'ids' in by ? { ids: by.ids.join(',') } : by;
    return (await this.request<{ items: Profile[] }>('/api/users', { query })).items;
  }

  /**
   * Searches the user's conversations, the newest messages first. `complete: false` while a server still reads old messages in;
   * `unreached` names conversations to ask for again.
   */
  search(options: SearchOptions & { chats?: readonly string[] }): Promise<SearchAllPage> {
    return searchAll(this.#http, options);
  }

  /** What others may do, and see of the user; kept in step as the row `me` of `items('privacy')`. */
  privacy(): Promise<Privacy> {
    return this.request<Privacy>('/api/users/me/privacy');
  }
  updatePrivacy(patch: UpdatePrivacy): Promise<Privacy> {
    return this.request<Privacy>('/api/users/me/privacy', { method: 'PUT', body: patch });
  }

  /** What the user says of themself; kept in step. */
  get status(): Status | undefined {
    const status = this.items('status').get('me');
    const over = status?.expires_at != null && Date.parse(status.expires_at) <= this.#environment.clock.now();
    return over ? undefined : status;
  }
  async setStatus(status: Partial<Status> | null): Promise<void> {
    await (status === null
      ? this.request('/api/users/me/status', { method: 'DELETE' })
      : this.request('/api/users/me/status', { method: 'PUT', body: status }));
  }

  /** The user has left this device alone for a while, or is there again. Others see the liveliest of their devices. */
  setAway(away: boolean): void {
    this.#engine.setAway(away);
  }

  /** How a friend is, or somebody with whom the user shares a Single. */
  presence(userId: string): Promise<Presence> {
    return this.request<Presence>(`/api/users/${encodeURIComponent(userId)}/presence`);
  }

  // Connection

  /**
   * Connects, and stays connected until `disconnect`. Resolves when the list is in step for the first time.
   * @throws TidelineError when nobody is signed in, or the server refuses the session for good
   */
  connect(): Promise<void> {
    if (this.user === null) {
      return Promise.reject(new TidelineError('unauthenticated', 'Nobody is signed in: call signUp or signIn first'));
    }
    if (this.state === 'online') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const off = this.on('connection', ({ state, error }) => {
        if (state === 'connecting') return;
        off();
        if (state === 'online') resolve();
        else reject(error ?? new NetworkError('Disconnected before the connection was there'));
      });
      this.#stopListening ??= onNetworkBack(() => this.#engine.kick());
      this.#engine.connect();
    });
  }

  /**
   * Somebody is looking, or the network is back: ends the wait before the next attempt to connect, and has a server that has been
   * silent for half a minute say whether it still hears this device.
   */
  wake(): void {
    this.#engine.kick();
  }

  disconnect(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#engine.disconnect();
  }

  /** Disconnects, and resolves when everything that has to survive is stored. */
  async close(): Promise<void> {
    this.disconnect();
    await this.#engine.delivery.flushed();
    await Promise.all([this.#engine.list.store(), this.#engine.archive.store()]);
  }

  /** Catches up once over REST, connected or not. */
  sync(): Promise<void> {
    return this.#engine.list.sync();
  }

  /**
   * Rows of the inbox besides the conversations, by id, kept in step while connected. The map is another one when, and only
   * when, a row of that kind has changed.
   */
  items<K extends ItemKind>(kind: K): ReadonlyMap<string, ItemValue<K>> {
    return this.#engine.list.items(kind);
  }

  /** A conversation by id. No request is made: whether it exists shows when it is used. */
  chat(id: string): Chat {
    let chat = this.#handles.get(id);
    if (chat === undefined) {
      const ports = {
        conversation: () => this.#engine.conversation(id),
        userId: () => this.user?.id,
        now: () => this.#environment.clock.now(),
        touched: () => this.#handles.get(id)?.linesChanged(),
      };
      const changes = new Changes(id, this.#http, ports);
      chat = new Chat(id, this.#engine, this.chats, changes, this.#environment.clock.steady);
      this.#handles.set(id, chat);
    }
    return chat;
  }

  /**
   * Any request of the API, with the session's token, retries and typed errors.
   * @param path beginning with `/`
   * @returns the JSON of the answer, taken to be a T
   * @throws TidelineError, NetworkError
   */
  request<T = unknown>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#http.request<T>(path, options);
  }

  /** @internal */
  async restore(): Promise<void> {
    await this.#session.load();
    if (this.user !== null) await this.#load(this.user.id);
  }

  async #signedIn(path: string, input: SignUp | SignIn): Promise<User> {
    const askedAt = this.#environment.clock.now();
    const device = input.device ?? this.#device;
    const tokens = await this.#http.request<Tokens>(path, {
      body: { ...input, ...(device === undefined ? {} : { device }), device_key: await this.#deviceKey() },
      auth: false,
    });
    this.#engine.clear();
    this.people.clear();
    await this.#session.adopt(tokens, askedAt);
    await this.#load(tokens.user.id);
    return tokens.user;
  }

  /** What the server knows this device by; kept over sign-outs, so that who comes back is no stranger. */
  async #deviceKey(): Promise<string> {
    const fresh = randomName();
    try {
      return await this.#storage.exclusive(DEVICE_KEY, async () => {
        const known = (await this.#storage.read(DEVICE_KEY))[DEVICE_KEY];
        if (typeof known === 'string') return known;
        await this.#storage.write({ set: { [DEVICE_KEY]: fresh } });
        return fresh;
      });
    } catch (cause) {
      this.emit('error', new StorageError('The key of this device could not be stored', { cause }));
      return fresh;
    }
  }

  async #load(userId: string): Promise<void> {
    await Promise.all([this.people.load(userId), this.#engine.load(userId)]);
  }

  async #refused(error: TidelineError): Promise<void> {
    // A suspended user keeps the session: it may be used again when the suspension is lifted.
    if (error.status === 401) await this.#session.forget(error);
    else this.emit('error', error);
  }

  #ended(error: TidelineError): void {
    this.#engine.clear();
    this.people.clear();
    this.#handles.clear();
    this.emit('signedout', error);
  }

  async #erase(userId: string): Promise<void> {
    try {
      const prefixes = ['outbox', 'list', 'read', 'log', 'people'].map((name) => `${name}/${userId}/`);
      const stored = await Promise.all(prefixes.map((prefix) => this.#storage.read(prefix)));
      await this.#storage.write({ delete: stored.flatMap((entries) => Object.keys(entries)) });
    } catch (cause) {
      this.emit('error', new StorageError('What is stored of the user could not be erased', { cause }));
    }
  }

  /** One `chats` event for all that changes in a turn. */
  #rowsChanged(changed: readonly string[], gone: readonly { chat_id: string; reason: GoneReason }[]): void {
    if (this.#rows === undefined) {
      this.#rows = { changed: new Set(), gone: new Map() };
      queueMicrotask(() => {
        const rows = this.#rows;
        this.#rows = undefined;
        if (rows === undefined) return;
        this.emit('chats', {
          changed: [...rows.changed],
          gone: [...rows.gone].map(([chat_id, reason]) => ({ chat_id, reason })),
        });
      });
    }
    for (const id of changed) {
      this.#rows.gone.delete(id);
      this.#rows.changed.add(id);
    }
    for (const { chat_id, reason } of gone) {
      this.#rows.changed.delete(chat_id);
      this.#rows.gone.set(chat_id, reason);
    }
  }
}

function baseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new TidelineError('invalid', `url: "${text}" is no http or https address`);
  }
  return text.replace(/\/+$/, '');
}

/** The global object, of which only `setTimeout` is everywhere. */
interface NetworkTarget {
  readonly setTimeout: unknown;
  addEventListener?(type: 'online', run: () => void): void;
  removeEventListener?(type: 'online', run: () => void): void;
}

/** In browsers, when the device is on the network again. */
function onNetworkBack(run: () => void): () => void {
  const target: NetworkTarget = globalThis;
  target.addEventListener?.('online', run);
  return () => target.removeEventListener?.('online', run);
}
