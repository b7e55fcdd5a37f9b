import type { ChatType, JoinPolicy, Overrides, UpdateChat } from '../protocol/chats.ts';
import { Overridable } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { ChatRow, Settings } from './chat.ts';
import type { Commit, Conversation } from './conversation.ts';
import type { MemberRow } from './members.ts';
import { type Action, BOUNDS, JOIN_POLICIES, rank } from './permissions.ts';

export const joinPolicyOf = ({ type, settings }: ChatRow): JoinPolicy => settings.join_policy ?? JOIN_POLICIES[type][0];

/** The refusal of a policy that this type cannot have; null: it can. */
export const policyProblem = (type: ChatType, policy: JoinPolicy): string | null =>
  JOIN_POLICIES[type].includes(policy) ? null : `join_policy: a ${type} takes ${JOIN_POLICIES[type].join(' or ')}`;

/** What each part of a change asks for. */
const ASKS: Record<keyof UpdateChat, Action> = {
  name: 'update',
  history: 'update',
  topic: 'update',
  avatar: 'update',
  join_policy: 'configure',
  slow_mode: 'configure',
  silenced: 'configure',
  overrides: 'configure',
  archived: 'archive',
};

const isAsked = (name: string): name is keyof UpdateChat => name in ASKS;

/**
 * Changes what the conversation is called and how it is run: all that the patch names in one event, or nothing. Each part
 * asks for its own permission.
 */
export function updateSettings(conversation: Conversation, user: string, patch: UpdateChat): Result<Commit> {
  const asked = new Set(
    Object.keys(patch)
      .filter(isAsked)
      .map((name) => ASKS[name]),
  );
  // What changes nothing still is for those only who might.
  if (asked.size === 0) asked.add('update');
  let actor: Result<MemberRow> | undefined;
  for (const action of asked) {
    actor = conversation.actor(user, action);
    if (!actor.ok) return actor;
  }
  if (actor === undefined || !actor.ok) throw new Error('a change asks for something');
  const { chat } = conversation;
  if (patch.join_policy !== undefined) {
    const problem = policyProblem(chat.type, patch.join_policy);
    if (problem !== null) return refuse('invalid', problem);
  }
  const overrides = merged(chat.settings.overrides, patch.overrides ?? {}, actor.value);
  if (!overrides.ok) return overrides;

  const before = current(chat);
  const after = {
    name: given(patch.name, before.name),
    history: given(patch.history, before.history),
    topic: given(patch.topic, before.topic),
    avatar: given(patch.avatar, before.avatar),
    join_policy: given(patch.join_policy, before.join_policy),
    slow_mode: given(patch.slow_mode, before.slow_mode),
    silenced: given(patch.silenced, before.silenced),
    archived: given(patch.archived, before.archived),
    overrides: overrides.value,
  };
  const changed = Object.fromEntries(
    Object.entries(after).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(Reflect.get(before, name)),
    ),
  );
  if (Object.keys(changed).length === 0) return ok({ events: [], ended: [] });
  return ok(
    conversation.change(() => {
      const event = conversation.append(user, 'chat.updated', changed);
      const { name, history, archived, join_policy, ...rest } = after;
      const archived_at = archived ? (chat.settings.archived_at ?? event.created_at) : null;
      const settings: Settings = {
        ...rest,
        join_policy: join_policy === JOIN_POLICIES[chat.type][0] ? null : join_policy,
        archived_at,
      };
      Object.assign(chat, { name, history, settings, updated_at: event.created_at });
      return { events: [event], ended: [] };
    }),
  );
}

const given = <T>(value: T | undefined, held: T): T => (value === undefined ? held : value);

const current = (chat: ChatRow) => {
  const { archived_at, ...settings } = chat.settings;
  return {
    name: chat.name,
    history: chat.history,
    ...settings,
    join_policy: joinPolicyOf(chat),
    archived: archived_at !== null,
  };
};

/** The overrides after a change: within the bounds, and nobody asks for more than their own role. */
function merged(held: Overrides, patch: NonNullable<UpdateChat['overrides']>, actor: MemberRow): Result<Overrides> {
  const after: Overrides = {};
  // In the order of the schema, so that equal overrides are equal texts.
  for (const action of Overridable.options) {
    const asked = patch[action];
    const role = asked === undefined ? held[action] : (asked ?? undefined);
    const beyond = [held[action], asked].find((one) => one != null && rank(one) > rank(actor.role));
    if (asked !== undefined && beyond !== undefined) {
      return refuse('forbidden', `overrides: as ${actor.role} you do not decide over ${beyond} for ${action}`);
    }
    if (asked !== undefined && asked !== null) {
      const { least, most } = BOUNDS[action];
      if (rank(asked) < rank(least) || rank(asked) > rank(most)) {
        return refuse('invalid', `overrides: ${action} takes a role from ${least} to ${most}`);
      }
    }
    if (role !== undefined) after[action] = role;
  }
  return ok(after);
}
