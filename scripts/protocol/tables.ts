import { BOUNDS, PERMISSIONS } from '../../src/conversation/permissions.ts';
import { DELIVERED_PUSHED_UP_TO, RECEIPTS_PUSHED_UP_TO, TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { type Action, type ChatType, type FanoutTier, Overridable, Role } from '../../src/protocol/chats.ts';
import { ATTEMPTS, LIMITS, RATES, type Rate } from '../../src/protocol/limits.ts';
import { CLOSE_CODES, type CloseReason, ERRORS, type ErrorCode } from '../../src/protocol/wire.ts';
import { rolesThatMay, type WorkspaceAction } from '../../src/workspaces/permissions.ts';

/*
 * The tables of docs/PROTOCOL.md that follow from the code. The numbers come from the code; the words beside them are
 * here, one for each entry, so that a new limit, code or tier does not compile until it is described.
 */

type Unit = 'bytes' | 'characters' | 'count';

const LIMIT_TEXTS: Record<keyof typeof LIMITS, [Unit, string]> = {
  frameBytes: ['bytes', 'One message on a socket, and one JSON body over REST'],
  framesPerMessage: ['count', 'Frames in one array on a socket'],
  contentBytes: ['bytes', '`content` of a message'],
  mentionsPerMessage: ['count', '`mentions` of a message'],
  ticketLength: ['characters', 'A ticket of a file'],
  filesPerMessage: ['count', '`files` of a message'],
  entitiesPerMessage: ['count', '`entities` of a message'],
  urlLength: ['characters', '`url` of a link'],
  quoteLength: ['characters', 'Text of a quote, in UTF-16 code units'],
  previewTitleLength: ['characters', '`title` and `site_name` of a preview'],
  previewDescriptionLength: ['characters', '`description` of a preview'],
  addressLength: ['characters', '`address` of a location'],
  contactEntries: ['count', '`phones`, and `emails`, of a contact card'],
  pollOptions: ['count', '`options` of a poll'],
  pollOptionLength: ['characters', 'One option of a poll'],
  customBytes: ['bytes', '`data` of a custom message, as JSON'],
  customDepth: ['count', 'Objects and lists within each other in `data` of a custom message'],
  typingTimeoutMs: ['count', 'Milliseconds after which a `typing` that is not repeated has ended'],
  unreadMentions: ['count', 'Unread mentions counted in one conversation: the newest'],
  reactionsPerMessage: ['count', 'Different reactions on one message'],
  pinsPerChat: ['count', 'Messages that are pinned in one conversation at the same time'],
  editsPerMessage: ['count', 'Edits of one message'],
  savedMessages: ['count', 'Messages that a user has saved for later'],
  notifications: ['count', 'Notifications of one user, the newest; older ones are dropped'],
  mentionNotifications: ['count', 'Of these, messages of one conversation that mention the user, the newest'],
  drafts: ['count', 'Drafts that a user keeps, of conversations and of threads'],
  retentionSeconds: ['count', 'Seconds in the longest window or timer of a conversation'],
  scheduledPerMember: ['count', 'Messages of one member that wait in one conversation to be sent later'],
  scheduleSeconds: ['count', 'Seconds that a message may be scheduled ahead'],
  nameLength: ['characters', '`name` of a conversation or workspace'],
  fullnameLength: ['characters', '`fullname` of a user'],
  descriptionLength: ['characters', '`description` of a workspace'],
  requestTextLength: ['characters', '`text` of a friend request'],
  requestSourceLength: ['characters', '`source` of a friend request'],
  friends: ['count', 'Friends of one user'],
  friendRequests: ['count', 'Requests of one user that wait for an answer, sent and received each'],
  blocks: ['count', 'People whom one user blocks'],
  friendGroups: ['count', 'Groups of friends of one user'],
  statusLength: ['characters', '`text` of a custom status'],
  presencePeers: ['count', 'Friends and people of Singles who are told of the presence of one user'],
  defaultChats: ['count', 'Channels that new members of a workspace enter'],
  workspaceInvitations: ['count', 'Invitations to one workspace that hold at the same time'],
  invitationUses: ['count', '`max_uses` of an invitation link to a workspace'],
  invitationDays: ['count', 'Days that an invitation to a workspace may hold'],
  retentionDays: ['count', '`retention_days` of a workspace'],
  topicLength: ['characters', '`topic` of a conversation'],
  chatAvatarLength: ['characters', '`avatar` of a conversation'],
  announcementLength: ['characters', 'An announcement'],
  nicknameLength: ['characters', '`nickname` of a member'],
  remarkLength: ['characters', 'The reason of a ban, the text of a request to join'],
  slowModeMax: ['count', 'Longest `slow_mode`, in seconds'],
  openRequests: ['count', 'Requests to join that may be open at once in one conversation'],
  invitations: ['count', 'Invitations that may stand at once in one conversation'],
  previewMessages: ['count', 'Messages in the preview of an open channel: the newest'],
  passwordMin: ['characters', 'Shortest password'],
  passwordMax: ['characters', 'Longest password'],
  membersPerRequest: [
    'count',
    'Users named when a conversation is created or members are added; more go in several requests',
  ],
  pageDefault: ['count', 'Entries in a page of a list, when `limit` is not given'],
  pageMax: ['count', 'Largest `limit` of a list, of `events`, and of `pull` (which takes it by default)'],
  searchQueryLength: ['characters', '`q` of a search'],
  searchChats: ['count', 'Conversations that a search across conversations looks through: the latest'],
  syncPageDefault: ['count', 'Rows in one answer of sync, when `limit` is not given'],
  syncPageMax: ['count', 'Largest `limit` of sync'],
  pageBytes: ['bytes', 'Rows of one page over REST; the rest comes with the next one. A page has at least one row'],
  serverMessageBytes: ['bytes', 'One message of the server on a socket'],
  syncChatsPerRequest: ['count', 'Conversations in `chats` of one `POST /api/sync`'],
  syncBytes: ['bytes', 'Events in one answer of sync, all conversations together; the rest comes with the next one'],
  resetAfter: [
    'count',
    'Events that a device may lack before it gets the newest page and `reset` in place of all of them',
  ],
  fileBytes: ['bytes', 'A file, where its workspace does not say otherwise'],
  workspaceFileBytes: ['bytes', '`max_file_bytes` of a workspace'],
  storagePerUser: ['bytes', 'All files of one user, those on their way among them'],
  storagePerWorkspace: ['bytes', 'All files of one workspace'],
  filePartBytes: ['bytes', 'Each part of a file that comes in parts; the last may be smaller'],
  thumbnailBytes: ['bytes', 'A thumbnail'],
  imageSide: ['count', 'Pixels of the longest side of an image that is shown as one; a larger one is only downloaded'],
  thumbnailSide: ['count', 'Pixels of the longest side of a thumbnail'],
  fileNameLength: ['characters', '`name` of a file'],
  waveformSamples: ['count', 'Samples of a `waveform`'],
  socketsPerUser: ['count', 'Sockets that one user holds open on the inbox, and likewise on one conversation'],
};

const RATE_TEXTS: Record<keyof typeof RATES, [string, string]> = {
  sendsPerUser: ['Messages that one user sends into one conversation', '`rate_limited` with `retry_after`'],
  sendsPerChat: ['Messages that everybody together sends into one conversation', '`rate_limited` with `retry_after`'],
  framesPerSocket: ['Frames on one socket', 'the socket is closed with 4429'],
  requestsPerUser: ['Requests over REST of one user', '429 `rate_limited` with `Retry-After`'],
};

const ATTEMPT_TEXTS: Record<keyof typeof ATTEMPTS, string> = {
  passwordsPerAccount: 'Wrong passwords for one account, whether or not it exists; a right one clears the count',
  mailsPerAccount: 'Mails with a code of one kind that are asked for by one account, or to one address',
  invitationsByMail: 'Invitations to workspaces by mail that one user makes',
  invitationsToOneAddress: 'Of these to one address',
  perAddress: 'Requests from one address to each route that takes a password, a code or a refresh token, as deployed',
};

const ERROR_TEXTS: Record<ErrorCode, string> = {
  malformed: 'Not JSON, not UTF-8, a binary frame, a token in the address. Do not repeat it.',
  unauthenticated: 'There is no valid access token (over REST: or refresh token). Refresh or sign in, then repeat.',
  token_expired: 'The token has ended. Refresh, then repeat.',
  session_ended: 'Signed out, here or elsewhere, or the password was changed. Sign in again.',
  invalid_credentials: 'Ask the user again. An unknown address gets the same answer.',
  suspended: 'The operator has suspended the account: every path refuses it.',
  forbidden: 'You may see it, but not do this: see who may do what.',
  muted:
    'You may read here, but not speak: you are muted until `retry_after` seconds have passed, or only moderators speak.',
  archived: 'The conversation is read only until somebody brings it back.',
  not_found: 'It does not exist, or you may not know that it does.',
  method_not_allowed: 'The `Allow` header says what the address knows.',
  conflict: 'A `client_id` was used with other content, or somebody else was faster. Read the state, then decide.',
  email_taken: 'Sign in instead.',
  handle_taken: 'Choose another.',
  precondition_failed: 'The file has another `ETag` than the one in `If-Match`.',
  too_large: 'A frame, an array of frames, a body or a file is over its limit.',
  quota_exceeded: 'The files of the user, or of the workspace, take all the space that they may take.',
  unsupported_media_type: 'Send `Content-Type: application/json`.',
  range_not_satisfiable: '`Content-Range` says how long the file is.',
  invalid_code: 'A code from a mail is wrong, was used, or has ended. Ask for a new one.',
  invalid: 'A value or a field is not right; the message names it, `errors` names each. Do not repeat it.',
  upgrade_required: 'Open the address as a WebSocket.',
  rate_limited: 'Wait `retry_after` seconds, then repeat the same request.',
  internal: 'A fault of the server. What can be repeated safely may be repeated, with growing pauses.',
  unavailable: 'Not now. Repeat the same request after `retry_after` seconds, or with growing pauses.',
};

const CLOSE_TEXTS: Record<CloseReason, string> = {
  malformed:
    'The address of the socket is wrong (`after`, `cursor`, a token in it). Do not come back with the same one.',
  unauthenticated: 'No valid token came with the upgrade. Refresh or sign in, then connect.',
  token_expired: 'The token ended and was not renewed in time. Refresh, then connect.',
  session_ended: 'The session was ended. Sign in again.',
  suspended: 'The account is suspended. Do not come back.',
  forbidden: 'You are not, or no longer, in this conversation; or pages of this origin may not connect.',
  not_found: 'There is no such conversation for you, or it was deleted.',
  too_large: 'What was sent is over its limit.',
  rate_limited: 'Too much at once. Come back after a pause.',
  unavailable: 'Not now. Come back after a growing, random pause.',
};

interface TierText {
  members: string;
  gets: string;
  gives_up: string;
}

const number = (value: number): string => value.toLocaleString('en-US');

const TIER_TEXTS: Record<FanoutTier, TierText> = {
  small: {
    members: `to ${number(TIER_LIMITS.small)}`,
    gets: 'Every inbox is told of every event, typing and receipt.',
    gives_up:
      'The row of somebody who is away, once there were more than a few messages in a row, or who is on a socket of the room and nowhere else, is brought up to date when they look.',
  },
  large: {
    members: `${number(TIER_LIMITS.small + 1)} to ${number(TIER_LIMITS.large)}`,
    gets: 'Inboxes with a device online are told of every event. An inbox without one is told once; then it waits until it looks (connects, lists, syncs). Who is mentioned is told at once.',
    gives_up: `Typing and receipts go to room sockets only: "delivered" up to ${number(DELIVERED_PUSHED_UP_TO)} members, "read" up to ${number(RECEIPTS_PUSHED_UP_TO)}; beyond that the list of members has them. The row of somebody who is away is brought up to date when they look.`,
  },
  huge: {
    members: `from ${number(TIER_LIMITS.large + 1)}`,
    gets: 'As large, but inbox sockets get the row with its new `head_seq` (about once a second) and no events: the client pulls.',
    gives_up:
      'As large, and: no typing and no receipts at all; `got` on a room socket gives credit and is not noted as delivered; inbox sockets need one more round trip to a message.',
  },
};

const table = (header: string[], rows: string[][]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const keys = <K extends string>(record: Record<K, unknown>): K[] => Object.keys(record) as K[];

function size(value: number, unit: Unit): string {
  if (unit !== 'bytes') return `${number(value)}${unit === 'characters' ? ' characters' : ''}`;
  const kib = value / 1024;
  const unitOf = kib < 1024 ? `${kib} KiB` : kib < 1024 ** 2 ? `${kib / 1024} MiB` : `${kib / 1024 ** 2} GiB`;
  return `${number(value)} bytes (${unitOf})`;
}

const limits = (): string =>
  table(
    ['limit', 'name', 'of'],
    keys(LIMIT_TEXTS).map((name) => [size(LIMITS[name], LIMIT_TEXTS[name][0]), `\`${name}\``, LIMIT_TEXTS[name][1]]),
  );

const rate = ({ burst, perSecond }: Rate): string[] => [number(burst), `${number(perSecond)} a second`];

const rates = (): string =>
  table(
    ['at once', 'then', 'name', 'of', 'beyond it'],
    keys(RATE_TEXTS).map((name) => [...rate(RATES[name]), `\`${name}\``, ...RATE_TEXTS[name]]),
  );

const attempts = (): string =>
  table(
    ['at most', 'within', 'name', 'of'],
    keys(ATTEMPT_TEXTS).map((name) => {
      const { limit, seconds } = ATTEMPTS[name];
      return [number(limit), `${seconds / 60} min`, `\`${name}\``, ATTEMPT_TEXTS[name]];
    }),
  );

const errors = (): string =>
  table(
    ['code', 'HTTP', 'title', 'what it means, what to do'],
    keys(ERRORS).map((code) => [`\`${code}\``, String(ERRORS[code].status), ERRORS[code].title, ERROR_TEXTS[code]]),
  );

const closeCodes = (): string =>
  table(
    ['close code', 'reason', 'what it means, what to do'],
    keys(CLOSE_CODES).map((reason) => [String(CLOSE_CODES[reason]), `\`${reason}\``, CLOSE_TEXTS[reason]]),
  );

const tiers = (): string =>
  table(
    ['`fanout`', 'members', 'who is told of what', 'what it gives up'],
    keys(TIER_TEXTS).map((tier) => {
      const { members, gets, gives_up } = TIER_TEXTS[tier];
      return [`\`${tier}\``, members, gets, gives_up];
    }),
  );

const ACTION_TEXTS: Record<Action, string> = {
  send: 'send messages',
  edit: 'edit their own messages',
  react: 'react to messages',
  mention_all: 'mention everybody',
  pin: 'pin messages',
  recall_any: "recall somebody else's message",
  export: 'export the conversation',
  retain: 'set how long messages may be changed, and how long they last',
  update: 'change name, topic, avatar and history setting',
  announce: 'put up an announcement',
  add: 'add somebody',
  invite: 'make, list and revoke invitations',
  requests: 'decide about requests to join',
  nickname: 'give themself a nickname',
  rename: "change somebody else's nickname",
  mute: 'mute somebody',
  remove: 'remove somebody else',
  ban: 'ban, unban, list bans',
  role: 'change roles',
  configure: 'change join policy, slow mode, silence and overrides',
  archive: 'archive and bring back',
  transfer: 'hand the conversation over',
  delete: 'delete the conversation',
  leave: 'leave',
};

function allowed(least: Role | 'nobody'): string {
  if (least === 'nobody') return 'nobody';
  if (least === 'member') return 'every member';
  return Role.options.slice(0, Role.options.indexOf(least) + 1).join(', ');
}

const overrides = (): string =>
  table(
    ['', 'from', 'to'],
    Overridable.options.map((action) => [
      `\`${action}\`: ${ACTION_TEXTS[action]}`,
      BOUNDS[action].least,
      BOUNDS[action].most,
    ]),
  );

const permissions = (): string => {
  const types: ChatType[] = keys(PERMISSIONS);
  return table(
    ['', ...types],
    keys(ACTION_TEXTS).map((action) => [
      `\`${action}\`: ${ACTION_TEXTS[action]}`,
      ...types.map((type) => allowed(PERMISSIONS[type][action])),
    ]),
  );
};

const WORKSPACE_TEXTS: Record<WorkspaceAction, string> = {
  see: 'see the workspace',
  leave: 'leave (but for the last owner)',
  directory: 'see all its people and public channels',
  create: 'make a group, or a channel where `create_channels` lets them; add people to a conversation',
  invite: 'invite members and guests, list and revoke their own invitations',
  update: 'change name, description and settings',
  add: 'add members and guests',
  manage: "change roles and remove (below one's own, but for owners), everybody's invitations",
  transfer: 'hand the workspace over, make and unmake owners and admins',
  delete: 'delete and restore',
};

const workspacePermissions = (): string =>
  table(
    ['', 'who'],
    keys(WORKSPACE_TEXTS).map((action) => [WORKSPACE_TEXTS[action], rolesThatMay(action).join(', ')]),
  );

/** Tables by the name that their markers carry. */
const TABLES: Record<string, () => string> = {
  limits,
  rates,
  attempts,
  errors,
  'close-codes': closeCodes,
  'fan-out': tiers,
  permissions,
  overrides,
  'workspace-permissions': workspacePermissions,
};

/**
 * The text with every generated table as the code has it now. A table stands between `<!-- table: NAME -->` and
 * `<!-- /table -->`. Throws when a marker names no table, or a table has no marker.
 */
export function withTables(markdown: string): string {
  const seen = new Set<string>();
  const text = markdown.replace(
    /(<!-- table: ([a-z-]+) -->\n)[\s\S]*?(<!-- \/table -->)/g,
    (_, begin: string, name: string, end: string) => {
      const render = TABLES[name];
      if (render === undefined) throw new Error(`there is no table ${name}`);
      seen.add(name);
      return `${begin}\n${render()}\n\n${end}`;
    },
  );
  const missing = Object.keys(TABLES).filter((name) => !seen.has(name));
  if (missing.length > 0) throw new Error(`no place for the tables ${missing.join(', ')}`);
  return text;
}
