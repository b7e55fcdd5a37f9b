import type { ChatDetail, ChatListItem, Member, Preferences, Reader, UpdateChat } from '../../src/protocol/chats.ts';
import type { ChatEvent } from '../../src/protocol/events.ts';
import type { PollView, Vote } from '../../src/protocol/kinds.ts';
import type { Message, SentMessage } from '../../src/protocol/messages.ts';
import type { GoneReason } from '../../src/protocol/reduce.ts';
import type { SearchPage } from '../../src/protocol/search.ts';
import type { Changes, Edit } from './changes.ts';
import type { ChatsResource } from './chats.ts';
import type { Conversation, Watermarks } from './conversation.ts';
import { Emitter } from './emitter.ts';
import type { Engine } from './engine.ts';
import { TidelineError } from './errors.ts';
import type { LocalMessage, TimelineItem } from './message.ts';
import type { MessageFields } from './outbox.ts';
import type { ChatPeople } from './people.ts';
import { closePoll, forward, type MessagesPage, type PageOptions, readers, votes } from './polls.ts';
import type { SearchOptions } from './search.ts';
import { HistoryWindow } from './window.ts';

/** Events brought by `open` and `loadOlder` unless they are told otherwise. */
const PAGE = 50;
/** The server passes on one in three seconds. */
const TYPING_EVERY = 3_000;

export interface ChatEvents {
  /** New events, ascending, each once. */
  events: readonly ChatEvent[];
  /** What was held is void (the device was too far behind, or the history was replaced): read `timeline` anew. */
  reset: undefined;
  /** `timeline` has changed. */
  timeline: readonly TimelineItem[];
  receipt: Watermarks & { readonly user_id: string };
  /** Somebody types, or (`stop`) types no more. One that is not repeated for six seconds has ended too. */
  typing: { readonly user_id: string; readonly stop?: true };
  /** The user is no longer in the conversation, or it no longer exists. */
  gone: GoneReason;
}

/** The message a caller hands to `send`: `kind` is `text` unless it says otherwise. */
export type Draft = Omit<MessageFields, 'kind'> & { kind?: MessageFields['kind'] };

/** One conversation. There is one such object per conversation and client. */
export class Chat extends Emitter<ChatEvents> {
  readonly id: string;
  readonly #engine: Engine;
  readonly #resource: ChatsResource;
  /** What can be done to messages, and what one keeps in the conversation for oneself. */
  readonly changes: Changes;
  readonly #now: () => number;
  #typedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<number> | undefined;

  /** @internal */
  constructor(id: string, engine: Engine, resource: ChatsResource, changes: Changes, now: () => number) {
    super();
    this.id = id;
    this.#engine = engine;
    this.#resource = resource;
    this.changes = changes;
    this.#now = now;
  }

  /** The conversation as it stands in the user's list; undefined while it is not there. */
  get row(): ChatListItem | undefined {
    return this.#conversation.row;
  }
  /** Messages in the order of the log, then one's own on their way. The same array until it changes. */
  get timeline(): readonly TimelineItem[] {
    return this.#conversation.timeline;
  }
  /** Every event held: contiguous, ascending. */
  get events(): readonly ChatEvent[] {
    return this.#conversation.events;
  }
  /** Everything up to this seq has been seen. */
  get seq(): number {
    return this.#conversation.log.upto;
  }
  /** The highest seq known to exist. */
  get headSeq(): number {
    return this.#conversation.log.head;
  }
  get unread(): number {
    return this.#conversation.unread;
  }
  get readSeq(): number {
    return this.#conversation.readSeq;
  }
  /** Whether there is more to load before what is held. */
  get hasOlder(): boolean {
    const first = (this.row?.visible_from ?? 1) - 1;
    return this.#conversation.started && this.#conversation.log.from > Math.max(0, first);
  }
  /** Why the user is no longer in it. */
  get gone(): GoneReason | undefined {
    return this.#conversation.gone;
  }

  /** How far a member has got, as far as was heard since this client began. */
  watermarks(userId: string): Watermarks | undefined {
    return this.#conversation.receipts.get(userId);
  }

  /**
   * Puts the conversation on screen: its newest page, and a connection of its own, the shortest path.
   * @throws NetworkError when the server was not reached; it stays open and connects by itself. TidelineError
   * `not_found`, `forbidden`
   */
  async open(options: { page?: number } = {}): Promise<void> {
    const conversation = this.#conversation;
    conversation.onScreen = true;
    await this.restore();
    if (!conversation.onScreen) throw new TidelineError('conflict', 'The conversation was closed again');
    const opened = this.#engine.openRoom(this.id);
    // Awaited below; a failure must not count as unhandled until then.
    opened.catch(() => undefined);
    await this.#engine.locate(conversation);
    const missing = (options.page ?? PAGE) - conversation.events.length;
    if (missing > 0 && this.hasOlder) await this.loadOlder(missing);
    await this.restore();
    await opened;
    await this.changes.syncHidden();
  }

  /** Brings what this device has stored of it, without a network. Called by `open`. */
  restore(): Promise<void> {
    return this.#engine.restore(this.#conversation);
  }

  /**
   * The history around an old message, apart from `timeline`.
   * @throws NetworkError, TidelineError
   */
  async around(seq: number, options: { page?: number } = {}): Promise<HistoryWindow> {
    const window = new HistoryWindow((query) => this.#resource.messages(this.id, query));
    await window.begin(seq, options.page);
    return window;
  }

  /** Takes it off screen: news come with the inbox again. */
  close(): void {
    this.#engine.closeRoom(this.id);
  }

  /** Loads events from before those held. @returns how many came; 0: there are no more */
  async loadOlder(count = PAGE): Promise<number> {
    this.#loading ??= this.#engine.loadOlder(this.#conversation, count).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /**
   * Sends a message: it is in `timeline` at once, and goes out when there is a connection, even after a restart.
   * @throws TidelineError `invalid` or `too_large`, when the server could never accept it
   */
  send(message: string | Draft): LocalMessage {
    const draft = typeof message === 'string' ? { content: message } : message;
    return this.#engine.delivery.send(this.id, { kind: 'text', ...draft });
  }

  /** Replies of a thread that are held here, then one's own on their way. Send into it with `thread_seq`. */
  thread(root: number): readonly TimelineItem[] {
    return this.#conversation.thread(root);
  }

  /** A message as it is now, with one's own changes that are on their way; undefined while it is not held. */
  message(seq: number): Message | undefined {
    return this.#conversation.held.get(seq);
  }

  /** Gives a message of one's own another text; what is not named is gone from it. Shown at once, taken back if refused. */
  edit(seq: number, edit: string | Edit): Promise<Message> {
    return this.changes.edit(seq, typeof edit === 'string' ? { content: edit } : edit);
  }
  /** Takes a message back for everyone. */
  recall(seq: number): Promise<Message> {
    return this.changes.recall(seq);
  }
  /** @param emoji one emoji, or `:name:` */
  react(seq: number, emoji: string): Promise<Message> {
    return this.changes.react(seq, emoji);
  }
  unreact(seq: number, emoji: string): Promise<Message> {
    return this.changes.unreact(seq, emoji);
  }
  pin(seq: number): Promise<Message> {
    return this.changes.pin(seq);
  }
  unpin(seq: number): Promise<Message> {
    return this.changes.unpin(seq);
  }
  /** The history of a thread around a place in the log, apart from `thread`: for replies from before what is held. */
  async repliesAround(root: number, seq: number, options: { page?: number } = {}): Promise<HistoryWindow> {
    const window = new HistoryWindow((query) => this.changes.replies(root, query));
    await window.begin(seq, options.page);
    return window;
  }

  /** Whether the user has deleted a message for themself, as far as this client knows. */
  isHidden(seq: number): boolean {
    return this.#conversation.held.isHidden(seq);
  }
  /** Deletes a message for the user alone. */
  hide(seq: number): Promise<void> {
    return this.changes.hide(seq);
  }

  /** Marks as read up to `seq`, or everything held. */
  read(seq = this.#conversation.log.upto): void {
    this.#engine.markRead(this.#conversation, seq);
  }

  /** Tells the others that the user is typing. Call it as often as keys are pressed. */
  typing(): void {
    if (this.#now() - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = this.#now();
    this.#engine.typing(this.id);
  }

  /** Tells the others that the user types no more; sending a message says so by itself. */
  stopTyping(): void {
    if (this.#typedAt === Number.NEGATIVE_INFINITY) return;
    this.#typedAt = Number.NEGATIVE_INFINITY;
    this.#engine.typing(this.id, true);
  }

  /** Messages of this conversation that match, the newest first or by relevance. */
  search(options: SearchOptions & { sort?: 'newest' | 'relevance' }): Promise<SearchPage> {
    return this.#resource.search(this.id, options);
  }

  /** How a poll stands, and what the user has chosen. */
  poll(seq: number): Promise<PollView> {
    return this.changes.poll(seq);
  }
  /** Chooses these options in place of those chosen before; none takes the vote back. Counted at once, taken back if refused. */
  vote(seq: number, options: readonly number[]): Promise<PollView> {
    return this.changes.vote(seq, options);
  }
  closePoll(seq: number): Promise<PollView> {
    return closePoll(this.#resource.http, this.id, seq);
  }
  /** Who voted what, by page; of an anonymous poll nobody is told. */
  votes(seq: number, page: PageOptions = {}): Promise<MessagesPage<Vote>> {
    return votes(this.#resource.http, this.id, seq, page);
  }
  /** Who has read a message, by page. */
  readers(seq: number, page: PageOptions = {}): Promise<MessagesPage<Reader>> {
    return readers(this.#resource.http, this.id, seq, page);
  }
  /** Copies a message of this conversation into another one. */
  forward(seq: number, to: Chat): Promise<SentMessage> {
    return forward(this.#resource.http, to.id, this.id, seq);
  }

  /** Everything that the user may see and take with them, as JSON Lines. */
  export(): Promise<Blob> {
    return this.changes.export();
  }

  update(patch: UpdateChat): Promise<ChatDetail> {
    return this.#resource.update(this.id, patch);
  }
  delete(): Promise<void> {
    return this.#resource.delete(this.id);
  }
  /** Roles, nicknames, mutes, bans, requests, invitations, the announcement. */
  get people(): ChatPeople {
    return this.#resource.people(this.id);
  }
  /** What the server says of it now: with who may do what, and one's own place in it. */
  fetch(): Promise<ChatDetail> {
    return this.#resource.fetch(this.id);
  }
  /** Every member. */
  members(): Promise<Member[]> {
    return this.#resource.members(this.id);
  }
  addMembers(userIds: string[]): Promise<Member[]> {
    return this.#resource.addMembers(this.id, userIds);
  }
  removeMember(userId: string): Promise<void> {
    return this.#resource.removeMember(this.id, userId);
  }
  join(): Promise<void> {
    return this.#resource.join(this.id);
  }
  leave(): Promise<void> {
    return this.#resource.leave(this.id);
  }
  /** Mute, pin, archive or mark as unread, for the user alone. Shown at once, taken back if refused. */
  prefer(preferences: Preferences): Promise<ChatListItem> {
    return this.#resource.prefer(this.id, preferences);
  }

  /** @internal The row has changed. */
  rowChanged(): void {
    // What other devices have hidden is learnt again with the next row or opening.
    if (this.#conversation.onScreen) this.changes.syncHidden().catch(() => undefined);
  }

  /** @internal The lines have changed. */
  linesChanged(): void {
    if (this.heard('timeline')) this.emit('timeline', this.timeline);
  }

  /** @internal */
  override emit<K extends keyof ChatEvents>(type: K, value: ChatEvents[K]): void {
    super.emit(type, value);
  }

  get #conversation(): Conversation {
    return this.#engine.conversation(this.id);
  }
}
