import type {
  ChangedMessage,
  EditList,
  FollowedThreads,
  HiddenPage,
  MessageChange,
  PinList,
  ReactorPage,
  ScheduledList,
  ScheduledMessage,
} from '../../src/protocol/changes.ts';
import type { Chat as ChatData, UpdateRetention } from '../../src/protocol/chats.ts';
import type { ChatEvent } from '../../src/protocol/events.ts';
import type { PutDraft } from '../../src/protocol/kept.ts';
import type { PollResults, PollView } from '../../src/protocol/kinds.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import type { Message, MessagePage } from '../../src/protocol/messages.ts';
import type { Conversation } from './conversation.ts';
import { randomName } from './environment.ts';
import { NetworkError, TidelineError } from './errors.ts';
import type { Http } from './http.ts';
import type { MessageFields } from './outbox.ts';
import { poll, vote } from './polls.ts';

/** A conversation takes a while to export; ms. */
const EXPORT_WITHIN = 10 * 60_000;

/** What an edit gives the message anew. */
export type Edit = Pick<MessageFields, 'content' | 'entities' | 'mentions' | 'everyone'>;

export interface ChangesPorts {
  conversation(): Conversation;
  userId(): string | undefined;
  now(): number;
  /** The lines of the conversation are other than before. */
  touched(): void;
}

/** The event that a change becomes. */
const EVENTS = {
  edit: 'message.edited',
  recall: 'message.recalled',
  react: 'reaction.added',
  unreact: 'reaction.removed',
  pin: 'message.pinned',
  unpin: 'message.unpinned',
} as const satisfies Record<MessageChange['type'], ChatEvent['type']>;

/**
 * Changes of the messages of one conversation, and what one keeps in it for oneself. A change is shown at once; when the server
 * refuses it, or is not reached, it is taken back and the call rejects.
 */
export class Changes {
  readonly #chatId: string;
  readonly #path: string;
  readonly #http: Http;
  readonly #ports: ChangesPorts;
  /** What the user has chosen in polls, as far as the server has told this client. */
  readonly #chosen = new Map<number, readonly number[]>();
  #hiddenKnown = 0;
  #syncing: Promise<void> | undefined;

  /** @internal */
  constructor(chatId: string, http: Http, ports: ChangesPorts) {
    this.#chatId = chatId;
    this.#path = `/api/chats/${encodeURIComponent(chatId)}`;
    this.#http = http;
    this.#ports = ports;
  }

  edit(seq: number, edit: Edit): Promise<Message> {
    const body = { ...edit, client_id: randomName() };
    return this.#change(seq, { type: 'edit', ...edit }, `/messages/${seq}`, {
      method: 'PATCH',
      body,
      idempotent: true,
    });
  }
  recall(seq: number): Promise<Message> {
    return this.#change(seq, { type: 'recall' }, `/messages/${seq}`, { method: 'DELETE' });
  }
  react(seq: number, emoji: string): Promise<Message> {
    return this.#change(seq, { type: 'react', emoji }, reactionPath(seq, emoji), { method: 'PUT' });
  }
  unreact(seq: number, emoji: string): Promise<Message> {
    return this.#change(seq, { type: 'unreact', emoji }, reactionPath(seq, emoji), { method: 'DELETE' });
  }
  pin(seq: number): Promise<Message> {
    return this.#change(seq, { type: 'pin' }, `/pins/${seq}`, { method: 'PUT' });
  }
  unpin(seq: number): Promise<Message> {
    return this.#change(seq, { type: 'unpin' }, `/pins/${seq}`, { method: 'DELETE' });
  }

  /** How a poll stands, and what the user has chosen. */
  async poll(seq: number): Promise<PollView> {
    const view = await poll(this.#http, this.#chatId, seq);
    this.#chosen.set(seq, view.mine);
    return view;
  }

  /** Votes. It is counted at once where it is known what the user had chosen before: asked for by `poll`, or given here. */
  async vote(seq: number, options: readonly number[]): Promise<PollView> {
    const { held } = this.#ports.conversation();
    const message = held.get(seq);
    const [asked, results] = [message?.poll, message?.results];
    // Nobody has voted: neither has the user.
    const before = this.#chosen.get(seq) ?? (asked !== undefined && results === undefined ? [] : undefined);
    const counts = asked?.options.map((_, option) => results?.counts[option] ?? 0);
    const shown = (now: PollResults) => ({
      event: { ...this.#unlogged(seq), type: 'poll.voted' as const, results: now },
    });
    const pending =
      before === undefined || counts === undefined || results?.closed_at !== undefined
        ? undefined
        : shown(recounted({ counts, voters: results?.voters ?? 0 }, before, options));
    if (pending !== undefined) held.show(pending);
    this.#ports.touched();
    try {
      const view = await vote(this.#http, this.#chatId, seq, options);
      this.#chosen.set(seq, view.mine);
      // As the server counts it, until the log held here says so.
      if (pending !== undefined && held.withdraw(pending)) held.show(shown(view.results));
      return view;
    } catch (error) {
      if (pending !== undefined) held.withdraw(pending);
      throw error;
    } finally {
      this.#ports.touched();
    }
  }

  /** Its wordings, the first one first. */
  async edits(seq: number): Promise<EditList['items']> {
    return (await this.#get<EditList>(`/messages/${seq}/edits`)).items;
  }
  reactors(seq: number, emoji: string, page: { after?: string; limit?: number } = {}): Promise<ReactorPage> {
    return this.#get(reactionPath(seq, emoji), page);
  }
  /** The one that was pinned last first. */
  async pins(): Promise<Message[]> {
    return (await this.#get<PinList>('/pins')).items;
  }

  replies(seq: number, page: { before?: number; after?: number; limit?: number } = {}): Promise<MessagePage> {
    return this.#get(`/messages/${seq}/thread`, page);
  }
  async attendThread(seq: number, what: { following?: boolean; read?: number }): Promise<void> {
    await this.#http.request(`${this.#path}/messages/${seq}/thread`, { method: 'PUT', body: what });
  }
  async threads(): Promise<FollowedThreads['items']> {
    return (await this.#get<FollowedThreads>('/threads')).items;
  }

  /** Deletes a message for the user alone, on all their devices. */
  async hide(seq: number): Promise<void> {
    const { held } = this.#ports.conversation();
    held.hide([seq]);
    this.#ports.touched();
    try {
      await this.#http.request(`${this.#path}/hidden/${seq}`, { method: 'PUT' });
    } catch (error) {
      held.unhide(seq);
      this.#ports.touched();
      throw error;
    }
  }

  /** Learns what other devices have hidden, when the row says that there is more than is known here. */
  syncHidden(): Promise<void> {
    this.#syncing ??= this.#syncHidden().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  /** Sends a message at a later time; the same `client_id` again changes it. */
  schedule(at: Date, fields: MessageFields, clientId = randomName()): Promise<ScheduledMessage> {
    return this.#http.request(scheduledPath(this.#path, clientId), {
      method: 'PUT',
      body: { send_at: at.toISOString(), message: fields },
    });
  }
  async scheduled(): Promise<ScheduledMessage[]> {
    return (await this.#get<ScheduledList>('/scheduled')).items;
  }
  async cancelScheduled(clientId: string): Promise<void> {
    await this.#http.request(scheduledPath(this.#path, clientId), { method: 'DELETE', idempotent: false });
  }

  /** Keeps what the user has begun to write, on all their devices; an empty text is no draft. It is in `client.items('draft')`. */
  async saveDraft(draft: PutDraft): Promise<void> {
    await this.#http.request(`${this.#path}/draft`, { method: 'PUT', body: draft });
  }
  /** Keeps a message for later. It is in `client.items('saved')`. */
  async save(seq: number, note?: string): Promise<void> {
    await this.#http.request(`${this.#path}/saved/${seq}`, { method: 'PUT', body: note === undefined ? {} : { note } });
  }
  async unsave(seq: number): Promise<void> {
    await this.#http.request(`${this.#path}/saved/${seq}`, { method: 'DELETE' });
  }

  retain(patch: UpdateRetention): Promise<ChatData> {
    return this.#http.request(`${this.#path}/retention`, { method: 'PUT', body: patch });
  }

  /**
   * Every message that the user may see and take with them, as it is now: one `Message` in a line of JSON (JSON Lines).
   * @throws TidelineError `forbidden`; NetworkError when the answer was cut
   */
  async export(): Promise<Blob> {
    const lines = await this.#http.request<Blob>(`${this.#path}/export`, { answer: 'blob', timeout: EXPORT_WITHIN });
    const end = await lines.slice(-2).text();
    // An empty line says that nothing is missing.
    if (end !== '\n\n' && end !== '\n') throw new NetworkError('The export was cut: begin anew');
    return lines;
  }

  /** Messages around a seq, around the first unread one, or at a time, from the server: what is held is left as it is. */
  around(place: number | 'unread' | Date, limit?: number): Promise<MessagePage> {
    const where = place instanceof Date ? { at: place.toISOString() } : { around: place };
    return this.#get('/messages', { ...where, limit });
  }

  #get<T>(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    return this.#http.request<T>(this.#path + path, { query });
  }

  async #change(
    seq: number,
    change: MessageChange,
    path: string,
    request: { method: 'PUT' | 'PATCH' | 'DELETE'; body?: unknown; idempotent?: boolean },
  ): Promise<Message> {
    const conversation = this.#ports.conversation();
    const pending = { event: this.#eventOf(seq, change) };
    const shown = !isSo(conversation.held.get(seq), change);
    if (shown) conversation.held.show(pending);
    this.#ports.touched();
    try {
      const done = await this.#http.request<ChangedMessage>(this.#path + path, request);
      conversation.changeMade(pending, done.seq);
      return done.message;
    } catch (error) {
      conversation.held.withdraw(pending);
      throw error;
    } finally {
      this.#ports.touched();
    }
  }

  #eventOf(target: number, { type, ...fields }: MessageChange): ChatEvent {
    // The change's own fields are those of its event.
    return { ...this.#unlogged(target), type: EVENTS[type], ...fields } as ChatEvent;
  }

  /** What every change has, as long as it is not in the log. */
  #unlogged(target: number) {
    const actor_id = this.#ports.userId();
    if (actor_id === undefined) throw new TidelineError('unauthenticated', 'Nobody is signed in');
    return { seq: 0, actor_id, created_at: new Date(this.#ports.now()).toISOString(), target };
  }

  async #syncHidden(): Promise<void> {
    const conversation = this.#ports.conversation();
    while (this.#hiddenKnown < (conversation.row?.hidden ?? 0)) {
      const query = { after: this.#hiddenKnown, limit: LIMITS.pageMax };
      const page = await this.#get<HiddenPage>('/hidden', query);
      conversation.held.hide(page.items);
      this.#hiddenKnown = page.next;
      this.#ports.touched();
      if (page.items.length === 0) return;
    }
  }
}

/** Whether a change would change nothing: it is not shown, for showing it would count twice. */
function isSo(message: Message | undefined, change: MessageChange): boolean {
  if (message === undefined) return false;
  const mine = (emoji: string) =>
    message.reactions?.some((reaction) => reaction.emoji === emoji && reaction.mine) ?? false;
  if (change.type === 'react') return mine(change.emoji);
  if (change.type === 'unreact') return !mine(change.emoji);
  return false;
}

/** How a poll stands when one of its voters has chosen these in place of those. */
function recounted({ counts, voters }: PollResults, before: readonly number[], chosen: readonly number[]): PollResults {
  const moved = (option: number) => Number(chosen.includes(option)) - Number(before.includes(option));
  return {
    counts: counts.map((count, option) => count + moved(option)),
    voters: voters + Number(chosen.length > 0) - Number(before.length > 0),
  };
}

const reactionPath = (seq: number, emoji: string) => `/messages/${seq}/reactions/${encodeURIComponent(emoji)}`;
const scheduledPath = (path: string, clientId: string) => `${path}/scheduled/${encodeURIComponent(clientId)}`;
