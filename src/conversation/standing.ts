import { timestamp } from '../clock.ts';
import type { Member, UpdateMember } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { Conversation } from './conversation.ts';
import type { EventRow } from './log.ts';
import { type MemberRow, memberOf } from './members.ts';
import { answer, type Outcome } from './outcome.ts';
import { type Action, outranks } from './permissions.ts';

const NO_MEMBER = refuse('not_found', 'this user is not in the conversation');

/** Somebody who may act on a member, and the member. Nobody acts on who has their own role or a higher one, but an owner. */
export function actorOver(
  conversation: Conversation,
  user: string,
  action: Action,
  member: string,
): Result<{ actor: MemberRow; target: MemberRow }> {
  const actor = conversation.actor(user, action);
  if (!actor.ok) return actor;
  const target = conversation.members.current(member);
  if (target === undefined) return NO_MEMBER;
  if (!outranks(actor.value.role, target.role)) {
    return refuse('forbidden', `as ${actor.value.role} you may not: ${action} of a member who is ${target.role}`);
  }
  return ok({ actor: actor.value, target });
}

/** Changes a member's role, nickname and mute: what the patch names, all or nothing, an event for each that changes. */
export function setMember(
  conversation: Conversation,
  user: string,
  member: string,
  patch: UpdateMember,
): Result<Outcome<Member>> {
  const problems = [
    () => (patch.role === undefined ? null : roleProblem(conversation, user, member, patch.role)),
    () => (patch.nickname === undefined ? null : renameProblem(conversation, user, member)),
    () => (patch.muted_until === undefined ? null : muteProblem(conversation, user, member, patch.muted_until)),
  ];
  for (const find of problems) {
    const problem = find();
    if (problem !== null) return problem;
  }
  const place = conversation.actor(user);
  if (!place.ok) return place;
  const target = conversation.members.current(member);
  if (target === undefined) return NO_MEMBER;

  const role = patch.role ?? target.role;
  const nickname = patch.nickname === undefined ? target.nickname : patch.nickname;
  const muted_until = patch.muted_until === undefined ? target.muted_until : millis(patch.muted_until);
  const events: EventRow[] = [];
  const append = (type: string, fields: Record<string, unknown>) =>
    events.push(conversation.append(user, type, { user_id: member, ...fields }));
  const commit = conversation.change(() => {
    if (role !== target.role) append('member.role', { role });
    if (nickname !== target.nickname) append('member.renamed', { nickname });
    if (muted_until !== target.muted_until) {
      append('member.muted', { until: muted_until === null ? null : timestamp(muted_until) });
    }
    const last = events.at(-1);
    if (last !== undefined) {
      conversation.members.put({ ...target, role, nickname, muted_until, member_seq: last.seq });
      conversation.owe(member);
    }
    return { events, ended: [] };
  });
  return ok({ commit, value: memberOf(conversation.members.current(member) ?? target) });
}

const millis = (time: string | null): number | null => (time === null ? null : Date.parse(time));

const failed = <T>(result: Result<T>) => (result.ok ? null : result);

/** Nobody gives or takes a role that is not below their own, but an owner; and an owner always remains. */
function roleProblem(conversation: Conversation, user: string, member: string, role: Member['role']) {
  const over = actorOver(conversation, user, 'role', member);
  if (!over.ok) return over;
  const { actor, target } = over.value;
  if (!outranks(actor.role, role)) return refuse('forbidden', `as ${actor.role} you may not make somebody ${role}`);
  const last = target.role === 'owner' && role !== 'owner' && !conversation.members.hasOtherOwner(member);
  return last ? refuse('conflict', 'the last owner stays one: transfer the conversation first') : null;
}

const renameProblem = (conversation: Conversation, user: string, member: string) =>
  user === member
    ? failed(conversation.actor(user, 'nickname'))
    : failed(actorOver(conversation, user, 'rename', member));

function muteProblem(conversation: Conversation, user: string, member: string, until: string | null) {
  const over = actorOver(conversation, user, 'mute', member);
  if (!over.ok) return over;
  if (user === member) return refuse('forbidden', 'nobody mutes themself');
  const past = until !== null && Date.parse(until) <= conversation.now;
  return past ? refuse('invalid', 'muted_until: is not in the future') : null;
}

/** Hands the conversation over: the other becomes owner, who hands it over admin, at once. */
export function transfer(conversation: Conversation, user: string, member: string): Result<Outcome<Member>> {
  const over = actorOver(conversation, user, 'transfer', member);
  if (!over.ok) return over;
  const { actor, target } = over.value;
  if (user === member) return refuse('invalid', 'user_id: names yourself');
  const events: EventRow[] = [];
  const give = (row: MemberRow, role: Member['role']) => {
    const event = conversation.append(user, 'member.role', { user_id: row.user_id, role });
    events.push(event);
    conversation.members.put({ ...row, role, member_seq: event.seq });
    conversation.owe(row.user_id);
  };
  const commit = conversation.change(() => {
    if (target.role !== 'owner') give(target, 'owner');
    give(actor, 'admin');
    return { events, ended: [] };
  });
  return ok({ commit, value: memberOf(conversation.members.current(member) ?? target) });
}

/** One member, for the members. */
export function getMember(conversation: Conversation, user: string, member: string): Result<Outcome<Member>> {
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const row = conversation.members.current(member);
  return row === undefined ? NO_MEMBER : answer(memberOf(row));
}
