import type { Migration } from '../storage/migrate.ts';

/**
 * The tables of a conversation.
 *
 * `events` is the log: `seq` is contiguous from 1, `ordinal` is the number of messages at or before the row. One index
 * beside it carries idempotency. A message costs two written rows, whatever the number of members.
 *
 * `chat` has one row. Everything at or before `told_through` has been told to every inbox that is to be told, except
 * those in `outbox`; it is stored when the row is written for something else, and while no alarm is set it is the head.
 * What became of a message is in `message_state`: a JSON object with the fields in which the message as it is now differs from
 * its row in the log, null for one that is gone. A message that nothing happened to has no row there.
 *
 * `retention` has one row at most; without one it is as `retention.ts` has it. Everything that has a time of its own stands in
 * `expiring` or `scheduled`, and the alarm comes for the earliest of them (`alarms.ts`).
 *
 * Watermarks that sends imply (who sends has read) are stored up to `marks_through` and are derived from the log beyond it.
 *
 * `bans`, `requests` and `invitations` have one row for each; an invitation's secret is kept as a digest. `announcement`
 * has a row while there is one; a row of `announcement_reads` with an older `seq` is about an earlier one. `listing` has a
 * row while the directory in D1 is behind: of the change at `seq`; `profile` says that it is more than the count.
 */
export const CONVERSATION_MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE chat (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT,
    workspace_id TEXT,
    history TEXT NOT NULL,
    epoch TEXT NOT NULL,
    member_count INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    told_through INTEGER NOT NULL,
    marks_through INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    ordinal INTEGER NOT NULL,
    type TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    client_id TEXT,
    kind TEXT,
    content TEXT,
    extra TEXT
  ) STRICT;
  CREATE UNIQUE INDEX events_client ON events (actor_id, client_id) WHERE client_id IS NOT NULL;

  CREATE TABLE members (
    user_id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    member_seq INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    visible_from INTEGER NOT NULL,
    read_seq INTEGER NOT NULL,
    delivered_seq INTEGER NOT NULL,
    armed INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX members_armed ON members (user_id) WHERE state = 'member' AND armed = 1;

  CREATE TABLE mentions (
    user_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user_id, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    user_id TEXT PRIMARY KEY,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  'CREATE TABLE relays (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
  `
  CREATE TABLE message_state (seq INTEGER PRIMARY KEY, state TEXT NOT NULL) STRICT;

  CREATE TABLE edits (target INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target, seq)) STRICT, WITHOUT ROWID;

  CREATE TABLE reactions (
    target INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (target, emoji, user_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE retention (edit_window INTEGER, recall_window INTEGER, message_timer INTEGER) STRICT;

  CREATE TABLE expiring (at INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (at, seq)) STRICT, WITHOUT ROWID;

  CREATE TABLE replies (
    root INTEGER NOT NULL,
    number INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (root, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE follows (
    user_id TEXT NOT NULL,
    root INTEGER NOT NULL,
    following INTEGER NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (user_id, root)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE hidden (
    user_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user_id, number),
    UNIQUE (user_id, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE scheduled (
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    send_at INTEGER NOT NULL,
    message TEXT NOT NULL,
    failure TEXT,
    PRIMARY KEY (user_id, client_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX scheduled_due ON scheduled (send_at) WHERE failure IS NULL;

  CREATE TABLE pins (target INTEGER PRIMARY KEY, seq INTEGER NOT NULL UNIQUE) STRICT;
  `,
  'CREATE TABLE blocks (user_id TEXT PRIMARY KEY, blocked INTEGER NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  `
  ALTER TABLE chat ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE members ADD COLUMN nickname TEXT;
  ALTER TABLE members ADD COLUMN muted_until INTEGER;
  CREATE INDEX members_owners ON members (user_id) WHERE role = 'owner';
  CREATE INDEX members_nickname ON members (nickname COLLATE NOCASE) WHERE nickname IS NOT NULL;

  CREATE TABLE bans (
    user_id TEXT PRIMARY KEY,
    banned_by TEXT NOT NULL,
    banned_at INTEGER NOT NULL,
    reason TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE requests (
    user_id TEXT PRIMARY KEY,
    text TEXT,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_by TEXT,
    decided_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX requests_open ON requests (user_id) WHERE state = 'open';
  CREATE INDEX requests_decided ON requests (decided_at) WHERE state <> 'open';

  CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses INTEGER,
    uses INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE announcement (
    seq INTEGER NOT NULL,
    text TEXT NOT NULL,
    announced_by TEXT NOT NULL,
    announced_at INTEGER NOT NULL,
    readers INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE announcement_reads (
    user_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    read_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE listing (
    seq INTEGER NOT NULL,
    profile INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL
  ) STRICT;
  `,
  // A row for each file of a message. The second index is what a recall needs, and only messages with files pay for it.
  `
  CREATE TABLE files (
    file_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (file_id, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX files_seq ON files (seq);
  `,
  // `everyone`: messages that call all members (`users` null) or those who were online then (their ids): one row, however
  // many they are. `quotes`: which messages have a piece of another one. `links`: links that are still to be looked up;
  // `previews`: the events that tell what was found.
  `
  CREATE TABLE everyone (seq INTEGER PRIMARY KEY, users TEXT) STRICT;
  CREATE TABLE quotes (target INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE polls (
    seq INTEGER PRIMARY KEY,
    counts TEXT NOT NULL,
    voters INTEGER NOT NULL,
    closes_at INTEGER,
    closed_at INTEGER
  ) STRICT;
  CREATE INDEX polls_open ON polls (closes_at) WHERE closed_at IS NULL;
  CREATE TABLE votes (
    poll INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    options TEXT NOT NULL,
    PRIMARY KEY (poll, user_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE links (
    seq INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX links_due ON links (due_at);
  CREATE TABLE previews (target INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target, seq)) STRICT, WITHOUT ROWID;
  `,
  'CREATE TABLE retention_limit (seconds INTEGER, own INTEGER, version INTEGER NOT NULL) STRICT',
  // Names of files, options of polls, cards and places are searched, too: the next search makes the index anew.
  'DROP TABLE IF EXISTS search; DROP TABLE IF EXISTS search_range',
  // Watermarks that moved together: a JSON object of [read, delivered] by user id for a part of the members.
  'CREATE TABLE marks (part INTEGER PRIMARY KEY, marks TEXT NOT NULL) STRICT',
];
