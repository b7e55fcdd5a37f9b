/** Every size and count that the wire knows. Enforced by the schemas beside this file and by the objects. */
export const LIMITS = {
  /** Longest frame on a socket and longest JSON body over REST, in bytes of UTF-8. */
  frameBytes: 64 * 1024,
  /** Frames in one array. */
  framesPerMessage: 100,
  /** Longest `content` of a message, in bytes of UTF-8. */
  contentBytes: 32 * 1024,
  mentionsPerMessage: 50,
  entitiesPerMessage: 200,
  filesPerMessage: 10,
  ticketLength: 4096,
  urlLength: 2048,
  /** Text of a quote, in UTF-16 code units. */
  quoteLength: 300,
  previewTitleLength: 200,
  previewDescriptionLength: 500,
  addressLength: 256,
  /** Phone numbers, and e-mail addresses, of one contact card. */
  contactEntries: 10,
  pollOptions: 20,
  pollOptionLength: 100,
  /** `data` of a custom message as JSON, in bytes of UTF-8. */
  customBytes: 16 * 1024,
  /** Objects and lists within each other in `data` of a custom message. */
  customDepth: 8,
  /** A `typing` that is not repeated ends after so many milliseconds. */
  typingTimeoutMs: 6000,
  /** Unread mentions that are counted: the newest so many of each conversation. */
  unreadMentions: 1000,
  /** Different reactions on one message. */
  reactionsPerMessage: 20,
  /** Messages that are pinned in one conversation at the same time. */
  pinsPerChat: 100,
  editsPerMessage: 100,
  /** Messages that a user has saved for later. */
  savedMessages: 5000,
  /** Notifications of one user: the newest so many. Of the messages of one conversation that mention them, the newest so many. */
  notifications: 500,
  mentionNotifications: 30,
  /** Drafts that a user keeps, of conversations and of threads. */
  drafts: 1000,
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
  /** Text of a custom status, in characters. */
  statusLength: 100,
  /** Friends and people of Singles who are told how a user is. */
  presencePeers: 500,
  /** Channels that new members of a workspace enter. */
  defaultChats: 20,
  /** Invitations to one workspace that hold at the same time. */
  workspaceInvitations: 500,
  /** Uses of one invitation link, and how far ahead it may expire, in days. */
  invitationUses: 100_000,
  invitationDays: 366,
  /** Longest retention of a workspace, in days: ten years. */
  retentionDays: 10 * 366,
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
  passwordMin: 8,
  passwordMax: 256,
  /** Members named in one request; more are added in several requests. */
  membersPerRequest: 500,
  pageDefault: 50,
  pageMax: 500,
  /** Sync rows in one page. */
  syncPageDefault: 200,
  syncPageMax: 1000,
  /** Bytes of rows in one page over REST; what is beyond comes with the next page. A page has at least one row. */
  pageBytes: 2 * 1024 * 1024,
  /** Longest message that the server sends on a socket, in bytes of UTF-8. */
  serverMessageBytes: 1024 * 1024,
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
  /** Largest file, where the workspace does not say otherwise. */
  fileBytes: 100 * 1024 * 1024,
  /** The most that a workspace may say. */
  workspaceFileBytes: 1024 * 1024 * 1024,
  /** Bytes that all files of one user may take, and those of one workspace. */
  storagePerUser: 10 * 1024 ** 3,
  storagePerWorkspace: 1024 ** 4,
  /** Size of each part of a file that comes in parts; the last one may be smaller. */
  filePartBytes: 8 * 1024 * 1024,
  /** A preview of an image or a video. */
  thumbnailBytes: 256 * 1024,
  /** Longest side of an image that is shown as one, and of a thumbnail. */
  imageSide: 16_384,
  thumbnailSide: 1024,
  fileNameLength: 255,
  /** Samples of a waveform. */
  waveformSamples: 128,
  /** Sockets that a user's devices hold open on the inbox at once; likewise on one conversation. */
  socketsPerUser: 100,
} as const;

/** So many at once, and from then on so many a second. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** How often. Each is enforced in the object that it is about, in memory, where `RATE_LIMITS` is on. */
export const RATES = {
  /** Messages that one user sends into one conversation, duplicates included. */
  sendsPerUser: { perSecond: 20, burst: 200 },
  /** Messages that everybody together sends into one conversation. */
  sendsPerChat: { perSecond: 1000, burst: 5000 },
  /** Frames on one socket. */
  framesPerSocket: { perSecond: 100, burst: 1000 },
  /** Requests over REST of one user. */
  requestsPerUser: { perSecond: 50, burst: 500 },
} as const satisfies Record<string, Rate>;

/** So many in a window, counted from the first. */
export interface Attempts {
  limit: number;
  seconds: number;
}

/** How often what is guessed, hashed or mailed may be tried, whether or not `RATE_LIMITS` is on. */
export const ATTEMPTS = {
  /** Wrong passwords for one account, whether or not it exists. */
  passwordsPerAccount: { limit: 10, seconds: 15 * 60 },
  /** Mails of one kind that are asked for by, or to, one account. */
  mailsPerAccount: { limit: 5, seconds: 15 * 60 },
  /** Invitations to a workspace by mail that one user makes, and of these to one address. */
  invitationsByMail: { limit: 30, seconds: 15 * 60 },
  invitationsToOneAddress: { limit: 3, seconds: 15 * 60 },
  /** Of each kind from one address: the `AUTH_LIMIT` of what is deployed (wrangler.toml, which the platform reads). */
  perAddress: { limit: 20, seconds: 60 },
} as const satisfies Record<string, Attempts>;
