ALTER TABLE workspaces ADD COLUMN create_channels TEXT NOT NULL DEFAULT 'everyone' CHECK (create_channels IN ('everyone', 'admins'));
ALTER TABLE workspaces ADD COLUMN retention_days INTEGER;
ALTER TABLE workspaces ADD COLUMN default_chat_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workspaces ADD COLUMN deleting_at INTEGER;
ALTER TABLE workspaces ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX workspaces_deleting ON workspaces (deleting_at) WHERE deleting_at IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE workspace_people (
  workspace_id TEXT NOT NULL REFERENCES workspaces (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'guest')),
  joined_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO workspace_people SELECT workspace_id, user_id, role, joined_at FROM workspace_members;
DROP TABLE workspace_members;
ALTER TABLE workspace_people RENAME TO workspace_members;
CREATE INDEX workspace_members_user ON workspace_members (user_id, workspace_id);
CREATE INDEX workspace_members_owners ON workspace_members (workspace_id) WHERE role = 'owner';

CREATE TABLE workspace_invitations (
  id TEXT PRIMARY KEY NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id),
  digest TEXT NOT NULL,
  email TEXT,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'guest')),
  created_by TEXT NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  max_uses INTEGER,
  uses INTEGER NOT NULL DEFAULT 0,
  attempt TEXT
) STRICT;
CREATE UNIQUE INDEX workspace_invitations_digest ON workspace_invitations (digest);
CREATE INDEX workspace_invitations_workspace ON workspace_invitations (workspace_id, id);
CREATE INDEX workspace_invitations_expiry ON workspace_invitations (expires_at);
