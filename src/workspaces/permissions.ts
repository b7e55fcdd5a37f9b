import { WorkspaceRole } from '../protocol/workspaces.ts';

/**
 * What can be done in a workspace. `create` is a conversation in it, for channels subject to `create_channels`; `invite` is
 * making an invitation, and listing and revoking one's own; `manage` is the roles and the removal of others, and everybody's
 * invitations.
 */
export type WorkspaceAction =
  | 'see'
  | 'leave'
  | 'directory'
  | 'create'
  | 'invite'
  | 'update'
  | 'add'
  | 'manage'
  | 'transfer'
  | 'delete';

/** Who may do what: for each action the least role that may. */
export const WORKSPACE_PERMISSIONS: Record<WorkspaceAction, WorkspaceRole> = {
  see: 'guest',
  leave: 'guest',
  directory: 'member',
  create: 'member',
  invite: 'member',
  update: 'admin',
  add: 'admin',
  manage: 'admin',
  transfer: 'owner',
  delete: 'owner',
};

/** The roles that somebody may give to others, or take from them. */
const GIVES: Record<WorkspaceRole, readonly WorkspaceRole[]> = {
  owner: WorkspaceRole.options,
  admin: ['member', 'guest'],
  member: ['member', 'guest'],
  guest: [],
};

/** The options of `WorkspaceRole` are in this order, the owner first. */
export const may = (role: WorkspaceRole, action: WorkspaceAction): boolean =>
  WorkspaceRole.options.indexOf(role) <= WorkspaceRole.options.indexOf(WORKSPACE_PERMISSIONS[action]);

export const gives = (role: WorkspaceRole, given: WorkspaceRole): boolean => GIVES[role].includes(given);

/** Roles that may do this. */
export const rolesThatMay = (action: WorkspaceAction): WorkspaceRole[] =>
  WorkspaceRole.options.filter((role) => may(role, action));

/** Roles whose invitations to `given` hold. */
export const rolesThatInvite = (given: WorkspaceRole): WorkspaceRole[] =>
  rolesThatMay('invite').filter((role) => gives(role, given));
