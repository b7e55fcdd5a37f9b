import type { ChatType, Role } from '../protocol/chats.ts';

export type Action = 'send' | 'update' | 'delete' | 'add' | 'remove' | 'leave';

const everyone: readonly Role[] = ['owner', 'member'];
const owner: readonly Role[] = ['owner'];
const nobody: readonly Role[] = [];

/** Who may do what: the one table. `remove` is removal of somebody else. */
export const PERMISSIONS: Record<ChatType, Record<Action, readonly Role[]>> = {
  Single: { send: everyone, update: nobody, delete: nobody, add: nobody, remove: nobody, leave: nobody },
  Group: { send: everyone, update: owner, delete: owner, add: everyone, remove: owner, leave: everyone },
  PrivateChannel: { send: everyone, update: owner, delete: owner, add: everyone, remove: owner, leave: everyone },
  PublicChannel: { send: everyone, update: owner, delete: owner, add: everyone, remove: owner, leave: everyone },
};

export const may = (type: ChatType, role: Role, action: Action): boolean => PERMISSIONS[type][action].includes(role);
