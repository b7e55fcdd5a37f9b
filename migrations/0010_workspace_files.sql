-- Bytes of the largest file that the workspace takes; null: as everywhere.
ALTER TABLE workspaces ADD COLUMN max_file_bytes INTEGER;
