-- A content that lies in R2 under `key`. It exists once in its scope: a workspace, or what one user uploads outside of any.
CREATE TABLE blobs (
  key TEXT PRIMARY KEY NOT NULL,
  scope TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  width INTEGER,
  height INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX blobs_content ON blobs (scope, sha256);

CREATE TABLE files (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  workspace_id TEXT REFERENCES workspaces (id),
  blob_key TEXT NOT NULL REFERENCES blobs (key),
  name TEXT NOT NULL,
  size INTEGER NOT NULL,
  about TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  check_at INTEGER NOT NULL
) STRICT;
CREATE INDEX files_blob ON files (blob_key);
CREATE INDEX files_check ON files (check_at);

CREATE TABLE file_links (
  file_id TEXT NOT NULL REFERENCES files (id),
  chat_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (file_id, chat_id)
) STRICT, WITHOUT ROWID;

-- A file that is on its way. `multipart_id` is null when it comes in one request.
CREATE TABLE uploads (
  file_id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  workspace_id TEXT REFERENCES workspaces (id),
  key TEXT NOT NULL,
  multipart_id TEXT,
  name TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT,
  about TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX uploads_key ON uploads (key);
CREATE INDEX uploads_expiry ON uploads (expires_at);

CREATE TABLE upload_parts (
  file_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  size INTEGER NOT NULL,
  etag TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (file_id, number)
) STRICT, WITHOUT ROWID;

-- Bytes that a user, or a workspace, has stored or reserved. Kept by triggers, so that no statement can forget it.
CREATE TABLE file_usage (
  scope TEXT PRIMARY KEY NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER uploads_reserved AFTER INSERT ON uploads BEGIN
  INSERT INTO file_usage SELECT NEW.user_id, NEW.size WHERE true
    ON CONFLICT (scope) DO UPDATE SET bytes = bytes + excluded.bytes;
  INSERT INTO file_usage SELECT NEW.workspace_id, NEW.size WHERE NEW.workspace_id IS NOT NULL
    ON CONFLICT (scope) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER uploads_released AFTER DELETE ON uploads BEGIN
  UPDATE file_usage SET bytes = bytes - OLD.size WHERE scope IN (OLD.user_id, OLD.workspace_id);
END;

CREATE TRIGGER files_stored AFTER INSERT ON files BEGIN
  INSERT INTO file_usage SELECT NEW.user_id, NEW.size WHERE true
    ON CONFLICT (scope) DO UPDATE SET bytes = bytes + excluded.bytes;
  INSERT INTO file_usage SELECT NEW.workspace_id, NEW.size WHERE NEW.workspace_id IS NOT NULL
    ON CONFLICT (scope) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER files_released AFTER DELETE ON files BEGIN
  UPDATE file_usage SET bytes = bytes - OLD.size WHERE scope IN (OLD.user_id, OLD.workspace_id);
END;
