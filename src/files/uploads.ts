import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { timestamp } from '../clock.ts';
import { type Db, database } from '../db/client.ts';
import { blobs, files, uploadParts, uploads } from '../db/schema.ts';
import { inserting, insertingIf, type StoredTask } from '../db/tasks.ts';
import { findSeat } from '../db/workspaces.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import { logError } from '../log.ts';
import { type CreateUpload, FileAbout, type Upload, type UploadPart } from '../protocol/files.ts';
import { LIMITS } from '../protocol/limits.ts';
import { runTask } from '../tasks/perform.ts';
import { agreed, findFile, noFile, requireThumbnail, type StoredFile, UNSENT_TTL_MS } from './files.ts';
import { natureOf } from './inspect.ts';
import { fits } from './quota.ts';
import { type Digest, pass, passInto } from './stream.ts';

/*
 * From bytes to a file. Every object in R2 is named by a row of `uploads` before it exists, then by its blob; when it loses
 * its row, a task in the same batch deletes it. So nothing lies in R2 that nobody knows of.
 */

/** Milliseconds in which a file has to be complete. */
const UPLOAD_TTL_MS = 24 * 60 * 60 * 1000;

type UploadRow = typeof uploads.$inferSelect;

const noUpload = () => new ApiError('not_found', 'There is no such upload, or it has expired');
const partCount = (size: number): number => Math.ceil(size / LIMITS.filePartBytes);
const partSize = (size: number, number: number): number =>
  Math.min(LIMITS.filePartBytes, size - (number - 1) * LIMITS.filePartBytes);

/** Reserves the space of a file. Throws `too_large`, `quota_exceeded`, `invalid`, `not_found` (the workspace). */
async function reserve(
  db: Db,
  userId: string,
  input: CreateUpload,
  multipart: { key: string; multipart_id: string | null },
  now: number,
): Promise<UploadRow> {
  const row: UploadRow = {
    file_id: newId('file'),
    user_id: userId,
    workspace_id: input.workspace_id ?? null,
    ...multipart,
    name: input.name,
    size: input.size,
    sha256: input.sha256 ?? null,
    about: JSON.stringify(input.about ?? {}),
    created_at: now,
    expires_at: now + UPLOAD_TTL_MS,
  };
  const values = [
    ...[
      row.file_id,
      row.user_id,
      row.workspace_id,
      row.key,
      row.multipart_id,
      row.name,
      row.size,
      row.sha256,
      row.about,
    ],
    ...[row.created_at, row.expires_at],
  ].map((value) => sql`${value}`);
  const reserved = await db
    .insert(uploads)
    .select(sql`SELECT ${sql.join(values, sql`, `)} WHERE ${fits(userId, row.workspace_id, row.size)}`)
    .returning({ id: uploads.file_id });
  if (reserved.length === 0) throw new ApiError('quota_exceeded', `There is no space left for ${row.size} bytes more`);
  return row;
}

/** What is checked before a byte is taken. */
async function requireAllowed(db: Db, userId: string, input: CreateUpload): Promise<void> {
  const seat = input.workspace_id == null ? null : await findSeat(db, input.workspace_id, userId);
  if (seat === undefined) throw new ApiError('not_found', 'There is no such workspace, or you are not in it');
  const most = seat?.workspace.max_file_bytes ?? LIMITS.fileBytes;
  if (input.size > most) throw new ApiError('too_large', `A file has at most ${most} bytes`);
  await requireThumbnail(db, userId, input.about ?? {});
}

const newKey = (): string => crypto.randomUUID();

/** Begins a file that comes in parts. Throws as `reserve`. */
export async function startUpload(env: Env, userId: string, input: CreateUpload, now: number): Promise<Upload> {
  const db = database(env);
  await requireAllowed(db, userId, input);
  const key = newKey();
  const multipart = await env.FILES.createMultipartUpload(key);
  // failpoint: files.begun
  try {
    return uploadOf(await reserve(db, userId, input, { key, multipart_id: multipart.uploadId }, now), []);
  } catch (error) {
    // One that is left behind by a crash here R2 itself drops after some days.
    await multipart.abort();
    throw error;
  }
}

/** Takes a whole file in one request. Throws as `reserve`, and `invalid` when the content is not what was announced. */
export async function uploadAtOnce(
  env: Env,
  userId: string,
  input: CreateUpload,
  body: ReadableStream<Uint8Array>,
  now: number,
): Promise<StoredFile> {
  const db = database(env);
  await requireAllowed(db, userId, input);
  const upload = await reserve(db, userId, input, { key: newKey(), multipart_id: null }, now);
  try {
    return await settle(
      env,
      db,
      upload,
      await passInto(body, upload.size, (stream) => env.FILES.put(upload.key, stream)),
    );
  } catch (error) {
    await drop(env, db, upload);
    throw error;
  }
}

/** How far a file has come. Throws `not_found`. */
export async function getUpload(env: Env, userId: string, fileId: string, now: number): Promise<Upload> {
  const db = database(env);
  const upload = await findUpload(db, userId, fileId, now);
  if (upload === undefined) throw noUpload();
  return uploadOf(upload, await partsOf(db, fileId));
}

/** Takes one part. The same part may come again: the last one counts. Throws `not_found`, `invalid`. */
export async function uploadPart(
  env: Env,
  userId: string,
  { fileId, number, length }: { fileId: string; number: number; length: number | undefined },
  body: ReadableStream<Uint8Array>,
  now: number,
): Promise<UploadPart> {
  const db = database(env);
  const upload = await findUpload(db, userId, fileId, now);
  if (upload === undefined || upload.multipart_id === null) throw noUpload();
  const { key, multipart_id } = upload;
  if (number > partCount(upload.size)) {
    throw new ApiError('invalid', `This file has ${partCount(upload.size)} parts; there is no part ${number}`);
  }
  const size = partSize(upload.size, number);
  if (length !== undefined && length !== size) {
    throw new ApiError('invalid', `Part ${number} of this file has ${size} bytes, the body has ${length}`);
  }
  const multipart = env.FILES.resumeMultipartUpload(key, multipart_id);
  const { sha256, stored } = await passInto(body, size, (stream) => multipart.uploadPart(number, stream));
  // failpoint: files.part-stored
  const part = { file_id: fileId, number, size, etag: stored.etag, sha256 };
  const known = await db
    .insert(uploadParts)
    .select(
      sql`SELECT ${part.file_id}, ${part.number}, ${part.size}, ${part.etag}, ${part.sha256}
        WHERE EXISTS (SELECT 1 FROM ${uploads} WHERE ${uploads.file_id} = ${fileId})`,
    )
    .onConflictDoUpdate({
      target: [uploadParts.file_id, uploadParts.number],
      set: { size: part.size, etag: part.etag, sha256: part.sha256 },
    })
    .returning({ number: uploadParts.number });
  if (known.length === 0) throw noUpload();
  return { number, size, sha256 };
}

/**
 * Makes a file of the parts. Doing it again gives the same file. Throws `not_found`; `conflict` while parts are missing;
 * `invalid` when the content is not what was announced, and then the upload is gone.
 */
export async function completeUpload(env: Env, userId: string, fileId: string, now: number): Promise<StoredFile> {
  const db = database(env);
  const upload = await findUpload(db, userId, fileId, now);
  if (upload === undefined || upload.multipart_id === null) {
    const done = await findFile(db, fileId);
    if (done?.file.user_id === userId) return done;
    throw noUpload();
  }
  const parts = await partsOf(db, fileId);
  const arrived = new Set(parts.map(({ number }) => number));
  const missing = Array.from({ length: partCount(upload.size) }, (_, index) => index + 1).filter(
    (n) => !arrived.has(n),
  );
  if (missing.length > 0) {
    const [first] = missing;
    throw new ApiError('conflict', `${missing.length} parts are missing, the first is part ${first}: upload them`);
  }
  await assemble(env, upload.key, upload.multipart_id, parts);
  // failpoint: files.assembled
  const object = await env.FILES.get(upload.key);
  // Somebody else has completed it, found the content stored already, and dropped the copy.
  if (object === null) return completeUpload(env, userId, fileId, now);
  const digest = await pass(object.body, upload.size);
  try {
    return await settle(env, db, upload, digest);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'invalid') await drop(env, db, upload);
    throw error;
  }
}

/** Gives a file up that is on its way. Throws `not_found`. */
export async function abortUpload(env: Env, userId: string, fileId: string, now: number): Promise<void> {
  const db = database(env);
  const upload = await findUpload(db, userId, fileId, now);
  if (upload === undefined) throw noUpload();
  await drop(env, db, upload);
}

/** Drops uploads that were not completed in time. */
export async function dropExpired(env: Env, now: number, limit: number): Promise<void> {
  const db = database(env);
  const late = await db.select().from(uploads).where(sql`${uploads.expires_at} <= ${now}`).limit(limit);
  for (const upload of late) await drop(env, db, upload);
}

const findUpload = (db: Db, userId: string, fileId: string, now: number): Promise<UploadRow | undefined> =>
  db
    .select()
    .from(uploads)
    .where(and(eq(uploads.file_id, fileId), eq(uploads.user_id, userId), gt(uploads.expires_at, now)))
    .get();

type PartRow = typeof uploadParts.$inferSelect;
const partsOf = (db: Db, fileId: string): Promise<PartRow[]> =>
  db.select().from(uploadParts).where(eq(uploadParts.file_id, fileId)).orderBy(asc(uploadParts.number));

const uploadOf = (row: UploadRow, parts: PartRow[]): Upload => ({
  id: row.file_id,
  name: row.name,
  size: row.size,
  part_size: LIMITS.filePartBytes,
  part_count: partCount(row.size),
  parts: parts.map(({ number, size, sha256 }) => ({ number, size, sha256 })),
  expires_at: timestamp(row.expires_at),
});

/** Makes one object of the parts, unless that was done before. */
async function assemble(env: Env, key: string, multipartId: string, parts: PartRow[]): Promise<void> {
  try {
    await env.FILES.resumeMultipartUpload(key, multipartId).complete(
      parts.map(({ number, etag }) => ({ partNumber: number, etag })),
    );
  } catch (error) {
    // Completed by an earlier attempt whose answer was lost.
    if ((await env.FILES.head(key)) !== null) return;
    logError('file.parts_refused', error);
    throw new ApiError(
      'conflict',
      'The parts do not fit together: they were uploaded again meanwhile, or twice at once',
    );
  }
}

/** Enters a stored content as a file; a content that its scope has already is not kept twice. */
async function settle(env: Env, db: Db, upload: UploadRow, { sha256, head }: Digest): Promise<StoredFile> {
  if (upload.sha256 !== null && upload.sha256 !== sha256) {
    throw new ApiError('invalid', `sha256: what arrived has ${sha256}`);
  }
  // failpoint: files.stored
  const nature = await natureOf(head);
  const about = agreed(FileAbout.parse(JSON.parse(upload.about)), nature);
  const now = Date.now();
  const scope = upload.workspace_id ?? upload.user_id;
  const copy: StoredTask = { id: newId('tsk'), task: { kind: 'settle_object', key: upload.key, multipart_id: null } };
  const waiting = sql`EXISTS (SELECT 1 FROM ${uploads} WHERE ${uploads.file_id} = ${upload.file_id})`;
  const content = sql`${blobs.scope} = ${scope} AND ${blobs.sha256} = ${sha256}`;
  const [, [spare]] = await db.batch([
    db
      .insert(blobs)
      .select(
        sql`SELECT ${upload.key}, ${scope}, ${sha256}, ${upload.size}, ${nature.media_type}, ${nature.width},
          ${nature.height}, ${now} WHERE ${waiting}`,
      )
      .onConflictDoNothing(),
    insertingIf(db, copy, now, sql`EXISTS (SELECT 1 FROM ${blobs} WHERE ${content} AND ${blobs.key} <> ${upload.key})`),
    db
      .insert(files)
      .select(
        sql`SELECT ${upload.file_id}, ${upload.user_id}, ${upload.workspace_id}, ${blobs.key}, ${upload.name},
          ${upload.size}, ${JSON.stringify(about)}, ${now}, ${now + UNSENT_TTL_MS}
          FROM ${blobs} WHERE ${content} AND ${waiting}`,
      )
      .onConflictDoNothing(),
    ...forgetting(db, upload.file_id),
  ]);
  // failpoint: files.settled
  if (spare !== undefined) await runSoon(env, copy);
  const stored = await findFile(db, upload.file_id);
  if (stored === undefined) throw noFile();
  return stored;
}

/** Forgets an upload and deletes what it has stored. */
async function drop(env: Env, db: Db, upload: UploadRow): Promise<void> {
  const task: StoredTask = {
    id: newId('tsk'),
    task: { kind: 'settle_object', key: upload.key, multipart_id: upload.multipart_id },
  };
  await db.batch([inserting(db, task, Date.now()), ...forgetting(db, upload.file_id)]);
  // failpoint: files.dropped
  await runSoon(env, task);
}

const forgetting = (db: Db, fileId: string) =>
  [
    db.delete(uploadParts).where(eq(uploadParts.file_id, fileId)),
    db.delete(uploads).where(eq(uploads.file_id, fileId)),
  ] as const;

/** Now if it can be; else the cron finds the task. */
async function runSoon(env: Env, task: StoredTask): Promise<void> {
  try {
    await runTask(env, task);
  } catch (error) {
    logError('file.object_left', error, { task_id: task.id });
  }
}

/** Deletes an object in R2 that neither a file nor an upload names any more. Keys do not come back, so this is for good. */
export async function settleObject(
  env: Env,
  db: Db,
  { key, multipart_id }: { key: string; multipart_id: string | null },
) {
  const [, used] = await db.batch([
    db
      .delete(blobs)
      .where(and(eq(blobs.key, key), sql`NOT EXISTS (SELECT 1 FROM ${files} WHERE ${files.blob_key} = ${key})`)),
    db.select({ key: blobs.key }).from(blobs).where(eq(blobs.key, key)),
  ]);
  const coming = await db.select({ key: uploads.key }).from(uploads).where(eq(uploads.key, key)).get();
  if (used.length > 0 || coming !== undefined) return;
  // failpoint: files.object-unused
  if (multipart_id !== null) {
    await env.FILES.resumeMultipartUpload(key, multipart_id)
      .abort()
      // Completed, or aborted before: there is nothing left to abort.
      .catch(() => undefined);
  }
  await env.FILES.delete(key);
}
