import { type Clock, timestamp } from '../clock.ts';
import { openTicket, type TicketKeys } from '../files/ticket.ts';
import { randomTag } from '../ids.ts';
import type { Chat, HistoryPolicy, Member, Role } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { SendMessage } from '../protocol/events.ts';
import type { FileInfo } from '../protocol/files.ts';
import { LIMITS } from '../protocol/limits.ts';
import { migrate, storedVersion } from '../storage/migrate.ts';
import { admitMessage } from './admit.ts';
import type { NewConversation, Notice, Sight } from './api.ts';
import { type ChatRow, insertChat, loadChat, saveChat } from './chat.ts';
import { fileIdsOf, SentFiles } from './files.ts';
import { type EventRow, Log, messageOf, type NewEvent } from './log.ts';
import { type MemberRow, Members } from './members.ts';
import { type Action, may } from './permissions.ts';
import { CONVERSATION_MIGRATIONS } from './schema.ts';
import { TIER_LIMITS, tierOf } from './tiers.ts';

/** What a change did, for those who publish it. */
export interface Commit {
  events: EventRow[];
  /** Users who are no longer in the conversation: their sockets close before anything else is published. */
  ended: string[];
}

export type Sent = { row: EventRow; duplicate: boolean };

const memberOf = (row: MemberRow): Member => ({
  user_id: row.user_id,
  role: row.role,
  joined_at: timestamp(row.joined_at),
  read_seq: row.read_seq,
  delivered_seq: row.delivered_seq,
});

/** Events after which watermarks that the log implies are stored. */
export const MARKS_EVERY = 200;

const NOT_FOUND = refuse('not_found', 'there is no such conversation, or you are not in it');

/**
 * The rules and the state of one conversation, over its SQLite: no sockets, no calls to others. Every change is one
 * synchronous transaction in which its events take their seqs; what has to be told to inboxes is noted in the same one.
 */
export class Conversation {
  readonly #storage: DurableObjectStorage;
  readonly #clock: Clock;
  readonly #ticketKeys: () => TicketKeys;
  readonly #files: SentFiles;
  readonly #owed = new Set<string>();
  #pair: string[] | undefined;
  #state: { chat: ChatRow; log: Log; members: Members } | undefined;

  constructor(storage: DurableObjectStorage, clock: Clock, ticketKeys: () => TicketKeys) {
    this.#storage = storage;
    this.#clock = clock;
    this.#ticketKeys = ticketKeys;
    this.#files = new SentFiles(storage.sql);
    if (storedVersion(storage.sql) > 0) {
      migrate(storage, CONVERSATION_MIGRATIONS);
      this.#load();
    }
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
  get members(): Members {
    return this.#loaded.members;
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
      ...(chat.type === 'Single' ? { peer_ids: this.#peers() } : {}),
      history: chat.history,
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
    return member || this.chat.type === 'PublicChannel' ? ok({ chat: this.describe(), member }) : NOT_FOUND;
  }

  /** The member who acts, or the refusal that fits what they may know. */
  actor(user: string, action?: Action): Result<MemberRow> {
    if (!this.exists) return NOT_FOUND;
    const member = this.members.current(user);
    if (member === undefined) {
      return this.chat.type === 'PublicChannel' ? refuse('forbidden', 'join the channel first') : NOT_FOUND;
    }
    if (action !== undefined && !may(this.chat.type, member.role, action)) {
      return refuse('forbidden', `as ${member.role} of a ${this.chat.type} you may not: ${action}`);
    }
    return ok(member);
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
      });
      this.#load();
      const roleOf = (user: string): Role =>
        input.type === 'Single' || user === input.created_by ? 'owner' : 'member';
      const roles = input.members.map((user_id) => ({ user_id, role: roleOf(user_id) }));
      const event = this.#append(input.created_by, 'chat.created', { name: input.name, members: roles });
      for (const { user_id, role } of roles) this.#enter(user_id, role, event.seq, event.created_at);
      return { events: [event], ended: [] };
    });
    return { created: true, commit };
  }

  /** Admits and appends one message; the caller's transaction holds it. */
  send(user: string, message: SendMessage & { client_id: string }, now: number): Result<Sent> {
    const actor = this.actor(user, 'send');
    if (!actor.ok) return actor;
    // One statement is atomic by itself; a savepoint of its own costs as much as the insert.
    if (message.mentions === undefined) return admitMessage(this, actor.value, message, now);
    return this.#storage.transactionSync(() => admitMessage(this, actor.value, message, now));
  }

  /**
   * The file that a message of `user` brings by its ticket; refused unless it is theirs to send here, now. A resend may
   * come when its ticket has ended: look for the earlier message first.
   */
  openFile(user: string, ticket: string): Result<FileInfo> {
    return openTicket(this.#ticketKeys(), ticket, { user_id: user, chat_id: this.chat.id }, this.#clock());
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

  update(user: string, patch: { name?: string; history?: HistoryPolicy }): Result<Commit> {
    const actor = this.actor(user, 'update');
    if (!actor.ok) return actor;
    const changed = {
      ...(patch.name !== undefined && patch.name !== this.chat.name ? { name: patch.name } : {}),
      ...(patch.history !== undefined && patch.history !== this.chat.history ? { history: patch.history } : {}),
    };
    if (Object.keys(changed).length === 0) return ok({ events: [], ended: [] });
    return ok(
      this.#change(() => {
        const event = this.#append(user, 'chat.updated', changed);
        Object.assign(this.chat, changed, { updated_at: event.created_at });
        return { events: [event], ended: [] };
      }),
    );
  }

  add(user: string, userIds: string[]): Result<Commit> {
    if (!this.exists) return NOT_FOUND;
    const joining = this.chat.type === 'PublicChannel' && userIds.length === 1 && userIds[0] === user;
    const actor = joining && this.members.current(user) === undefined ? ok(null) : this.actor(user, 'add');
    if (!actor.ok) return actor;
    const added = [...new Set(userIds)].filter((id) => this.members.current(id) === undefined);
    if (added.length === 0) return ok({ events: [], ended: [] });
    return ok(
      this.#change(() => {
        const event = this.#append(user, 'member.joined', { user_ids: added });
        for (const id of added) this.#enter(id, 'member', event.seq, event.created_at);
        this.chat.member_count += added.length;
        return { events: [event, ...this.#crown(user)], ended: [] };
      }),
    );
  }

  /** Removal of a member by another, or leaving. */
  remove(user: string, member: string): Result<Commit> {
    const actor = this.actor(user, user === member ? 'leave' : 'remove');
    if (!actor.ok) return actor;
    if (this.members.current(member) === undefined) return refuse('not_found', 'this user is not in the conversation');
    return ok(this.#depart(user, member, user === member ? 'left' : 'removed'));
  }

  /** Removal by the system. Nothing happens when the user is not a member. */
  expel(member: string): Commit {
    if (!this.exists || this.members.current(member) === undefined) return { events: [], ended: [] };
    return this.#depart(member, member, 'removed');
  }

  /** Deletes the conversation: members are told, then the log goes (`purge`). `user` null: the system deletes. */
  destroy(user: string | null): Result<Commit> {
    if (user !== null) {
      const actor = this.actor(user, 'delete');
      if (!actor.ok) return actor;
    }
    if (!this.exists) return ok({ events: [], ended: [] });
    return ok(
      this.#change(() => {
        const event = this.#append(user ?? this.chat.created_by, 'chat.deleted', null);
        this.chat.deleted_at = event.created_at;
        const { sql } = this.#storage;
        const ended = sql
          .exec<{ user_id: string }>("SELECT user_id FROM members WHERE state = 'member'")
          .toArray()
          .map((row) => row.user_id);
        for (const member of ended) this.owe(member);
        return { events: [event], ended };
      }),
    );
  }

  /** A deleted conversation whose members have all been told keeps nothing but the fact. */
  purge(): void {
    if (!this.initialised || this.exists || this.log.head === 0) return;
    this.#storage.transactionSync(() => {
      this.log.erase();
      this.#storage.sql.exec('DELETE FROM members; DELETE FROM mentions; DELETE FROM files');
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
    const base = { chat: this.describe(), armed: tier === 'small', member_seq: member.member_seq };
    const gone = chat.deleted_at !== null ? 'deleted' : member.state === 'member' ? null : member.state;
    if (gone !== null) {
      return { ...base, member: null, gone, messages: 0, last_message: null, mentions: [] };
    }
    const last = log.lastMessage(member.visible_from);
    return {
      ...base,
      member: {
        role: member.role,
        joined_at: timestamp(member.joined_at),
        visible_from: member.visible_from,
        read_seq: member.read_seq,
        read_messages: log.messagesUpTo(member.read_seq),
        delivered_seq: member.delivered_seq,
      },
      messages: log.messages,
      last_message: last === undefined ? null : messageOf(chat.id, last),
      mentions: this.#storage.sql
        .exec<{ seq: number }>(
          'SELECT seq FROM mentions WHERE user_id = ? AND seq > ? ORDER BY seq DESC LIMIT ?',
          user,
          member.read_seq,
          LIMITS.unreadMentions,
        )
        .toArray()
        .map((row) => row.seq)
        .reverse(),
    };
  }

  memberPage(after: string, limit: number): { items: Member[]; next_cursor: string | null } {
    const rows = this.members.page(after, limit + 1);
    const items = rows.slice(0, limit).map(memberOf);
    return { items, next_cursor: rows.length > limit ? (items.at(-1)?.user_id ?? null) : null };
  }

  /** Those of the users who are members now. */
  memberList(userIds: string[]): Member[] {
    return userIds.flatMap((id) => this.members.current(id) ?? []).map(memberOf);
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
      members.storeMarks({ implied });
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
      this.#load();
      throw fault;
    }
  }

  recordMention(user: string, seq: number): void {
    this.#storage.sql.exec('INSERT INTO mentions VALUES (?, ?) ON CONFLICT DO NOTHING', user, seq);
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

  #change(change: () => Commit): Commit {
    return this.transaction(() => {
      const commit = change();
      saveChat(this.#storage.sql, this.chat);
      return commit;
    });
  }

  #append(actor: string, type: NewEvent['type'], fields: Record<string, unknown> | null): EventRow {
    const row = this.log.append({
      type,
      actor_id: actor,
      created_at: this.#clock(),
      client_id: null,
      kind: null,
      content: null,
      extra: fields === null ? null : JSON.stringify(fields),
    });
    if (row === null) throw new Error('an event without client_id is never a duplicate');
    return row;
  }

  #enter(userId: string, role: Role, seq: number, now: number): void {
    const visibleFrom = this.chat.history === 'all' ? 1 : seq;
    const was = this.members.known(userId);
    // A newcomer has nothing unread: what was said before they came counts as read.
    const row: MemberRow = {
      user_id: userId,
      role,
      state: 'member',
      member_seq: seq,
      joined_at: now,
      visible_from: visibleFrom,
      read_seq: Math.max(was?.read_seq ?? 0, seq),
      delivered_seq: Math.max(was?.delivered_seq ?? 0, seq),
      armed: true,
    };
    this.members.put(row);
    this.owe(userId);
  }

  #depart(actor: string, member: string, how: 'left' | 'removed'): Commit {
    return this.#change(() => {
      const events = [this.#append(actor, 'member.left', { user_id: member, removed: how === 'removed' })];
      const leaving = this.members.known(member);
      if (leaving === undefined) throw new Error('a departing member is known');
      this.members.put({ ...leaving, state: how, role: 'member', member_seq: this.log.head, armed: false });
      this.chat.member_count -= 1;
      if (this.chat.member_count === TIER_LIMITS.small) this.members.armAll();
      this.owe(member);
      return { events: [...events, ...this.#crown(actor)], ended: [member] };
    });
  }

  /** A conversation never stays without an owner: the longest-standing member takes over, or the first who comes. */
  #crown(actor: string): EventRow[] {
    const owners = this.#storage.sql.exec("SELECT 1 FROM members WHERE state = 'member' AND role = 'owner' LIMIT 1");
    const heir = owners.toArray().length === 0 ? this.members.eldest() : undefined;
    if (heir === undefined) return [];
    const event = this.#append(actor, 'member.role', { user_id: heir.user_id, role: 'owner' });
    this.members.put({ ...heir, role: 'owner', member_seq: event.seq });
    this.owe(heir.user_id);
    return [event];
  }

  /** Both people of a Single: the one kind of conversation whose people never change. */
  #peers(): string[] {
    this.#pair ??= this.members.page('', 2).map((member) => member.user_id);
    return this.#pair;
  }

  #load(): void {
    const chat = loadChat(this.#storage.sql);
    if (chat === undefined) {
      this.#state = undefined;
      return;
    }
    const log = new Log(this.#storage.sql);
    this.#state = { chat, log, members: new Members(this.#storage.sql, log.lastSentAfter(chat.marks_through)) };
  }

  get #loaded() {
    if (this.#state === undefined) throw new Error('the conversation does not exist');
    return this.#state;
  }
}
