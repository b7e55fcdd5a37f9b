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
 * - `owned`: about a session, file, upload, subscription or notification of the caller that the path names
 * - `code`: about what a secret in the body opens, for whoever has it
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
  | 'owned'
  | 'code'
  | 'operator';

export const POLICIES: Record<string, Policy> = {
  signUp: 'public',
  signIn: 'public',
  refresh: 'public',
  verifyEmail: 'public',
  forgotPassword: 'public',
  resetPassword: 'public',
  getPermissions: 'public',
  signOut: 'own',
  listSessions: 'own',
  signOutEverywhere: 'own',
  endSession: 'owned',
  uploadPart: 'owned',
  getUpload: 'owned',
  abortUpload: 'owned',
  completeUpload: 'owned',
  getFile: 'owned',
  getFileContent: 'owned',
  unsubscribeFromPush: 'owned',
  removeNotification: 'owned',
  changePassword: 'own',
  getMe: 'own',
  updateMe: 'own',
  getEmailState: 'own',
  sendVerification: 'own',
  setStatus: 'own',
  clearStatus: 'own',
  uploadFile: 'own',
  startUpload: 'own',
  getStorage: 'own',
  findChannels: 'own',
  getPushKey: 'own',
  subscribeToPush: 'own',
  listPushSubscriptions: 'own',
  getNotificationSettings: 'own',
  setNotificationSettings: 'own',
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
  getMember: 'chat',
  updateMember: 'chat',
  transferOwnership: 'chat',
  listBans: 'chat',
  banUser: 'chat',
  unbanUser: 'chat',
  makeJoinRequest: 'chat',
  listJoinRequests: 'chat',
  getJoinRequest: 'chat',
  decideJoinRequest: 'chat',
  cancelJoinRequest: 'chat',
  createInvitation: 'chat',
  listInvitations: 'chat',
  revokeInvitation: 'chat',
  getAnnouncement: 'chat',
  setAnnouncement: 'chat',
  removeAnnouncement: 'chat',
  readAnnouncement: 'chat',
  listAnnouncementReaders: 'chat',
  previewChannel: 'chat',
  forwardMessage: 'chat',
  listReaders: 'chat',
  getPoll: 'chat',
  votePoll: 'chat',
  closePoll: 'chat',
  listVotes: 'chat',
  createFileTicket: 'chat',
  getChatFile: 'chat',
  putDraft: 'chat',
  saveMessage: 'chat',
  unsaveMessage: 'chat',
  searchAll: 'own',
  previewInvitation: 'code',
  redeemInvitation: 'code',
  previewWorkspaceInvitation: 'code',
  redeemWorkspaceInvitation: 'code',
  listWorkspaces: 'own',
  createWorkspace: 'own',
  getWorkspace: 'workspace',
  updateWorkspace: 'workspace',
  deleteWorkspace: 'workspace',
  listWorkspaceMembers: 'workspace',
  addWorkspaceMembers: 'workspace',
  removeWorkspaceMember: 'workspace',
  restoreWorkspace: 'workspace',
  transferWorkspace: 'workspace',
  setWorkspaceRole: 'workspace',
  listWorkspaceInvitations: 'workspace',
  createWorkspaceInvitation: 'workspace',
  revokeWorkspaceInvitation: 'workspace',
  sync: 'own',
  syncWithEvents: 'own',
  streamEvents: 'own',
  listNotifications: 'own',
  readNotifications: 'own',
  removeNotifications: 'own',
  openInboxSocket: 'own',
  openChatSocket: 'chat',
  setUserStatus: 'operator',
  audit: 'operator',
  renewEpoch: 'operator',
  announce: 'operator',
  health: 'public',
  jwks: 'public',
  getOpenApi: 'public',
  getDocs: 'public',
};

/** What an operation cannot do without in its query. */
export const QUERIES: Record<string, string> = {
  searchChat: 'q=canary',
  searchAll: 'q=canary',
  findChannels: 'q=canary',
  uploadFile: 'name=canary',
};

/** Operations whose answer is a socket or does not end. */
export const SOCKETS = ['openInboxSocket', 'openChatSocket'];
export const STREAMS = ['streamEvents'];

export const operationsOf = (contract: Contract, ...policies: Policy[]): Operation[] =>
  [...contract.operations.values()].filter(({ operationId }) => {
    const policy = POLICIES[operationId];
    return policy !== undefined && policies.includes(policy);
  });
