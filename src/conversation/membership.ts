import { timestamp } from '../clock.ts';
import type { HistoryPolicy, Member, Role } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { NewConversation } from './api.ts';
import type { Commit, Conversation } from './conversation.ts';
import type { EventRow } from './log.ts';
import type { MemberRow } from './members.ts';
import { NOT_FOUND } from './permissions.ts';
import { TIER_LIMITS } from './tiers.ts';

const memberOf = (row: MemberRow): Member => ({
  user_id: row.user_id,
  role: row.role,
  joined_at: timestamp(row.joined_at),
  read_seq: row.read_seq,
  delivered_seq: row.delivered_seq,
});

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

  update(user: string, patch: { name?: string; history?: HistoryPolicy }): Result<Commit> {
    const actor = this.#conversation.actor(user, 'update');
    if (!actor.ok) return actor;
    const changed = {
      ...(patch.name !== undefined && patch.name !== this.#conversation.chat.name ? { name: patch.name } : {}),
      ...(patch.history !== undefined && patch.history !== this.#conversation.chat.history
        ? { history: patch.history }
        : {}),
    };
    if (Object.keys(changed).length === 0) return ok({ events: [], ended: [] });
    return ok(
      this.#conversation.change(() => {
        const event = this.#conversation.append(user, 'chat.updated', changed);
        Object.assign(this.#conversation.chat, changed, { updated_at: event.created_at });
        return { events: [event], ended: [] };
      }),
    );
  }

  add(user: string, userIds: string[]): Result<Commit> {
    if (!this.#conversation.exists) return NOT_FOUND;
    const joining = this.#conversation.chat.type === 'PublicChannel' && userIds.length === 1 && userIds[0] === user;
    const actor =
      joining && this.#conversation.members.current(user) === undefined
        ? ok(null)
        : this.#conversation.actor(user, 'add');
    if (!actor.ok) return actor;
    const added = [...new Set(userIds)].filter((id) => this.#conversation.members.current(id) === undefined);
    if (added.length === 0) return ok({ events: [], ended: [] });
    return ok(
      this.#conversation.change(() => {
        const event = this.#conversation.append(user, 'member.joined', { user_ids: added });
        for (const id of added) this.#enter(id, 'member', event.seq, event.created_at);
        this.#conversation.chat.member_count += added.length;
        return { events: [event, ...this.#crown(user)], ended: [] };
      }),
    );
  }

  /** Removal of a member by another, or leaving. */
  remove(user: string, member: string): Result<Commit> {
    const actor = this.#conversation.actor(user, user === member ? 'leave' : 'remove');
    if (!actor.ok) return actor;
    if (this.#conversation.members.current(member) === undefined)
      return refuse('not_found', 'this user is not in the conversation');
    return ok(this.#depart(user, member, user === member ? 'left' : 'removed'));
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
        const { sql } = this.#conversation;
        const ended = sql
          .exec<{ user_id: string }>("SELECT user_id FROM members WHERE state = 'member'")
          .toArray()
          .map((row) => row.user_id);
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
    };
    this.#conversation.members.put(row);
    this.#conversation.owe(userId);
  }

  #depart(actor: string, member: string, how: 'left' | 'removed'): Commit {
    return this.#conversation.change(() => {
      const events = [this.#conversation.append(actor, 'member.left', { user_id: member, removed: how === 'removed' })];
      const leaving = this.#conversation.members.known(member);
      if (leaving === undefined) throw new Error('a departing member is known');
      this.#conversation.members.put({
        ...leaving,
        state: how,
        role: 'member',
        member_seq: this.#conversation.log.head,
        armed: false,
      });
      this.#conversation.chat.member_count -= 1;
      if (this.#conversation.chat.member_count === TIER_LIMITS.small) this.#conversation.members.armAll();
      this.#conversation.owe(member);
      return { events: [...events, ...this.#crown(actor)], ended: [member] };
    });
  }

  /** A conversation never stays without an owner: the longest-standing member takes over, or the first who comes. */
  #crown(actor: string): EventRow[] {
    const owners = this.#conversation.sql.exec(
      "SELECT 1 FROM members WHERE state = 'member' AND role = 'owner' LIMIT 1",
    );
    const heir = owners.toArray().length === 0 ? this.#conversation.members.eldest() : undefined;
    if (heir === undefined) return [];
    const event = this.#conversation.append(actor, 'member.role', { user_id: heir.user_id, role: 'owner' });
    this.#conversation.members.put({ ...heir, role: 'owner', member_seq: event.seq });
    this.#conversation.owe(heir.user_id);
    return [event];
  }
}
