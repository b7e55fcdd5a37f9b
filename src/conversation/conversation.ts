import { type Clock, timestamp } from '../clock.ts';
import { openTicket, type TicketKeys } from '../files/ticket.ts';
import { randomTag } from '../ids.ts';
import type { Chat, ChatDetail, Retention } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { FileInfo } from '../protocol/files.ts';
import { LIMITS } from '../protocol/limits.ts';
import { migrate, storedVersion } from '../storage/migrate.ts';
import {
  admitForward,
  admitMessage,
  admitSystem,
  attest,
  type Copy,
  type Forward,
  type Submission,
  writesMore,
} from './admit.ts';
import type { NewConversation, Notice, Sight } from './api.ts';
import { Blocks, type HeldBlock } from './blocks.ts';
import { applyChange, type ChangeRequest } from './changes.ts';
import { type ChatRow, initialSettings, insertChat, loadChat, saveChat } from './chat.ts';
import { fileIdsOf, SentFiles } from './files.ts';
import { hiddenCount } from './hidden.ts';
import { type Listed, listedOf, markListing } from './listing.ts';
import { type EventRow, Log, type NewEvent } from './log.ts';
import { Marks } from './marks.ts';
import { type MemberRow, Members, placeOf } from './members.ts';
import { Membership } from './membership.ts';
import { News } from './news.ts';
import { type Action, hindrance, isExempt, NOT_FOUND, permissionsOf } from './permissions.ts';
import { isPlaced } from './placement.ts';
import { Polls } from './polls.ts';
import { linkOf, Previews } from './previews.ts';
import { RareTables } from './rare.ts';
import { loadRetention } from './retention.ts';
import { CONVERSATION_MIGRATIONS } from './schema.ts';
import { Search } from './search.ts';
import { joinPolicyOf } from './settings.ts';
import { SlowMode } from './slow-mode.ts';
import { currentOf, States } from './state.ts';
import { unreadReplies } from './threads.ts';
import { tierOf } from './tiers.ts';
import { Timers } from './timers.ts';

/** What a change did, for those who publish it. */
export interface Commit {
  events: EventRow[];
  /** Users who are no longer in the conversation: their sockets close before anything else is published. */
  ended: string[];
}

export type Sent = { row: EventRow; duplicate: boolean };

/** Users whom a mention of those who are here can name: their row stays far below what a row may hold (2 MB). */
const HERE_MOST = 20_000;

/** What goes with a conversation's log when it is deleted. */
const CONTENT = [
  'members',
  'marks',
  'mentions',
  'everyone',
  'quotes',
  'polls',
  'votes',
  'files',
  'links',
  'previews',
  'message_state',
  'edits',
  'reactions',
  'pins',
  'expiring',
  'replies',
  'follows',
  'hidden',
  'scheduled',
  'files',
  'bans',
  'requests',
  'invitations',
  'announcement',
  'announcement_reads',
] as const;

interface State {
  chat: ChatRow;
  log: Log;
  states: States;
  members: Members;
  timers: Timers;
  retention: Retention;
  pace: SlowMode;
}

/** Events after which watermarks that the log implies are stored. */
export const MARKS_EVERY = 200;

/**
 * The rules and the state of one conversation, over its SQLite: no sockets, no calls to others. Every change is one
 * synchronous transaction in which its events take their seqs; what has to be told to inboxes is noted in the same one.
 */
export class Conversation {
  readonly #storage: DurableObjectStorage;
  readonly #clock: Clock;
  readonly #ticketKeys: () => TicketKeys;
  readonly #files: SentFiles;
  readonly membership = new Membership(this);
  readonly polls = new Polls(this);
  readonly previews = new Previews(this);
  readonly #owed = new Set<string>();
  readonly #blocks: Blocks;
  readonly #news: News;
  #pair: string[] | undefined;
  readonly rare: RareTables;
  #state: State | undefined;
  #search: Search | undefined;
  #listingMarked = false;

  /** Users who are known to be online. */
  readonly online: () => Iterable<string>;

  constructor(
    storage: DurableObjectStorage,
    clock: Clock,
    { ticketKeys, online }: { ticketKeys: () => TicketKeys; online: () => Iterable<string> },
  ) {
    this.#storage = storage;
    this.#clock = clock;
    this.#ticketKeys = ticketKeys;
    this.#files = new SentFiles(storage.sql);
    this.rare = new RareTables(storage.sql);
    this.online = online;
    this.#news = new News(storage.sql);
    if (storedVersion(storage.sql) > 0) {
      migrate(storage, CONVERSATION_MIGRATIONS);
      this.#load();
    }
    this.#blocks = new Blocks(storage.sql, storedVersion(storage.sql) > 0);
  }

  /** The conversation exists and was not deleted. */
  get exists(): boolean {
    return this.#state !== undefined && this.#state.chat.deleted_at === null;
  }

  get sql(): SqlStorage {
    return this.#storage.sql;
  }
  get chat(): ChatRow {
    return this.#loaded.chat;
  }
  get log(): Log {
    return this.#loaded.log;
  }
  /** Messages as they are now. */
  get states(): States {
    return this.#loaded.states;
  }
  /** What has a time of its own. */
  get timers(): Timers {
    return this.#loaded.timers;
  }
  get retention(): Retention {
    return this.#loaded.retention;
  }
  /** The caller has stored it. */
  retain(retention: Retention): void {
    this.#loaded.retention = retention;
  }
  get members(): Members {
    return this.#loaded.members;
  }
  /** The index of words. What changes or erases the text of a message tells it in the same transaction. */
  get search(): Search {
    this.#search ??= new Search(this.#storage);
    return this.#search;
  }
  /** Who has sent when, for slow mode. */
  get pace(): SlowMode {
    return this.#loaded.pace;
  }
  get now(): number {
    return this.#clock();
  }
  get initialised(): boolean {
    return this.#state !== undefined;
  }

  describe(): Chat {
    const { chat, log } = this.#loaded;
    return {
      id: chat.id,
      name: chat.name,
      type: chat.type,
      workspace_id: chat.workspace_id,
      ...settingsOf(chat),
      ...(chat.type === 'Single' ? { peer_ids: this.#peers() } : {}),
      history: chat.history,
      forwards: chat.settings.forwards,
      previews: chat.settings.previews,
      retention: this.retention,
      member_count: chat.member_count,
      fanout: tierOf(chat.member_count),
      epoch: chat.epoch,
      head_seq: log.head,
      created_by: chat.created_by,
      created_at: timestamp(chat.created_at),
      updated_at: timestamp(chat.updated_at),
    };
  }

  /** Who may know of the conversation: its members, and everybody for a public channel. */
  sight(user: string): Result<Sight> {
    if (!this.exists) return NOT_FOUND;
    const member = this.members.current(user) !== undefined;
    return member || this.chat.type === 'PublicChannel' ? ok({ chat: this.detail(user), member }) : NOT_FOUND;
  }

  /** The conversation as this user finds it. */
  detail(user: string): ChatDetail {
    const { chat, members } = this.#loaded;
    const member = members.current(user);
    return {
      ...this.describe(),
      permissions: permissionsOf(chat.type, chat.settings.overrides),
      join_policy: joinPolicyOf(chat),
      me: member === undefined ? null : { role: member.role, ...placeOf(member) },
    };
  }

  /**
   * The member who acts, or the refusal that fits what they may know: the one place where role, overrides, archive, mutes and
   * slow mode decide.
   */
  actor(user: string, action?: Action): Result<MemberRow> {
    if (!this.exists) return NOT_FOUND;
    const member = this.members.current(user);
    if (member === undefined) {
      return this.chat.type === 'PublicChannel' ? refuse('forbidden', 'join the channel first') : NOT_FOUND;
    }
    if (action === undefined) return ok(member);
    const { type, settings } = this.chat;
    const { overrides, silenced, slow_mode } = settings;
    const { role, muted_until } = member;
    const now = this.#clock();
    const archived = settings.archived_at !== null;
    const refusal = hindrance({ type, overrides, archived, silenced, role, muted_until }, action, now);
    if (refusal !== null) return { ok: false, refusal };
    if (action === 'send' && slow_mode > 0 && !isExempt(role)) {
      const wait = this.pace.wait(user, slow_mode * 1000, now);
      if (wait > 0) return refuse('rate_limited', `slow mode: one message in ${slow_mode} s`, Math.ceil(wait / 1000));
    }
    // Whoever takes out what they may see writes to nobody.
    if (action !== 'export' && this.#blocks.bar(user)) return refuse('forbidden', 'you cannot write to this person');
    return ok(member);
  }

  /**
   * The log was put back to an earlier state: from here on it is another history, and what clients hold of the former one
   * is void. Every inbox has to hear of it.
   */
  renew(): void {
    this.change(() => {
      this.chat.epoch = randomTag();
      this.members.armAll();
      return { events: [], ended: [] };
    });
  }

  /** One person of a Single has blocked the other, or does no more. The Single may be still to come. */
  setBlocked(by: string, block: { blocked: boolean; version: number }): void {
    migrate(this.#storage, CONVERSATION_MIGRATIONS);
    this.#blocks.set(by, block);
  }

  heldBlocks(): HeldBlock[] {
    return this.#blocks.held();
  }

  /** As `setBlocked`, whatever version is stored. */
  mendBlock(by: string, block: { blocked: boolean; version: number }): void {
    if (this.initialised) this.#blocks.mend(by, block);
  }

  create(input: NewConversation): { created: boolean; commit: Commit } {
    if (this.#state !== undefined) return { created: false, commit: { events: [], ended: [] } };
    migrate(this.#storage, CONVERSATION_MIGRATIONS);
    const now = this.#clock();
    const commit = this.transaction(() => {
      insertChat(this.#storage.sql, {
        id: input.chat_id,
        type: input.type,
        name: input.name,
        workspace_id: input.workspace_id,
        history: input.history,
        epoch: randomTag(),
        member_count: input.members.length,
        created_by: input.created_by,
        created_at: now,
        updated_at: now,
        deleted_at: null,
        told_through: 0,
        marks_through: 0,
        settings: initialSettings(input.join_policy === undefined ? {} : { join_policy: input.join_policy }),
      });
      this.#load();
      const commit = this.membership.found(input);
      this.#markListing(undefined);
      return commit;
    });
    return { created: true, commit };
  }

  /** Admits and appends one message; the caller's transaction holds it. */
  send(user: string, message: Submission, now: number): Result<Sent> {
    const actor = this.#sender(user, message.client_id);
    if (!actor.ok) return actor;
    const admit = () => admitMessage(this, actor.value, message, now);
    // One statement is atomic by itself; a savepoint of its own costs as much as the insert.
    const sent =
      writesMore(message) || this.linkIn(message) !== undefined || isPlaced(this, message)
        ? this.#storage.transactionSync(admit)
        : admit();
    if (sent.ok && !sent.value.duplicate && this.chat.settings.slow_mode > 0) this.pace.sent(user, now);
    return sent;
  }

  /** Who sends. A resend gets the answer that it missed, though its sender may write no more. */
  #sender(user: string, clientId: string): Result<MemberRow> {
    const actor = this.actor(user, 'send');
    const member = this.exists && !actor.ok ? this.members.current(user) : undefined;
    return member !== undefined && this.log.byClientId(user, clientId) !== undefined ? ok(member) : actor;
  }

  /** The link of a message that is to be looked up; undefined: none is. */
  linkIn({ kind, content, entities }: Pick<Submission, 'kind' | 'content' | 'entities'>): string | undefined {
    return kind === 'text' && this.chat.settings.previews === 'on' ? linkOf(content, entities) : undefined;
  }

  /** Appends a copy of a message of another conversation, as that one's room has answered. */
  forward(user: string, copy: Forward): Result<Sent> {
    const actor = this.#sender(user, copy.client_id);
    if (!actor.ok) return actor;
    const now = this.#clock();
    const sent = this.transaction(() => admitForward(this, actor.value, copy, now));
    if (sent.ok && !sent.value.duplicate && this.chat.settings.slow_mode > 0) this.pace.sent(user, now);
    return sent;
  }

  /** Appends what the system says. */
  announce(message: { client_id: string; content: string }): Result<Sent> {
    return this.exists ? this.transaction(() => admitSystem(this, message, this.#clock())) : NOT_FOUND;
  }

  /** What a member may take out of this conversation. */
  attest(user: string, seq: number): Result<Copy> {
    const actor = this.actor(user);
    return actor.ok ? attest(this, actor.value, seq) : actor;
  }

  /**
   * The file that a message of `user` brings by its ticket; refused unless it is theirs to send here, now or `at` a time. A resend may
   * come when its ticket has ended: look for the earlier message first.
   */
  openFile(user: string, ticket: string, at = this.#clock()): Result<FileInfo> {
    return openTicket(this.#ticketKeys(), ticket, { user_id: user, chat_id: this.chat.id }, at);
  }

  /** In the transaction that appends the message with this seq: its readers may fetch the file from now on. */
  recordFile(seq: number, file: Pick<FileInfo, 'id' | 'thumbnail_id'>): void {
    for (const id of fileIdsOf(file)) this.#files.record(seq, id);
  }

  /** In the transaction that recalls or erases the message with this seq: nobody may fetch its files for its sake. */
  forgetFiles(seq: number): void {
    this.#files.forget(seq);
  }

  /** Whether the user may fetch the file: a member now, who may see a message that carries it. */
  file(user: string, fileId: string): Result<null> {
    const member = this.exists ? this.members.current(user) : undefined;
    const visible = member !== undefined && this.#files.visible(fileId, member.visible_from);
    return visible
      ? ok(null)
      : refuse('not_found', 'there is no such file in this conversation, or you may not see it');
  }

  /** Whether any message carries the file. */
  holdsFile(fileId: string): boolean {
    return this.exists && this.#files.visible(fileId, 0);
  }

  /** Files that messages carry, by id, after an id. */
  fileIds(after: string, limit: number): string[] {
    return this.#files.ids(after, limit);
  }

  /** These files are nowhere any more: nobody may fetch them. */
  loseFiles(fileIds: readonly string[]): void {
    if (this.exists) this.#files.lose(fileIds);
  }

  /** Changes a message; the caller's transaction holds it. */
  changeMessage(user: string, request: ChangeRequest, now: number): Result<Sent> {
    const actor = this.actor(user);
    if (!actor.ok) return actor;
    return this.#storage.transactionSync(() => applyChange(this, actor.value, request, now));
  }

  /** A deleted conversation whose members have all been told keeps nothing but the fact. */
  purge(): void {
    if (!this.initialised || this.exists || this.log.head === 0) return;
    this.#storage.transactionSync(() => {
      this.log.erase();
      this.search.erase();
      for (const table of CONTENT) this.#storage.sql.exec(`DELETE FROM ${table}`);
    });
    this.#load();
  }

  /** The conversation as one user's inbox has to have it. null: the user was never in it. */
  notice(user: string): Notice | null {
    if (this.#state === undefined) return null;
    const { chat, log, members } = this.#state;
    const member = members.known(user);
    if (member === undefined) return null;
    const tier = tierOf(chat.member_count);
    const placed = chat.type === 'Single' ? undefined : this.#news.placed(member);
    const base = {
      chat: this.describe(),
      armed: tier === 'small',
      member_seq: member.member_seq,
      ...(placed === undefined ? {} : { placed }),
    };
    const gone = chat.deleted_at !== null ? 'deleted' : member.state === 'member' ? null : member.state;
    if (gone !== null) {
      return {
        ...base,
        member: null,
        gone,
        messages: 0,
        thread_unread: 0,
        hidden: 0,
        last_message: null,
        mentions: [],
      };
    }
    const last = log.lastMessage(member.visible_from, user);
    const hidden = hiddenCount(this, user);
    const isMentioned = this.rare.has('mentions') || this.rare.has('everyone');
    const mentioned = isMentioned ? this.#news.mentions(member, hidden) : [];
    return {
      ...base,
      member: {
        role: member.role,
        ...(member.muted_until === null ? {} : { muted_until: timestamp(member.muted_until) }),
        joined_at: timestamp(member.joined_at),
        visible_from: member.visible_from,
        read_seq: member.read_seq,
        read_messages: log.messagesUpTo(member.read_seq),
        delivered_seq: member.delivered_seq,
      },
      messages: log.messages,
      thread_unread: unreadReplies(this, user),
      hidden,
      last_message: last === undefined ? null : currentOf(chat.id, last),
      mentions: isMentioned ? this.#unreadMentions(member) : [],
      ...(mentioned.length === 0 ? {} : { mentioned }),
    };
  }

  /**
   * Notes how far inboxes have been told, and stores watermarks, in one transaction. Nothing is written for what the log
   * implies, until it has grown so much that reading it again at a start would take long.
   */
  checkpoint(toldThrough: number): void {
    const { chat, log, members } = this.#loaded;
    chat.told_through = toldThrough;
    const implied = log.head - chat.marks_through >= MARKS_EVERY;
    if (!implied && !members.unstored) return;
    this.transaction(() => {
      members.storeMarks({ implied, among: chat.member_count });
      if (!implied) return;
      chat.marks_through = log.head;
      saveChat(this.#storage.sql, chat);
    });
  }

  /** Runs a change as one transaction; if it throws, memory is read back from storage. */
  transaction<T>(change: () => T): T {
    try {
      return this.#storage.transactionSync(change);
    } catch (fault) {
      this.#owed.clear();
      this.#listingMarked = false;
      this.#load();
      throw fault;
    }
  }

  /** They are not mentioned any more: their inboxes have to hear of it, those of whom it was still so. */
  forgetMentions(users: Iterable<string>, seq: number): void {
    for (const user of users) {
      const { rowsWritten } = this.#storage.sql.exec('DELETE FROM mentions WHERE user_id = ? AND seq = ?', user, seq);
      if (rowsWritten > 0) this.owe(user);
    }
    this.#news.mentionsChanged();
  }

  /** Somebody is mentioned: their inbox is told, whatever the room's tier. Whoever mentions themself knows. */
  mention(user: string, { seq, sender_id }: { seq: number; sender_id: string }): void {
    if (user === sender_id) return;
    this.recordMention(user, seq);
    this.owe(user);
  }

  recordMention(user: string, seq: number): void {
    this.rare.write('mentions');
    this.#news.mentionsChanged();
    this.#storage.sql.exec('INSERT INTO mentions VALUES (?, ?) ON CONFLICT DO NOTHING', user, seq);
  }

  /** The message with this seq mentions all members, or these users. */
  recordEveryone(seq: number, users: string[] | null): void {
    this.rare.write('everyone');
    this.#news.mentionsChanged();
    const list = users === null ? null : JSON.stringify(users.slice(0, HERE_MOST));
    this.#storage.sql.exec('INSERT INTO everyone VALUES (?, ?)', seq, list);
  }

  /** The message calls nobody any more; inboxes hear of it with their next notice. */
  forgetEveryone({ seq, everyone }: { seq: number; everyone?: unknown }): void {
    if (everyone === undefined) return;
    this.#storage.sql.exec('DELETE FROM everyone WHERE seq = ?', seq);
    this.#news.mentionsChanged();
  }

  /** The message with this seq quotes `target`. */
  recordQuote(target: number, seq: number): void {
    this.#storage.sql.exec('INSERT INTO quotes VALUES (?, ?) ON CONFLICT DO NOTHING', target, seq);
  }

  /**
   * Has this user's inbox told of the running transaction, whatever the room's tier. Who is told anyway is told after a crash
   * for the sake of the alarm; for anybody else it is noted.
   */
  owe(user: string): void {
    this.#owed.add(user);
    if (this.exists && this.members.current(user)?.armed) return;
    this.#storage.sql.exec('INSERT INTO outbox VALUES (?, 0, 0) ON CONFLICT (user_id) DO NOTHING', user);
  }

  /** Those noted since the last call, for the one who tells them. */
  takeOwed(): string[] {
    const owed = [...this.#owed];
    this.#owed.clear();
    return owed;
  }

  /** Runs a change of the conversation itself as one transaction, its row included. */
  change(change: () => Commit): Commit {
    return this.transaction(() => {
      const before = listedOf(this.chat);
      const commit = change();
      saveChat(this.#storage.sql, this.chat);
      this.#markListing(before);
      return commit;
    });
  }

  /** Notes in the running transaction that the directory has to learn of it. */
  #markListing(before: Listed | undefined): void {
    const { chat, log, sql } = this;
    if (chat.type !== 'PublicChannel') return;
    if (markListing(sql, before, listedOf(chat), log.head, this.#clock())) this.#listingMarked = true;
  }

  /** Whether the directory has fallen behind since the last call. */
  takeListing(): boolean {
    const marked = this.#listingMarked;
    this.#listingMarked = false;
    return marked;
  }

  /** Appends an event of this type; the caller's transaction holds it. */
  append(
    actor: string,
    type: NewEvent['type'],
    fields: Record<string, unknown> | null,
    client_id: string | null = null,
  ): EventRow {
    const row = this.log.append({
      type,
      actor_id: actor,
      created_at: this.#clock(),
      client_id,
      kind: null,
      content: null,
      extra: fields === null ? null : JSON.stringify(fields),
    });
    if (row === null) throw new Error('whoever names an event has looked for its name before');
    return row;
  }

  /** The newest unread messages that mention a member, by name or with everyone, ascending. */
  #unreadMentions({ user_id, read_seq, visible_from }: MemberRow): number[] {
    return this.#storage.sql
      .exec<{ seq: number }>(
        `SELECT seq FROM mentions WHERE user_id = ?1 AND seq > ?2
         UNION SELECT seq FROM everyone JOIN events USING (seq)
           WHERE seq > ?2 AND seq >= ?3 AND actor_id <> ?1 AND (users IS NULL OR instr(users, ?1) > 0)
         ORDER BY seq DESC LIMIT ?4`,
        user_id,
        read_seq,
        visible_from,
        LIMITS.unreadMentions,
      )
      .toArray()
      .map((row) => row.seq)
      .reverse();
  }

  /** Both people of a Single: the one kind of conversation whose people never change. */
  #peers(): string[] {
    this.#pair ??= this.members.page('', 2).map((member) => member.user_id);
    return this.#pair;
  }

  #load(): void {
    this.#news.mentionsChanged();
    const chat = loadChat(this.#storage.sql);
    if (chat === undefined) {
      this.#state = undefined;
      return;
    }
    this.rare.load();
    const log = new Log(this.#storage.sql, this.rare);
    const states = new States(this.#storage.sql, chat.id, log);
    const { sql } = this.#storage;
    const members = new Members(sql, log.lastSentAfter(chat.marks_through), new Marks(sql, this.rare));
    const timers = new Timers(sql);
    this.#state = { chat, log, states, members, timers, retention: loadRetention(sql), pace: new SlowMode(sql) };
  }

  get #loaded() {
    if (this.#state === undefined) throw new Error('the conversation does not exist');
    return this.#state;
  }
}

/** What of the settings is another than at the beginning: a row that nobody has touched stays small. */
function settingsOf({ settings }: ChatRow): Partial<Chat> {
  const { topic, avatar, overrides, slow_mode, silenced, archived_at } = settings;
  return {
    ...(topic === null ? {} : { topic }),
    ...(avatar === null ? {} : { avatar }),
    ...(Object.keys(overrides).length === 0 ? {} : { overrides }),
    ...(slow_mode === 0 ? {} : { slow_mode }),
    ...(silenced ? { silenced } : {}),
    ...(archived_at === null ? {} : { archived_at: timestamp(archived_at) }),
  };
}
