import type { Contract, Operation } from '../support/contract.ts';

/*
 * Whose business each operation is. A new route has no entry, and the tests that go by this table fail until it has one:
 * then it is tried by everybody who has no business there.
 *
 * - `public`: needs no token, and tells nothing about anybody
 * - `own`: about the caller alone, whatever the request says
 * - `profile`: about another user, and open to everybody signed in
 * - `person`: about another user, for those who have to do with them
 * - `relation`: about somebody, or something, among the caller's own relations that the path names
 * - `chat`, `workspace`: about the one that the path names, for those who are in it
 * - `session`: about a session of the caller
 * - `operator`: takes the admin token, and no other
 */
export type Policy =
  | 'public'
  | 'own'
  | 'profile'
  | 'person'
  | 'relation'
  | 'chat'
  | 'workspace'
  | 'session'
  | 'operator';

export const POLICIES: Record<string, Policy> = {
  signUp: 'public',
  signIn: 'public',
  refresh: 'public',
  signOut: 'own',
  listSessions: 'own',
  signOutEverywhere: 'own',
  endSession: 'session',
  changePassword: 'own',
  getMe: 'own',
  updateMe: 'own',
  findUsers: 'profile',
  getUser: 'profile',
  getPresence: 'person',
  listChats: 'own',
  createChat: 'own',
  getChat: 'chat',
  updateChat: 'chat',
  deleteChat: 'chat',
  setChatPreferences: 'chat',
  listMembers: 'chat',
  addMembers: 'chat',
  removeMember: 'chat',
  sendMessage: 'chat',
  listMessages: 'chat',
  listEvents: 'chat',
  listFriends: 'own',
  updateFriend: 'relation',
  removeFriend: 'relation',
  listFriendRequests: 'own',
  requestFriend: 'own',
  acceptFriendRequest: 'relation',
  declineFriendRequest: 'relation',
  listFriendGroups: 'own',
  createFriendGroup: 'own',
  renameFriendGroup: 'relation',
  deleteFriendGroup: 'relation',
  listBlocks: 'own',
  blockUser: 'own',
  unblockUser: 'own',
  getPrivacy: 'own',
  updatePrivacy: 'own',
  setRetention: 'chat',
  editMessage: 'chat',
  recallMessage: 'chat',
  listEdits: 'chat',
  addReaction: 'chat',
  removeReaction: 'chat',
  listReactors: 'chat',
  pinMessage: 'chat',
  unpinMessage: 'chat',
  listPins: 'chat',
  listReplies: 'chat',
  attendThread: 'chat',
  listThreads: 'chat',
  hideMessage: 'chat',
  listHidden: 'chat',
  scheduleMessage: 'chat',
  cancelScheduled: 'chat',
  listScheduled: 'chat',
  exportChat: 'chat',
  searchChat: 'chat',
  searchAll: 'own',
  listWorkspaces: 'own',
  createWorkspace: 'own',
  getWorkspace: 'workspace',
  updateWorkspace: 'workspace',
  deleteWorkspace: 'workspace',
  listWorkspaceMembers: 'workspace',
  addWorkspaceMembers: 'workspace',
  removeWorkspaceMember: 'workspace',
  sync: 'own',
  syncWithEvents: 'own',
  streamEvents: 'own',
  openInboxSocket: 'own',
  openChatSocket: 'chat',
  setUserStatus: 'operator',
  audit: 'operator',
  renewEpoch: 'operator',
  health: 'public',
  jwks: 'public',
  getOpenApi: 'public',
  getDocs: 'public',
};

/** What an operation cannot do without in its query. */
export const QUERIES: Record<string, string> = { searchChat: 'q=canary', searchAll: 'q=canary' };

/** Operations whose answer is a socket or does not end. */
export const SOCKETS = ['openInboxSocket', 'openChatSocket'];
export const STREAMS = ['streamEvents'];

export const operationsOf = (contract: Contract, ...policies: Policy[]): Operation[] =>
  [...contract.operations.values()].filter(({ operationId }) => {
    const policy = POLICIES[operationId];
    return policy !== undefined && policies.includes(policy);
  });
