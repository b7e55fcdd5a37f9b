import { type ChatType, Role } from '../protocol/chats.ts';
import { refuse } from '../protocol/errors.ts';

/** The answer to whoever may not know whether the conversation exists. */
export const NOT_FOUND = refuse('not_found', 'there is no such conversation, or you are not in it');

export type Action =
  | 'send'
  | 'react'
  | 'mention_all'
  | 'pin'
  | 'recall_any'
  | 'export'
  | 'update'
  | 'add'
  | 'remove'
  | 'delete'
  | 'leave';

/** The least role that may, or nobody. */
type Least = Role | 'nobody';

const shared: Record<Action, Least> = {
  send: 'member',
  react: 'member',
  mention_all: 'moderator',
  pin: 'moderator',
  recall_any: 'moderator',
  export: 'member',
  update: 'admin',
  add: 'member',
  remove: 'moderator',
  delete: 'owner',
  leave: 'member',
};

/** Who may do what: the one table. `remove` is removal of somebody else; `recall_any` of somebody else's message. */
export const PERMISSIONS: Record<ChatType, Record<Action, Least>> = {
  Single: {
    send: 'member',
    react: 'member',
    mention_all: 'nobody',
    pin: 'member',
    recall_any: 'nobody',
    export: 'member',
    update: 'nobody',
    add: 'nobody',
    remove: 'nobody',
    delete: 'nobody',
    leave: 'nobody',
  },
  Group: { ...shared, mention_all: 'member', pin: 'member' },
  PrivateChannel: shared,
  PublicChannel: shared,
};

/** How much a role may: the options of `Role` are in this order, the owner first. */
export const rank = (role: Role): number => Role.options.length - Role.options.indexOf(role);

export function may(type: ChatType, role: Role, action: Action): boolean {
  const least = PERMISSIONS[type][action];
  return least !== 'nobody' && rank(role) >= rank(least);
}
