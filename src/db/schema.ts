import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';
import type { ChatType, JoinPolicy } from '../protocol/chats.ts';
import type { ContactState, Privacy } from '../protocol/friends.ts';
import type { ChannelCreators, WorkspaceRole } from '../protocol/workspaces.ts';

/*
 * The tables of D1, as migrations/ creates them (a test compares the two). Times are milliseconds since 1970.
 */

export const users = sqliteTable(
  'users',
  {
    id: text().primaryKey(),
    /** Normalised: trimmed, lower case. */
    email: text().notNull(),
    handle: text(),
    fullname: text().notNull(),
    avatar: text(),
    status: text({ enum: ['Active', 'Suspended'] })
      .notNull()
      .default('Active'),
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
  },
  (t) => [uniqueIndex('users_email').on(t.email), uniqueIndex('users_handle').on(t.handle)],
);

export const credentials = sqliteTable('credentials', {
  user_id: text().primaryKey(),
  /** argon2id in PHC form. */
  password_hash: text().notNull(),
  updated_at: integer().notNull(),
});

/** A family of refresh tokens: only the token of the current generation refreshes. */
export const sessions = sqliteTable(
  'sessions',
  {
    id: text().primaryKey(),
    user_id: text().notNull(),
    device: text(),
    created_at: integer().notNull(),
    /** Time of the last sign-in or refresh. */
    last_used_at: integer().notNull(),
    expires_at: integer().notNull(),
    generation: integer().notNull(),
    /** `iat` of the current generation's tokens, whole seconds. They can be signed again, byte for byte. */
    issued_at: integer().notNull(),
    /** Name of the attempt that made the current generation. */
    attempt: text(),
    revoked_at: integer(),
    /** The task that carries the end of the session to the inbox. */
    revoked_by: text(),
  },
  (t) => [index('sessions_user').on(t.user_id, t.id), index('sessions_expiry').on(t.expires_at)],
);

/** Exact counters of failed sign-ins; `key` is a digest, known and unknown addresses alike. */
export const authAttempts = sqliteTable(
  'auth_attempts',
  {
    key: text().primaryKey(),
    failures: integer().notNull(),
    window_started_at: integer().notNull(),
  },
  (t) => [index('auth_attempts_window').on(t.window_started_at)],
);

/** A deleted workspace keeps its row: its conversations name it until they are dissolved. */
export const workspaces = sqliteTable(
  'workspaces',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    description: text(),
    /** One of its owners: a change of members that takes their role names another. */
    owner_id: text().notNull(),
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
    deleted_at: integer(),
    create_channels: text().$type<ChannelCreators>().notNull().default('everyone'),
    retention_days: integer(),
    /** A JSON array. */
    default_chat_ids: text().notNull().default('[]'),
    /** When it will be deleted. */
    deleting_at: integer(),
    /** Grows with each change of the workspace or of its members; orders what inboxes and rooms are told. */
    version: integer().notNull().default(1),
    /** null: as everywhere. */
    max_file_bytes: integer(),
  },
  (t) => [index('workspaces_deleting').on(t.deleting_at)],
);

export const workspaceMembers = sqliteTable(
  'workspace_members',
  {
    workspace_id: text().notNull(),
    user_id: text().notNull(),
    role: text().$type<WorkspaceRole>().notNull(),
    joined_at: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspace_id, t.user_id] }),
    index('workspace_members_user').on(t.user_id, t.workspace_id),
    index('workspace_members_owners').on(t.workspace_id),
  ],
);

/** A revoked invitation has no row. */
export const workspaceInvitations = sqliteTable(
  'workspace_invitations',
  {
    id: text().primaryKey(),
    workspace_id: text().notNull(),
    /** Of the code, which is kept nowhere. */
    digest: text().notNull(),
    /** Normalised; null: a link, good for whoever has it. */
    email: text(),
    role: text().$type<WorkspaceRole>().notNull(),
    created_by: text().notNull(),
    created_at: integer().notNull(),
    expires_at: integer().notNull(),
    max_uses: integer(),
    uses: integer().notNull().default(0),
    /** Name of the redemption that used it last. */
    attempt: text(),
  },
  (t) => [
    uniqueIndex('workspace_invitations_digest').on(t.digest),
    index('workspace_invitations_workspace').on(t.workspace_id, t.id),
    index('workspace_invitations_expiry').on(t.expires_at),
  ],
);

/** Directory of conversations: which exist and where they belong. The room is the authority on everything else. */
export const chats = sqliteTable(
  'chats',
  {
    id: text().primaryKey(),
    type: text().$type<ChatType>().notNull(),
    workspace_id: text(),
    created_by: text().notNull(),
    created_at: integer().notNull(),
    deleted_at: integer(),
  },
  (t) => [index('chats_workspace').on(t.workspace_id, t.id)],
);

/** The Single of a pair of users: the primary key makes it one, however many create it at once. */
export const dms = sqliteTable('dms', {
  pair_key: text().primaryKey(),
  chat_id: text().notNull(),
});

/** Public channels as one finds them: follows the rooms, newest `version` (a seq) wins. `scope` is the workspace, or empty. */
export const channels = sqliteTable(
  'channels',
  {
    id: text().primaryKey(),
    scope: text().notNull(),
    version: integer().notNull(),
    /** 0: archived or deleted. */
    listed: integer().notNull(),
    name: text().notNull(),
    topic: text(),
    avatar: text(),
    join_policy: text().$type<JoinPolicy>().notNull(),
    member_count: integer().notNull(),
  },
  (t) => [index('channels_popular').on(t.scope, t.member_count, t.id)],
);

/** The words of listed channels, for search by the beginnings of words. */
export const channelWords = sqliteTable(
  'channel_words',
  { scope: text().notNull(), word: text().notNull(), chat_id: text().notNull() },
  (t) => [primaryKey({ columns: [t.scope, t.word, t.chat_id] }), index('channel_words_chat').on(t.chat_id)],
);

/** What must still follow from a committed change, in another place. Done: no row. */
export const tasks = sqliteTable(
  'tasks',
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    payload: text().notNull(),
    created_at: integer().notNull(),
    /** When the sweep may pick it up. */
    due_at: integer().notNull(),
    attempts: integer().notNull().default(0),
  },
  (t) => [index('tasks_due').on(t.due_at)],
);

/** A content that lies in R2 under `key`: once in its scope, which is a workspace or, outside of any, a user. */
export const blobs = sqliteTable(
  'blobs',
  {
    key: text().primaryKey(),
    scope: text().notNull(),
    /** In hex. */
    sha256: text().notNull(),
    size: integer().notNull(),
    /** By content. */
    media_type: text().notNull(),
    width: integer(),
    height: integer(),
    created_at: integer().notNull(),
  },
  (t) => [uniqueIndex('blobs_content').on(t.scope, t.sha256)],
);

/** What somebody uploaded; several may share a content. */
export const files = sqliteTable(
  'files',
  {
    id: text().primaryKey(),
    user_id: text().notNull(),
    workspace_id: text(),
    blob_key: text().notNull(),
    name: text().notNull(),
    size: integer().notNull(),
    /** What the uploader says of it: JSON of a FileAbout. */
    about: text().notNull(),
    created_at: integer().notNull(),
    /** When the sweep asks again whether any conversation still holds it. */
    check_at: integer().notNull(),
  },
  (t) => [index('files_blob').on(t.blob_key), index('files_check').on(t.check_at)],
);

/** Conversations for which a ticket was given: where a file may have been sent. The rooms know where it was. */
export const fileLinks = sqliteTable(
  'file_links',
  { file_id: text().notNull(), chat_id: text().notNull(), created_at: integer().notNull() },
  (t) => [primaryKey({ columns: [t.file_id, t.chat_id] })],
);

/** A file on its way. Whatever lies in R2 and is no blob has a row here, or a task that deletes it. */
export const uploads = sqliteTable(
  'uploads',
  {
    file_id: text().primaryKey(),
    user_id: text().notNull(),
    workspace_id: text(),
    key: text().notNull(),
    /** null: it comes in one request. */
    multipart_id: text(),
    name: text().notNull(),
    size: integer().notNull(),
    /** In hex; what the content has to have, if the uploader said so. */
    sha256: text(),
    about: text().notNull(),
    created_at: integer().notNull(),
    expires_at: integer().notNull(),
  },
  (t) => [uniqueIndex('uploads_key').on(t.key), index('uploads_expiry').on(t.expires_at)],
);

export const uploadParts = sqliteTable(
  'upload_parts',
  {
    file_id: text().notNull(),
    number: integer().notNull(),
    size: integer().notNull(),
    etag: text().notNull(),
    sha256: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.file_id, t.number] })],
);

/** Bytes of the files and uploads of a user or a workspace. Triggers keep it. */
export const fileUsage = sqliteTable('file_usage', { scope: text().primaryKey(), bytes: integer().notNull() });

/** Codes that were sent by mail. */
export const accountCodes = sqliteTable(
  'account_codes',
  {
    /** SHA-256 of the code, in hex. */
    hash: text().primaryKey(),
    user_id: text().notNull(),
    purpose: text({ enum: ['verify', 'reset'] }).notNull(),
    /** The address that it was sent to: it is good as long as this is the account's. */
    email: text().notNull(),
    expires_at: integer().notNull(),
  },
  (t) => [index('account_codes_user').on(t.user_id, t.purpose), index('account_codes_expiry').on(t.expires_at)],
);

/** Addresses whose mail somebody has read. */
export const verifiedEmails = sqliteTable(
  'verified_emails',
  { user_id: text().notNull(), email: text().notNull(), verified_at: integer().notNull() },
  (t) => [primaryKey({ columns: [t.user_id, t.email] })],
);

/** Devices that have signed in before, by SHA-256 of the key that only they have, in hex. */
export const knownDevices = sqliteTable(
  'known_devices',
  { user_id: text().notNull(), key_hash: text().notNull(), first_seen: integer().notNull() },
  (t) => [primaryKey({ columns: [t.user_id, t.key_hash] })],
);
/**
 * How one user has another: friend, request, remark, block. Friendships and requests stand in both rows, and both change
 * in one statement (`db/contacts.ts`). `since`: of the friendship, or of the request. A row is never deleted, so that its
 * version goes on.
 */
export const contacts = sqliteTable(
  'contacts',
  {
    user_id: text().notNull(),
    peer_id: text().notNull(),
    state: text().$type<ContactState>().notNull(),
    /** Text and source of the request. */
    text: text(),
    source: text(),
    since: integer(),
    remark: text(),
    /** A JSON array. */
    group_ids: text().notNull(),
    blocked_at: integer(),
    /** Grows with each change; orders what the inbox is told. */
    version: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.peer_id] }),
    index('contacts_state').on(t.user_id, t.state, t.peer_id),
    index('contacts_blocked').on(t.user_id, t.peer_id),
  ],
);

/** A deleted group keeps its row, for the sake of its version. */
export const friendGroups = sqliteTable(
  'friend_groups',
  {
    id: text().primaryKey(),
    user_id: text().notNull(),
    name: text().notNull(),
    created_at: integer().notNull(),
    deleted_at: integer(),
    version: integer().notNull(),
  },
  (t) => [index('friend_groups_user').on(t.user_id, t.id)],
);

/** A user without a row has the defaults. */
export const privacy = sqliteTable('privacy', {
  user_id: text().primaryKey(),
  friend_requests: text().$type<Privacy['friend_requests']>().notNull(),
  messages: text().$type<Privacy['messages']>().notNull(),
  last_seen: text().$type<Privacy['last_seen']>().notNull(),
  version: integer().notNull(),
});
