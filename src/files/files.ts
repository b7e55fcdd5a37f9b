import { eq, sql } from 'drizzle-orm';
import { inChat, see } from '../chats/directory.ts';
import { timestamp } from '../clock.ts';
import type { Config } from '../config.ts';
import { type Db, database } from '../db/client.ts';
import { blobs, fileLinks, files } from '../db/schema.ts';
import { ApiError } from '../errors.ts';
import { FileAbout, type FileInfo, type FileTicket } from '../protocol/files.ts';
import { LIMITS } from '../protocol/limits.ts';
import { isInline } from './inspect.ts';
import { signTicket, TICKET_TTL_MS, ticketKeys } from './ticket.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** A file that was not sent anywhere is dropped after so long. */
export const UNSENT_TTL_MS = DAY_MS;
/** When a file that may be sent by a ticket is looked at again: no ticket is good any more by then. */
const LINKED_CHECK_MS = TICKET_TTL_MS + DAY_MS;

/** A file with its content. */
export interface StoredFile {
  file: typeof files.$inferSelect;
  blob: typeof blobs.$inferSelect;
}

export const noFile = () => new ApiError('not_found', 'There is no such file, or you may not see it');

export const findFile = (db: Db, id: string): Promise<StoredFile | undefined> =>
  db
    .select({ file: files, blob: blobs })
    .from(files)
    .innerJoin(blobs, eq(blobs.key, files.blob_key))
    .where(eq(files.id, id))
    .get();

/** A file of the user's own. Throws `not_found`. */
export async function ownFile(db: Db, id: string, userId: string): Promise<StoredFile> {
  const stored = await findFile(db, id);
  if (stored?.file.user_id !== userId) throw noFile();
  return stored;
}

/** A file as one who sees a message with it in this conversation may fetch it. Asks the room. Throws `not_found`. */
export async function fileInChat(env: Env, chatId: string, id: string, userId: string): Promise<StoredFile> {
  await inChat(env, chatId, userId, (chat, user) => chat.file(user, id));
  const stored = await findFile(database(env), id);
  if (stored === undefined) throw noFile();
  return stored;
}

const isImage = (mediaType: string): boolean => mediaType.startsWith('image/');

export function infoOf({ file, blob }: StoredFile): FileInfo {
  const { width, height, ...about } = FileAbout.parse(JSON.parse(file.about));
  const inline = isInline(blob);
  // Of an image only what its own first bytes say; of a film nobody else knows it.
  const known = isImage(blob.media_type) && !inline ? {} : { width, height };
  return {
    id: file.id,
    name: file.name,
    size: file.size,
    type: blob.media_type,
    sha256: blob.sha256,
    inline,
    ...about,
    ...(known.width === undefined || known.height === undefined ? {} : { width: known.width, height: known.height }),
    created_at: timestamp(file.created_at),
  };
}

/**
 * What is kept of what the uploader says, beside a content. Throws `invalid` when it contradicts the content: the sides of
 * an image may be given in either order, since a camera turns the picture and not its bytes.
 */
export function agreed(about: FileAbout, blob: Pick<StoredFile['blob'], 'width' | 'height' | 'media_type'>): FileAbout {
  const { width, height } = blob;
  const { width: saidWidth, height: saidHeight, ...rest } = about;
  if ((saidWidth === undefined) !== (saidHeight === undefined)) {
    throw new ApiError('invalid', 'width and height belong together');
  }
  if (!isImage(blob.media_type)) return about;
  if (width === null || height === null) return rest;
  if (saidWidth === undefined) return { ...rest, width, height };
  const same = saidWidth === width && saidHeight === height;
  const turned = saidWidth === height && saidHeight === width;
  if (!same && !turned) throw new ApiError('invalid', `width, height: the image says ${width} × ${height}`);
  return about;
}

/** Throws `invalid` unless the thumbnail, if one is named, is a small image of the same uploader. */
export async function requireThumbnail(db: Db, userId: string, { thumbnail_id }: FileAbout): Promise<void> {
  if (thumbnail_id === undefined) return;
  const stored = await findFile(db, thumbnail_id);
  if (stored?.file.user_id !== userId) throw new ApiError('invalid', 'thumbnail_id: you have no such file');
  const { blob } = stored;
  const small = blob.size <= LIMITS.thumbnailBytes && (blob.width ?? 0) <= LIMITS.thumbnailSide;
  if (!isImage(blob.media_type) || !isInline(blob) || !small || (blob.height ?? 0) > LIMITS.thumbnailSide) {
    throw new ApiError(
      'invalid',
      `thumbnail_id: a thumbnail is an image of at most ${LIMITS.thumbnailBytes} bytes and ${LIMITS.thumbnailSide} pixels a side`,
    );
  }
}

/**
 * The statements that note that files may be in a conversation. Whatever the sweep has deleted since is not linked: the row
 * is not there to be chosen.
 */
export function linking(db: Db, fileIds: readonly string[], chatId: string, now: number) {
  const ids = JSON.stringify(fileIds);
  return [
    db
      .insert(fileLinks)
      .select(sql`SELECT id, ${chatId}, ${now} FROM ${files} WHERE id IN (SELECT value FROM json_each(${ids}))`)
      .onConflictDoNothing(),
    db
      .update(files)
      .set({ check_at: sql`max(${files.check_at}, ${now + LINKED_CHECK_MS})` })
      .where(sql`${files.id} IN (SELECT value FROM json_each(${ids}))`)
      .returning({ id: files.id }),
  ] as const;
}

/**
 * Gives the user leave to send a file into a conversation they are in: a file of their own or, to forward it, one that they
 * see in another conversation. That it may now be there is noted before anything is sent, so that the sweep knows whom to
 * ask. Throws `not_found`, `forbidden` (a public channel that they have not joined).
 */
export async function linkFile(
  env: Env,
  config: Config,
  userId: string,
  chatId: string,
  { file_id, from_chat_id }: { file_id: string; from_chat_id?: string | undefined },
  now: number,
): Promise<FileTicket> {
  const { member } = await see(env, chatId, userId);
  if (!member) throw new ApiError('forbidden', 'Join the channel first');
  const db = database(env);
  const stored =
    from_chat_id === undefined
      ? await ownFile(db, file_id, userId)
      : await fileInChat(env, from_chat_id, file_id, userId);
  const { thumbnail_id, ...info } = infoOf(stored);
  const ids = [file_id, ...(thumbnail_id === undefined ? [] : [thumbnail_id])];
  const [, kept] = await db.batch(linking(db, ids, chatId, now));
  // failpoint: files.linked
  const left = new Set(kept.map(({ id }) => id));
  if (!left.has(file_id)) throw noFile();
  const file = thumbnail_id !== undefined && left.has(thumbnail_id) ? { ...info, thumbnail_id } : info;
  return signTicket(ticketKeys(config), { user_id: userId, chat_id: chatId, file }, now);
}
