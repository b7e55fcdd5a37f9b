import type { FileInfo } from '../protocol/files.ts';

/** Ids that a message with this file lets its readers fetch: the file itself, and its thumbnail. */
export const fileIdsOf = (file: Pick<FileInfo, 'id' | 'thumbnail_id'>): string[] =>
  file.thumbnail_id === undefined ? [file.id] : [file.id, file.thumbnail_id];

/**
 * Which files the conversation's messages carry: what the room answers by when somebody wants to fetch one. A message adds
 * its files in the transaction that appends it, and takes them away in the one that recalls, erases or lets it expire.
 */
export class SentFiles {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The message with this seq carries this file. Doing it twice changes nothing. */
  record(seq: number, fileId: string): void {
    this.#sql.exec('INSERT INTO files VALUES (?, ?) ON CONFLICT DO NOTHING', fileId, seq);
  }

  /** The message with this seq no longer carries anything. */
  forget(seq: number): void {
    this.#sql.exec('DELETE FROM files WHERE seq = ?', seq);
  }

  /** No message carries these any more. */
  lose(fileIds: readonly string[]): void {
    this.#sql.exec('DELETE FROM files WHERE file_id IN (SELECT value FROM json_each(?))', JSON.stringify(fileIds));
  }

  /** Files by id, after an id. */
  ids(after: string, limit: number): string[] {
    return this.#sql
      .exec<{ file_id: string }>(
        'SELECT DISTINCT file_id FROM files WHERE file_id > ? ORDER BY file_id LIMIT ?',
        after,
        limit,
      )
      .toArray()
      .map(({ file_id }) => file_id);
  }

  /** Whether a message at or after `from` carries the file. */
  visible(fileId: string, from: number): boolean {
    return (
      this.#sql.exec('SELECT 1 FROM files WHERE file_id = ? AND seq >= ? LIMIT 1', fileId, from).toArray().length > 0
    );
  }
}
