import {
  type ChatListItem,
  createClient,
  type ItemChange,
  type ItemKind,
  type Message,
  type TidelineClient,
} from '@tideline/sdk';
import { IndexedDbStorage } from '@tideline/sdk/indexeddb';
import { failureOf } from './failure.ts';
import { Feed, type FeedUpdate } from './feed.ts';
import type { FromCore, ToCore } from './protocol.ts';
import { callClient } from './remote.ts';
import { Rooms } from './rooms.ts';
import { ThreadFeed } from './thread-feed.ts';

/** What a tab talks through. */
export interface Port {
  postMessage(message: FromCore): void;
  onmessage: ((event: MessageEvent<ToCore>) => void) | null;
}

interface Tab {
  readonly send: (message: FromCore) => void;
  readonly feeds: Map<number, Feed | ThreadFeed>;
  readonly uploads: Map<number, AbortController>;
  visible: boolean;
}

/** One client for all tabs of this browser: one connection, one outbox, one list. */
export class Core {
  readonly #client: TidelineClient;
  readonly #rooms: Rooms;
  /** The tab that was used last comes last. */
  readonly #tabs = new Set<Tab>();

  private constructor(client: TidelineClient) {
    this.#client = client;
    this.#rooms = new Rooms(client, (chat_id, members) => {
      this.#broadcast({ t: 'members', chat_id, members });
      this.#feeds(chat_id, (feed) => feed.plan());
    });
    client.on('connection', ({ state }) => this.#broadcast({ t: 'connection', state }));
    client.on('chats', ({ changed, gone }) =>
      this.#rowsChanged(
        changed,
        gone.map(({ chat_id }) => chat_id),
      ),
    );
    client.on('items', (changes) => this.#broadcast({ t: 'items', all: false, changes }));
    client.on('people', (profiles) => this.#broadcast({ t: 'people', profiles }));
    client.on('presence', (presence) => this.#broadcast({ t: 'presence', presence }));
    client.on('typing', (typing) => this.#broadcast({ t: 'typing', ...typing }));
    client.on('message', (message) => this.#message(message));
    client.on('signedout', ({ code }) => {
      this.#rooms.clear();
      for (const tab of this.#tabs) tab.feeds.clear();
      this.#broadcast({ t: 'session', user: null, ended: code });
    });
    client.on('error', (error) => this.#broadcast({ t: 'fault', failure: failureOf(error) }));
  }

  static async start(url: string, device: string): Promise<Core> {
    const client = await createClient({ url, storage: new IndexedDbStorage(), device });
    const core = new Core(client);
    core.#connect();
    return core;
  }

  /** One more tab. */
  attach(port: Port): void {
    const tab: Tab = {
      send: (message) => port.postMessage(message),
      feeds: new Map(),
      uploads: new Map(),
      visible: false,
    };
    this.#tabs.add(tab);
    port.onmessage = ({ data }) => this.#receive(tab, data);
    tab.send({ t: 'people', profiles: this.#client.people.all });
    this.#introduce(tab);
  }

  #introduce(tab: Tab): void {
    tab.send({ t: 'connection', state: this.#client.state });
    const rows = this.#client.user === null ? [] : this.#client.chats.rows;
    tab.send({ t: 'rows', all: true, set: rows, gone: [] });
    tab.send({ t: 'items', all: true, changes: this.#client.user === null ? [] : this.#items() });
    tab.send({ t: 'session', user: this.#client.user, ended: undefined });
    this.#wantPeople(rows);
  }

  /** What tabs show of the rows that are no conversations. */
  #items(): ItemChange[] {
    const of = <K extends ItemKind>(type: K) =>
      [...this.#client.items(type)].map(([id, value]) => ({ type, id, value }));
    return [...of('contact'), ...of('saved'), ...of('draft')];
  }

  #connect(): void {
    if (this.#client.user === null) return;
    // It keeps trying by itself; when the session has ended, `signedout` says so.
    this.#client.connect().catch(() => undefined);
  }

  #receive(tab: Tab, message: ToCore): void {
    switch (message.t) {
      case 'hello':
        void this.#untilGone(tab, message.lock);
        break;
      case 'call':
        void this.#call(tab, message);
        break;
      case 'upload':
        void this.#upload(tab, message);
        break;
      case 'cancel':
        tab.uploads.get(message.id)?.abort();
        break;
      case 'open': {
        const { view, chat_id, thread } = message;
        const ports = {
          tell: (update: FeedUpdate) => tab.send({ t: 'timeline', view, ...update }),
          fault: (error: unknown) => tab.send({ t: 'fault', failure: failureOf(error) }),
        };
        const feed =
          thread === undefined
            ? new Feed(this.#client, this.#rooms, chat_id, ports)
            : new ThreadFeed(this.#client, this.#rooms, chat_id, thread, ports);
        tab.feeds.set(view, feed);
        void feed.open(message.at);
        break;
      }
      case 'close':
        tab.feeds.get(message.view)?.close();
        tab.feeds.delete(message.view);
        break;
      case 'more':
        void tab.feeds.get(message.view)?.more(message.side);
        break;
      case 'jump':
        tab.feeds
          .get(message.view)
          ?.jump(message.seq)
          .catch((error: unknown) => tab.send({ t: 'fault', failure: failureOf(error) }));
        break;
      case 'outbox':
        void this.#client.outbox.find(({ client_id }) => client_id === message.client_id)?.[message.act]();
        break;
      case 'want':
        this.#client.people.want(message.user_ids);
        break;
      case 'visible':
        tab.visible = message.visible;
        if (!tab.visible) break;
        this.#tabs.delete(tab);
        this.#tabs.add(tab);
        this.#client.wake();
        break;
    }
  }

  async #call(tab: Tab, { id, path, args }: Extract<ToCore, { t: 'call' }>): Promise<void> {
    try {
      const before = this.#client.user;
      const value = await callClient(this.#client, path, args);
      const { user } = this.#client;
      if (user !== null && user.id !== before?.id) {
        this.#connect();
        for (const other of this.#tabs) this.#introduce(other);
      } else if (user !== before) {
        this.#broadcast({ t: 'session', user, ended: undefined });
      }
      tab.send({ t: 'result', id, value });
    } catch (error) {
      tab.send({ t: 'refused', id, failure: failureOf(error) });
    }
  }

  async #upload(tab: Tab, { id, content, request }: Extract<ToCore, { t: 'upload' }>): Promise<void> {
    const stop = new AbortController();
    tab.uploads.set(id, stop);
    let begun: string | undefined;
    try {
      const value = await this.#client.files.upload(content, {
        ...request,
        signal: stop.signal,
        onProgress: ({ id: upload, sent }) => {
          begun = upload;
          tab.send({ t: 'progress', id, upload, sent });
        },
      });
      tab.send({ t: 'result', id, value });
    } catch (error) {
      tab.send({ t: 'refused', id, failure: failureOf(error) });
      // What was given up takes no space; what the server does not hear of it drops after a day.
      if (stop.signal.aborted && begun !== undefined) await this.#client.files.abort(begun).catch(() => undefined);
    } finally {
      tab.uploads.delete(id);
    }
  }

  /** A tab holds its lock for as long as it lives: whoever gets it knows that the tab is gone. */
  async #untilGone(tab: Tab, lock: string): Promise<void> {
    await navigator.locks.request(lock, () => undefined);
    this.#tabs.delete(tab);
    for (const feed of tab.feeds.values()) feed.close();
    tab.feeds.clear();
    for (const stop of tab.uploads.values()) stop.abort();
  }

  #rowsChanged(changed: readonly string[], gone: readonly string[]): void {
    const set = changed.flatMap((id) => this.#client.chats.row(id) ?? []);
    this.#wantPeople(set);
    this.#broadcast({ t: 'rows', all: false, set, gone });
  }

  /** The names that rows of the list show. */
  #wantPeople(rows: readonly ChatListItem[]): void {
    const self = this.#client.user?.id;
    const ids = new Set<string>();
    for (const { peer_ids, last_message } of rows) {
      for (const id of peer_ids ?? []) ids.add(id);
      if (last_message !== null) ids.add(last_message.sender_id);
    }
    if (self !== undefined) ids.delete(self);
    this.#client.people.want(ids);
  }

  #message(message: Message): void {
    this.#client.people.want([message.sender_id]);
    const { user } = this.#client;
    const row = this.#client.chats.row(message.chat_id);
    if (user === null || row === undefined || message.sender_id === user.id) return;
    const mentioned = (message.mentions ?? []).includes(user.id);
    if (row.notify === 'none' || (row.notify === 'mentions' && !mentioned)) return;
    if (row.muted && !mentioned) return;
    // Whoever looks at any tab sees it there.
    if ([...this.#tabs].some(({ visible }) => visible)) return;
    [...this.#tabs].at(-1)?.send({ t: 'notify', message });
  }

  #feeds(chatId: string, act: (feed: Feed | ThreadFeed) => void): void {
    for (const { feeds } of this.#tabs) for (const feed of feeds.values()) if (feed.chatId === chatId) act(feed);
  }

  #broadcast(message: FromCore): void {
    for (const { send } of this.#tabs) send(message);
  }
}
