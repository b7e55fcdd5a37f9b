import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm';
import { type Db, database } from '../db/client.ts';
import { fileLinks, files } from '../db/schema.ts';
import { inserting, type StoredTask } from '../db/tasks.ts';
import { newId } from '../ids.ts';
import { logError } from '../log.ts';
import { room } from '../objects/stubs.ts';
import { runTask } from '../tasks/perform.ts';
import { dropExpired } from './uploads.ts';

const HOUR_MS = 60 * 60 * 1000;
/** A file that could not be judged, because a room was out of reach, is looked at again after so long. */
const AGAIN_MS = HOUR_MS;
/** A file that some message carries: messages are recalled and expire, and conversations are deleted. */
const HELD_CHECK_MS = 30 * 24 * HOUR_MS;
/** Uploads, and files, that one sweep looks at. */
const AT_ONCE = 50;

/**
 * Drops what nobody can reach: uploads that were never finished, and files that no message carries. The rooms are asked,
 * since they alone know; D1 knows which ones to ask.
 */
export async function sweepFiles(env: Env, now: number): Promise<void> {
  await dropExpired(env, now, AT_ONCE);
  const db = database(env);
  const due = db
    .select({ id: files.id })
    .from(files)
    .where(lte(files.check_at, now))
    .orderBy(asc(files.check_at))
    .limit(AT_ONCE);
  const taken = await db
    .update(files)
    .set({ check_at: now + AGAIN_MS })
    .where(sql`${files.id} IN ${due}`)
    .returning({ id: files.id, blob_key: files.blob_key });
  for (const file of taken) {
    try {
      await judge(env, db, file, now);
    } catch (error) {
      logError('file.not_judged', error, { file_id: file.id });
    }
  }
}

async function judge(env: Env, db: Db, { id, blob_key }: { id: string; blob_key: string }, now: number): Promise<void> {
  const links = await db.select().from(fileLinks).where(eq(fileLinks.file_id, id));
  const gone: string[] = [];
  for (const { chat_id } of links) {
    if (!(await room(env, chat_id).heldFiles([id])).includes(id)) gone.push(chat_id);
  }
  // failpoint: files.asked
  // Whoever links the file meanwhile moves `check_at`: then it is not this sweep's to judge.
  const untouched = and(eq(files.id, id), eq(files.check_at, now + AGAIN_MS));
  const judged = db.select({ id: files.id }).from(files).where(untouched);
  if (gone.length < links.length) {
    await db.batch([
      db
        .delete(fileLinks)
        .where(
          and(
            inArray(fileLinks.file_id, judged),
            sql`${fileLinks.chat_id} IN (SELECT value FROM json_each(${JSON.stringify(gone)}))`,
          ),
        ),
      db
        .update(files)
        .set({ check_at: now + HELD_CHECK_MS })
        .where(untouched),
    ]);
    return;
  }
  const task: StoredTask = {
    id: newId('tsk'),
    task: { kind: 'settle_object', key: blob_key, multipart_id: null },
  };
  await db.batch([
    inserting(db, task, now),
    db.delete(fileLinks).where(inArray(fileLinks.file_id, judged)),
    db.delete(files).where(untouched),
  ]);
  // failpoint: files.forgotten
  await runTask(env, task);
}
