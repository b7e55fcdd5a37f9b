import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const tag = (): string => randomBytes(8).toString('hex');

/** Databases of objects in a folder of data, by the class of the object. */
function databasesOf(data: string, className: string): string[] {
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sqlite') && entry.parentPath.endsWith(`-${className}`))
    .map((entry) => join(entry.parentPath, entry.name));
}

function has(db: DatabaseSync, table: string): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table) !== undefined;
}

function change(path: string, table: string, work: (db: DatabaseSync) => void): boolean {
  const db = new DatabaseSync(path);
  try {
    if (!has(db, table)) return false;
    db.exec('BEGIN IMMEDIATE');
    work(db);
    db.exec('COMMIT');
    // Nothing beside the file is needed to read it.
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return true;
  } finally {
    db.close();
  }
}

/**
 * Every conversation begins another history: a new epoch, and every member is told again. Every inbox begins another life:
 * cursors of the former one are void, and it asks the rooms how things are. Returns the number of conversations.
 */
export function renewHistories(data: string): number {
  let renewed = 0;
  for (const path of databasesOf(data, 'ConversationRoom')) {
    const changed = change(path, 'chat', (db) => {
      db.prepare('UPDATE chat SET epoch = ?').run(tag());
      db.exec("UPDATE members SET armed = 1 WHERE state = 'member'");
      db.exec("INSERT OR IGNORE INTO outbox SELECT user_id, 0, 0 FROM members WHERE state = 'member'");
    });
    if (changed) renewed += 1;
  }
  for (const path of databasesOf(data, 'UserInbox')) {
    change(path, 'chats', (db) => {
      db.prepare("UPDATE meta SET value = ? WHERE key = 'generation'").run(tag());
      db.exec('UPDATE chats SET stale = 1 WHERE gone IS NULL');
    });
  }
  return renewed;
}
