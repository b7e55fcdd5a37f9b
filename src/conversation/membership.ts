import type { Member, Role, UpdateChat } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { NewConversation } from './api.ts';
import { isBanned } from './bans.ts';
import type { Commit, Conversation } from './conversation.ts';
import type { EventRow } from './log.ts';
import { type MemberRow, memberOf } from './members.ts';
import { NOT_FOUND, outranks } from './permissions.ts';
import { closeRequest } from './requests.ts';
import { joinPolicyOf, updateSettings } from './settings.ts';
import { TIER_LIMITS } from './tiers.ts';

/** Who is in a conversation and what it is called: the rules of its people and settings, each change one transaction. */
export class Membership {
  readonly #conversation: Conversation;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** The first event and the first members; the caller's transaction has made the conversation. */
  found(input: NewConversation): Commit {
    const roleOf = (user: string): Role => (input.type === 'Single' || user === input.created_by ? 'owner' : 'member');
    const roles = input.members.map((user_id) => ({ user_id, role: roleOf(user_id) }));
    const event = this.#conversation.append(input.created_by, 'chat.created', { name: input.name, members: roles });
    for (const { user_id, role } of roles) this.#enter(user_id, role, event.seq, event.created_at);
    return { events: [event], ended: [] };
  }

  update(user: string, patch: UpdateChat): Result<Commit> {
    return updateSettings(this.#conversation, user, patch);
  }

  /** Adds users, or lets somebody join an open channel who names themself alone. */
  add(user: string, userIds: string[]): Result<Commit> {
    if (!this.#conversation.exists) return NOT_FOUND;
    const { chat, members } = this.#conversation;
    const alone = userIds.length === 1 && userIds[0] === user;
    const joining = chat.type === 'PublicChannel' && alone && members.current(user) === undefined;
    const allowed = joining ? this.#mayJoin() : this.#conversation.actor(user, 'add');
    if (!allowed.ok) return allowed;
    const added = [...new Set(userIds)].filter((id) => members.current(id) === undefined);
    if (added.length === 0) return ok({ events: [], ended: [] });
    const banned = added.find((id) => isBanned(this.#conversation.sql, id));
    if (banned !== undefined) return refuse('forbidden', `${banned} is banned from this conversation`);
    return ok(this.#conversation.change(() => ({ events: this.admit(user, added), ended: [] })));
  }

  #mayJoin(): Result<null> {
    const { chat } = this.#conversation;
    if (chat.settings.archived_at !== null) return refuse('archived', 'the channel is archived: nobody joins it');
    const policy = joinPolicyOf(chat);
    if (policy === 'open') return ok(null);
    const how = { approval: 'ask to be let in', invitation: 'an invitation lets one in', closed: 'its members add' };
    return refuse('forbidden', `this channel is not open: ${how[policy]}`);
  }

  /** Lets in those who are not in yet; the caller's transaction holds it, and has seen to it that they may come. */
  admit(
    actor: string,
    userIds: string[],
    { role = 'member', ...how }: { role?: Role; invitation_id?: string } = {},
  ): EventRow[] {
    const joined = this.#conversation.append(actor, 'member.joined', { user_ids: userIds, ...how });
    const events = [joined];
    for (const user_id of userIds) {
      this.#enter(user_id, role, joined.seq, joined.created_at);
      if (role !== 'member') events.push(this.#conversation.append(actor, 'member.role', { user_id, role }));
      events.push(...closeRequest(this.#conversation, actor, user_id, 'accepted'));
    }
    this.#conversation.chat.member_count += userIds.length;
    return [...events, ...this.#crown(actor)];
  }

  /** Removal of a member by another, or leaving. */
  remove(user: string, member: string): Result<Commit> {
    const actor = this.#conversation.actor(user, user === member ? 'leave' : 'remove');
    if (!actor.ok) return actor;
    const target = this.#conversation.members.current(member);
    if (target === undefined) return refuse('not_found', 'this user is not in the conversation');
    if (user === member) {
      const abandons =
        target.role === 'owner' &&
        this.#conversation.chat.member_count > 1 &&
        !this.#conversation.members.hasOtherOwner(user);
      if (abandons) return refuse('conflict', 'you are the last owner: transfer the conversation, or delete it');
    } else if (!outranks(actor.value.role, target.role)) {
      return refuse('forbidden', `as ${actor.value.role} you may not remove a member who is ${target.role}`);
    }
    return ok(this.#depart(user, member, user === member ? 'left' : 'removed'));
  }

  /** Removal of a member in a transaction that the caller holds. */
  eject(actor: string, member: MemberRow): EventRow[] {
    return this.#goes(actor, member, 'removed');
  }

  /** Removal by the system. Nothing happens when the user is not a member. */
  expel(member: string): Commit {
    if (!this.#conversation.exists || this.#conversation.members.current(member) === undefined)
      return { events: [], ended: [] };
    return this.#depart(member, member, 'removed');
  }

  /** Deletes the conversation: members are told, then the log goes (`purge`). `user` null: the system deletes. */
  destroy(user: string | null): Result<Commit> {
    if (user !== null) {
      const actor = this.#conversation.actor(user, 'delete');
      if (!actor.ok) return actor;
    }
    if (!this.#conversation.exists) return ok({ events: [], ended: [] });
    return ok(
      this.#conversation.change(() => {
        const event = this.#conversation.append(user ?? this.#conversation.chat.created_by, 'chat.deleted', null);
        this.#conversation.chat.deleted_at = event.created_at;
        const ended = this.#conversation.members.ids();
        for (const member of ended) this.#conversation.owe(member);
        return { events: [event], ended };
      }),
    );
  }

  page(after: string, limit: number): { items: Member[]; next_cursor: string | null } {
    const rows = this.#conversation.members.page(after, limit + 1);
    const items = rows.slice(0, limit).map(memberOf);
    return { items, next_cursor: rows.length > limit ? (items.at(-1)?.user_id ?? null) : null };
  }

  /** Those of the users who are members now. */
  list(userIds: string[]): Member[] {
    return userIds.flatMap((id) => this.#conversation.members.current(id) ?? []).map(memberOf);
  }

  #enter(userId: string, role: Role, seq: number, now: number): void {
    const visibleFrom = this.#conversation.chat.history === 'all' ? 1 : seq;
    const was = this.#conversation.members.known(userId);
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
      nickname: was?.nickname ?? null,
      // A mute outlives leaving and coming back.
      muted_until: was?.muted_until ?? null,
    };
    this.#conversation.members.put(row);
    this.#conversation.owe(userId);
  }

  #depart(actor: string, member: string, how: 'left' | 'removed'): Commit {
    const leaving = this.#conversation.members.current(member);
    if (leaving === undefined) throw new Error('who departs is a member');
    return this.#conversation.change(() => ({ events: this.#goes(actor, leaving, how), ended: [member] }));
  }

  #goes(actor: string, leaving: MemberRow, how: 'left' | 'removed'): EventRow[] {
    const { user_id } = leaving;
    const event = this.#conversation.append(actor, 'member.left', { user_id, removed: how === 'removed' });
    this.#conversation.members.put({ ...leaving, state: how, role: 'member', member_seq: event.seq, armed: false });
    this.#conversation.chat.member_count -= 1;
    if (this.#conversation.chat.member_count === TIER_LIMITS.small) this.#conversation.members.armAll();
    this.#conversation.owe(user_id);
    return [event, ...this.#crown(actor)];
  }

  /** A conversation never stays without an owner: the longest-standing member takes over, or the first who comes. */
  #crown(actor: string): EventRow[] {
    const heir = this.#conversation.members.hasOtherOwner('') ? undefined : this.#conversation.members.eldest();
    if (heir === undefined) return [];
    const event = this.#conversation.append(actor, 'member.role', { user_id: heir.user_id, role: 'owner' });
    this.#conversation.members.put({ ...heir, role: 'owner', member_seq: event.seq });
    this.#conversation.owe(heir.user_id);
    return [event];
  }
}
