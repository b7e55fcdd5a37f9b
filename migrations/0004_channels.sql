CREATE TABLE channels (
  id TEXT PRIMARY KEY NOT NULL,
  scope TEXT NOT NULL,
  version INTEGER NOT NULL,
  listed INTEGER NOT NULL,
  name TEXT NOT NULL,
  topic TEXT,
  avatar TEXT,
  join_policy TEXT NOT NULL,
  member_count INTEGER NOT NULL
) STRICT;
CREATE INDEX channels_popular ON channels (scope, member_count DESC, id DESC) WHERE listed = 1;

CREATE TABLE channel_words (
  scope TEXT NOT NULL,
  word TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  PRIMARY KEY (scope, word, chat_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_words_chat ON channel_words (chat_id);
