import {
  type Action,
  type ChatType,
  type JoinPolicy,
  type Least,
  type Overridable,
  Overridable as OverridableActions,
  type Overrides,
  type Permissions,
  Role,
} from '../protocol/chats.ts';
import { type Refusal, refuse } from '../protocol/errors.ts';

export type { Action } from '../protocol/chats.ts';

/** The answer to whoever may not know whether the conversation exists. */
export const NOT_FOUND = refuse('not_found', 'there is no such conversation, or you are not in it');

const shared: Permissions = {
  send: 'member',
  edit: 'member',
  react: 'member',
  mention_all: 'moderator',
  pin: 'moderator',
  recall_any: 'moderator',
  export: 'member',
  update: 'admin',
  announce: 'admin',
  add: 'member',
  invite: 'moderator',
  requests: 'moderator',
  nickname: 'member',
  rename: 'moderator',
  mute: 'moderator',
  remove: 'moderator',
  ban: 'moderator',
  role: 'admin',
  configure: 'admin',
  archive: 'admin',
  transfer: 'owner',
  delete: 'owner',
  leave: 'member',
};

/** Who may do what: the one table. A conversation may have some of it otherwise, within `BOUNDS`. */
export const PERMISSIONS: Record<ChatType, Permissions> = {
  Single: {
    send: 'member',
    edit: 'member',
    react: 'member',
    mention_all: 'nobody',
    pin: 'member',
    recall_any: 'nobody',
    export: 'member',
    update: 'nobody',
    announce: 'nobody',
    add: 'nobody',
    invite: 'nobody',
    requests: 'nobody',
    nickname: 'nobody',
    rename: 'nobody',
    mute: 'nobody',
    remove: 'nobody',
    ban: 'nobody',
    role: 'nobody',
    configure: 'nobody',
    archive: 'nobody',
    transfer: 'nobody',
    delete: 'nobody',
    leave: 'nobody',
  },
  Group: { ...shared, mention_all: 'member', pin: 'member' },
  PrivateChannel: shared,
  PublicChannel: shared,
};

/** How far an override may go. What is not here is as the table says everywhere: nobody gains a hold over others by it. */
export const BOUNDS: Record<Overridable, { least: Role; most: Role }> = {
  send: { least: 'member', most: 'owner' },
  react: { least: 'member', most: 'owner' },
  mention_all: { least: 'member', most: 'owner' },
  pin: { least: 'member', most: 'owner' },
  update: { least: 'member', most: 'owner' },
  add: { least: 'member', most: 'owner' },
  invite: { least: 'member', most: 'owner' },
  remove: { least: 'moderator', most: 'owner' },
};

/** How one comes in without being added. Only what is seen from outside can be joined, or asked to be let into. */
export const JOIN_POLICIES: Record<ChatType, readonly [JoinPolicy, ...JoinPolicy[]]> = {
  Single: ['closed'],
  Group: ['invitation', 'closed'],
  PrivateChannel: ['invitation', 'closed'],
  PublicChannel: ['open', 'approval', 'invitation', 'closed'],
};

/** How much a role may: the options of `Role` are in this order, the owner first. */
export const rank = (role: Role): number => Role.options.length - Role.options.indexOf(role);

/** Whether one may act on another: below oneself everybody, and an owner on every one. */
export const outranks = (role: Role, other: Role): boolean => role === 'owner' || rank(role) > rank(other);

const overridable = new Set<string>(OverridableActions.options);
const isOverridable = (action: Action): action is Overridable => overridable.has(action);

/** The least role that may do this where these overrides hold. */
export function leastFor(type: ChatType, action: Action, overrides: Overrides = {}): Least {
  const own = isOverridable(action) ? overrides[action] : undefined;
  return own ?? PERMISSIONS[type][action];
}

export function may(type: ChatType, role: Role, action: Action, overrides: Overrides = {}): boolean {
  const least = leastFor(type, action, overrides);
  return least !== 'nobody' && rank(role) >= rank(least);
}

/** The whole table of a conversation. */
export const permissionsOf = (type: ChatType, overrides: Overrides): Permissions => ({
  ...PERMISSIONS[type],
  ...overrides,
});

/** What somebody who is muted, or a member of a silenced conversation, may not do. */
export const SPEECH: ReadonlySet<Action> = new Set<Action>(['send', 'edit', 'react', 'mention_all', 'pin']);
/** What can still be done in an archived conversation: to read, to go, to see to who is in it, and to bring it back. */
export const IN_ARCHIVE: ReadonlySet<Action> = new Set<Action>([
  'export',
  'leave',
  'remove',
  'ban',
  'archive',
  'transfer',
  'delete',
]);
/** From here on slow mode and silence do not apply. */
export const EXEMPT_FROM: Role = 'moderator';
export const isExempt = (role: Role): boolean => rank(role) >= rank(EXEMPT_FROM);

export interface Circumstances {
  type: ChatType;
  overrides: Overrides;
  archived: boolean;
  silenced: boolean;
  role: Role;
  /** Milliseconds since 1970; null: not muted. */
  muted_until: number | null;
}

/** Why a member may not do this now, but for slow mode; null: they may. */
export function hindrance(the: Circumstances, action: Action, now: number): Refusal | null {
  if (!may(the.type, the.role, action, the.overrides)) {
    return { code: 'forbidden', message: `as ${the.role} of a ${the.type} you may not: ${action}` };
  }
  if (the.archived && !IN_ARCHIVE.has(action)) {
    return { code: 'archived', message: `the conversation is archived: it takes no ${action}` };
  }
  if (!SPEECH.has(action)) return null;
  if (the.muted_until !== null && the.muted_until > now) {
    const retry_after = Math.ceil((the.muted_until - now) / 1000);
    return { code: 'muted', message: 'you are muted here', retry_after };
  }
  if (the.silenced && !isExempt(the.role)) {
    return { code: 'muted', message: `only ${EXEMPT_FROM}s and above speak here for now` };
  }
  return null;
}
