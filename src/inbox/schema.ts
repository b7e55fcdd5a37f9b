import type { Migration } from '../storage/migrate.ts';

/**
 * The tables of an inbox: a compacted timeline. One row per conversation; `pos` is the value of the inbox's change
 * counter when the row last changed, and the counter is simply the largest `pos`: rows only ever move forward, and none is
 * deleted but old notifications. So a notice costs two written rows (the row and its index), and sync reads what changed and nothing else.
 *
 * `item` is the row as it goes over the wire (a `ChatListItem` as JSON; null once the user is gone from the
 * conversation). `stale`: the room will not tell more until this inbox looks.
 *
 * `items` holds every other kind of row, by the same counter: contacts, drafts, workspaces. `value` is the row as it goes
 * over the wire (null once it is gone), `version` orders what its owner tells, in whatever order that arrives.
 */
export const INBOX_MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE chats (
    chat_id TEXT PRIMARY KEY,
    pos INTEGER NOT NULL,
    member_seq INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    gone TEXT,
    item TEXT,
    mention_seqs TEXT NOT NULL,
    activity INTEGER NOT NULL,
    peer_id TEXT,
    stale INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX chats_pos ON chats (pos);
  CREATE INDEX chats_stale ON chats (chat_id) WHERE stale = 1;

  CREATE TABLE ended_sessions (session_id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE attached (chat_id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE items (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    pos INTEGER NOT NULL,
    version INTEGER NOT NULL,
    value TEXT,
    PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE UNIQUE INDEX items_pos ON items (pos);
  `,
  `
  CREATE TABLE push_subscriptions (
    id TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- Up to where a conversation was pushed.
  CREATE TABLE pushed (chat_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- The newest notifications, by the same counter: see notifications.ts. What leaves the table is told by a row of 'items'.
  CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    pos INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX notifications_pos ON notifications (pos);
  `,
];
