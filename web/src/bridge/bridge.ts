import {
  type ChatListItem,
  type ConnectionState,
  type Contact,
  type DraftRow,
  type ErrorCode,
  type FileInfo,
  LIMITS,
  type Member,
  type Message,
  type Presence,
  type Profile,
  type RequestOptions,
  type SavedMessage,
  type TidelineClient,
  type User,
} from '@tideline/sdk';
import type { Failure, FromCore, Line, TimelineState, ToCore, UploadRequest } from '../core/protocol.ts';
import { spliced } from '../core/splice.ts';
import { CallError, type Remote, type RemoteChat, remote } from './remote.ts';
import { Store } from './store.ts';

export interface Timeline {
  readonly lines: readonly Line[];
  readonly state: TimelineState;
}

export interface SessionState {
  /** undefined until the core has said who is signed in. */
  readonly user: User | null | undefined;
  /** Why the last session ended. */
  readonly ended: ErrorCode | undefined;
}

interface CorePort {
  postMessage(message: ToCore): void;
}

/** Takes changes of rows into a store, or, with `all`, puts them in the place of what it has. */
function keep<V>(
  store: Store<ReadonlyMap<string, V>>,
  all: boolean,
  changes: readonly { readonly id: string; readonly value: V | null }[],
): void {
  if (!all && changes.length === 0) return;
  const rows = new Map(all ? [] : store.get());
  for (const { id, value } of changes) {
    if (value === null) rows.delete(id);
    else rows.set(id, value);
  }
  store.set(rows);
}

/** A tab's end of the connection to the core: what the core says, as stores; what is asked of it, as calls. */
export class Bridge {
  readonly session = new Store<SessionState>({ user: undefined, ended: undefined });
  readonly connection = new Store<ConnectionState>('offline');
  readonly rows = new Store<ReadonlyMap<string, ChatListItem>>(new Map());
  /** Friends, requests and blocks, by the person's id. */
  readonly contacts = new Store<ReadonlyMap<string, Contact>>(new Map());
  /** Messages kept for later, by conversation and seq. */
  readonly saved = new Store<ReadonlyMap<string, SavedMessage>>(new Map());
  /** What was begun on any device, by conversation, or conversation and thread. */
  readonly drafts = new Store<ReadonlyMap<string, DraftRow>>(new Map());
  readonly people = new Store<ReadonlyMap<string, Profile>>(new Map());
  readonly presence = new Store<ReadonlyMap<string, Presence>>(new Map());
  readonly typing = new Store<ReadonlyMap<string, ReadonlySet<string>>>(new Map());
  readonly members = new Store<ReadonlyMap<string, readonly Member[]>>(new Map());
  /** Errors apart from any call, for whoever shows them. */
  onFault: (failure: Failure) => void = () => undefined;
  onNotify: (message: Message) => void = () => undefined;
  readonly client: Remote<TidelineClient>;
  readonly #port: CorePort;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #uploads = new Map<number, (progress: Extract<FromCore, { t: 'progress' }>) => void>();
  readonly #views = new Map<number, (update: Extract<FromCore, { t: 'timeline' }>) => void>();
  readonly #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #wanted = new Set<string>();
  #nextId = 1;

  constructor(port: CorePort) {
    this.#port = port;
    this.client = remote<TidelineClient>((path, args) => this.#call(path, args));
  }

  /** Any request of the API, answered as a T. */
  async request<T = void>(path: string, options: RequestOptions = {}): Promise<T> {
    return (await this.#call(['request'], [path, options])) as T;
  }

  chat(id: string): RemoteChat {
    return remote((path, args) => this.#call(path, args), ['chat', id]);
  }

  /** Uploads a file; `onProgress` gets the bytes that have arrived, and what to resume when it is cut. */
  upload(content: Blob, request: UploadRequest, onProgress: (sent: number, upload: string | undefined) => void) {
    const id = this.#nextId++;
    this.#uploads.set(id, ({ sent, upload }) => onProgress(sent, upload));
    const done = new Promise<unknown>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#port.postMessage({ t: 'upload', id, content, request });
    }).finally(() => this.#uploads.delete(id)) as Promise<FileInfo>;
    return { done, cancel: () => this.#port.postMessage({ t: 'cancel', id }) };
  }

  /** Shows a conversation, or one of its threads, until the function that is returned is called. */
  view(chatId: string, at: number | undefined, show: (timeline: Timeline) => void, thread?: number) {
    const view = this.#nextId++;
    let lines: readonly Line[] = [];
    this.#views.set(view, ({ splice, state }) => {
      if (splice !== undefined) lines = spliced(lines, splice);
      show({ lines, state });
    });
    this.#port.postMessage({ t: 'open', view, chat_id: chatId, at, thread });
    return {
      more: (side: 'older' | 'newer' | 'latest') => this.#port.postMessage({ t: 'more', view, side }),
      jump: (seq: number) => this.#port.postMessage({ t: 'jump', view, seq }),
      close: () => {
        this.#views.delete(view);
        this.#port.postMessage({ t: 'close', view });
      },
    };
  }

  /** Names that are shown and not known yet: looked up, all of a turn at once. */
  want(userId: string): void {
    if (this.people.get().has(userId) || this.#wanted.has(userId)) return;
    if (this.#wanted.size === 0) {
      queueMicrotask(() => {
        this.#port.postMessage({ t: 'want', user_ids: [...this.#wanted] });
        this.#wanted.clear();
      });
    }
    this.#wanted.add(userId);
  }

  /** What becomes of a message of one's own that was not sent. */
  outbox(chatId: string, clientId: string, act: 'retry' | 'discard'): void {
    this.#port.postMessage({ t: 'outbox', chat_id: chatId, client_id: clientId, act });
  }

  setVisible(visible: boolean): void {
    this.#port.postMessage({ t: 'visible', visible });
  }

  receive(message: FromCore): void {
    switch (message.t) {
      case 'session':
        if (message.user === null) this.#forget();
        this.session.set({ user: message.user, ended: message.ended });
        break;
      case 'connection':
        if (message.state === 'online') performance.mark('tideline:synced');
        this.connection.set(message.state);
        break;
      case 'rows': {
        const rows = new Map(message.all ? [] : this.rows.get());
        for (const row of message.set) {
          const last = row.last_message;
          if (last !== null && last.seq !== rows.get(row.id)?.last_message?.seq)
            this.stoppedTyping(row.id, last.sender_id);
          rows.set(row.id, row);
        }
        for (const id of message.gone) rows.delete(id);
        this.rows.set(rows);
        break;
      }
      case 'items': {
        const { all, changes } = message;
        const contacts = changes.filter((change) => change.type === 'contact');
        const saved = changes.filter((change) => change.type === 'saved');
        const drafts = changes.filter((change) => change.type === 'draft');
        keep(this.contacts, all, contacts);
        keep(this.saved, all, saved);
        keep(this.drafts, all, drafts);
        break;
      }
      case 'people':
        this.people.set(new Map([...this.people.get(), ...message.profiles.map((one) => [one.id, one] as const)]));
        break;
      case 'presence':
        this.setPresence(message.presence);
        break;
      case 'typing':
        if (message.stop === true) this.stoppedTyping(message.chat_id, message.user_id);
        else this.#typing(message.chat_id, message.user_id);
        break;
      case 'members':
        this.members.set(new Map(this.members.get()).set(message.chat_id, message.members));
        break;
      case 'timeline':
        this.#views.get(message.view)?.(message);
        break;
      case 'notify':
        this.onNotify(message.message);
        break;
      case 'fault':
        this.onFault(message.failure);
        break;
      case 'progress':
        this.#uploads.get(message.id)?.(message);
        break;
      case 'result':
        this.#calls.get(message.id)?.resolve(message.value);
        this.#calls.delete(message.id);
        break;
      case 'refused':
        this.#calls.get(message.id)?.reject(new CallError(message.failure));
        this.#calls.delete(message.id);
        break;
    }
  }

  setPresence(presence: Presence): void {
    this.presence.set(new Map(this.presence.get()).set(presence.user_id, presence));
  }

  /** Somebody who has just written is not typing any more. */
  stoppedTyping(chatId: string, userId: string): void {
    const all = this.typing.get();
    if (!all.get(chatId)?.has(userId)) return;
    const left = new Set(all.get(chatId));
    left.delete(userId);
    this.typing.set(new Map(all).set(chatId, left));
  }

  #typing(chatId: string, userId: string): void {
    const key = `${chatId}/${userId}`;
    clearTimeout(this.#typingTimers.get(key));
    this.#typingTimers.set(
      key,
      setTimeout(() => this.stoppedTyping(chatId, userId), LIMITS.typingTimeoutMs),
    );
    this.want(userId);
    const all = this.typing.get();
    if (!all.get(chatId)?.has(userId)) this.typing.set(new Map(all).set(chatId, new Set(all.get(chatId)).add(userId)));
  }

  /** Nothing of the user stays in the tab. */
  #forget(): void {
    this.rows.set(new Map());
    this.contacts.set(new Map());
    this.saved.set(new Map());
    this.drafts.set(new Map());
    this.people.set(new Map());
    this.presence.set(new Map());
    this.typing.set(new Map());
    this.members.set(new Map());
  }

  #call(path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#port.postMessage({ t: 'call', id, path, args });
    });
  }
}
