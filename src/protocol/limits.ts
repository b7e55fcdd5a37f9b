/** Every size and count that the wire knows. Enforced by the schemas beside this file and by the objects. */
export const LIMITS = {
  /** Longest frame on a socket and longest JSON body over REST, in bytes of UTF-8. */
  frameBytes: 64 * 1024,
  /** Frames in one array. */
  framesPerMessage: 100,
  /** Longest `content` of a message, in bytes of UTF-8. */
  contentBytes: 32 * 1024,
  mentionsPerMessage: 50,
  /** Unread mentions that are counted: the newest so many of each conversation. */
  unreadMentions: 1000,
  /** Different reactions on one message. */
  reactionsPerMessage: 20,
  /** Messages that are pinned in one conversation at the same time. */
  pinsPerChat: 100,
  editsPerMessage: 100,
  /** Messages that a user has saved for later. */
  savedMessages: 5000,
  /** Longest window or timer of a conversation: ten years. */
  retentionSeconds: 10 * 366 * 24 * 60 * 60,
  /** Messages of one member that wait in one conversation to be sent later, and how far ahead, in seconds. */
  scheduledPerMember: 100,
  scheduleSeconds: 366 * 24 * 60 * 60,
  nameLength: 128,
  fullnameLength: 128,
  descriptionLength: 1024,
  /** Text and source of a friend request, in characters. */
  requestTextLength: 256,
  requestSourceLength: 64,
  /** Friends, requests waiting on either side, blocks, and groups of friends of one user. */
  friends: 2000,
  friendRequests: 500,
  blocks: 2000,
  friendGroups: 50,
  /** What a conversation is about. It is part of every member's row. */
  topicLength: 256,
  /** Longest `avatar` of a conversation, an address. */
  chatAvatarLength: 512,
  announcementLength: 4096,
  nicknameLength: 64,
  /** Reason of a ban, text of a request to join. */
  remarkLength: 256,
  /** Longest pause that slow mode asks for, in seconds. */
  slowModeMax: 6 * 60 * 60,
  /** Requests to join that may be open at once in one conversation. */
  openRequests: 1000,
  /** Invitation links that may stand at once in one conversation. */
  invitations: 100,
  /** Messages that somebody sees of an open channel without being in it: the newest. */
  previewMessages: 30,
  /** Text of a custom status, in characters. */
  statusLength: 100,
  /** Friends and people of Singles who are told how a user is. */
  presencePeers: 500,
  passwordMin: 8,
  passwordMax: 256,
  /** Members named in one request; more are added in several requests. */
  membersPerRequest: 500,
  pageDefault: 50,
  pageMax: 500,
  /** Sync rows in one page. */
  syncPageDefault: 200,
  syncPageMax: 1000,
  /** Conversations whose missing events one sync request may ask for. */
  syncChatsPerRequest: 500,
  /** Bytes of events in one sync answer; what is beyond comes with the next round. */
  syncBytes: 2 * 1024 * 1024,
  /** Characters of a search query. */
  searchQueryLength: 256,
  /** Conversations that one search looks through; the user's latest ones. */
  searchChats: 200,
  /** A device further behind than this many events gets the newest page and `reset`. */
  resetAfter: 20_000,
} as const;
