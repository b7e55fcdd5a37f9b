CREATE TABLE contacts (
  user_id TEXT NOT NULL REFERENCES users (id),
  peer_id TEXT NOT NULL REFERENCES users (id),
  state TEXT NOT NULL CHECK (state IN ('none', 'sent', 'received', 'friend')),
  text TEXT,
  source TEXT,
  since INTEGER,
  remark TEXT,
  group_ids TEXT NOT NULL,
  blocked_at INTEGER,
  version INTEGER NOT NULL,
  PRIMARY KEY (user_id, peer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_state ON contacts (user_id, state, peer_id) WHERE state <> 'none';
CREATE INDEX contacts_blocked ON contacts (user_id, peer_id) WHERE blocked_at IS NOT NULL;

CREATE TABLE friend_groups (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX friend_groups_user ON friend_groups (user_id, id);

CREATE TABLE privacy (
  user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
  friend_requests TEXT NOT NULL CHECK (friend_requests IN ('anyone', 'approval', 'nobody')),
  messages TEXT NOT NULL CHECK (messages IN ('everyone', 'friends', 'workspace')),
  last_seen TEXT NOT NULL CHECK (last_seen IN ('everyone', 'friends', 'nobody')),
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
