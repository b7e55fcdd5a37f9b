/** A message as the bare objects keep it. */
export interface MessageRow extends Record<string, SqlStorageValue> {
  seq: number;
  client_id: string;
  content: string;
  at: number;
}

export type BareFrame = { t: 'send'; client_id: string; content: string } | { t: 'pull'; after: number; limit: number };

export const SCHEMA =
  'CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, client_id TEXT UNIQUE, content TEXT, at INTEGER)';
export const INSERT = 'INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT (client_id) DO NOTHING';
