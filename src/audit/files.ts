import { asc, gt, inArray, sql } from 'drizzle-orm';
import { type Db, database } from '../db/client.ts';
import { blobs, fileLinks, files, uploads } from '../db/schema.ts';
import { linking } from '../files/files.ts';
import { settleObject } from '../files/uploads.ts';
import { room } from '../objects/stubs.ts';
import type { AuditAnswer } from '../protocol/audit.ts';
import { type Found, settle } from './found.ts';

/** Contents, or objects, that one request compares. */
const PAGE = 50;

interface Page {
  after: string;
  repair: boolean;
}

const among = (ids: readonly string[]) => sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`;

/** From D1 to R2: is each content there, as long as it has to be? What is lost is lost: its files are forgotten. */
export async function auditFiles(env: Env, { after, repair }: Page): Promise<AuditAnswer> {
  const db = database(env);
  const rows = await db.select().from(blobs).where(gt(blobs.key, after)).orderBy(asc(blobs.key)).limit(PAGE);
  const found = await Promise.all(
    rows.map(async ({ key, size }): Promise<Found[]> => {
      const object = await env.FILES.head(key);
      if (object?.size === size) return [];
      return [{ kind: 'object.missing', object: key, mend: () => forget(db, key) }];
    }),
  );
  const next_cursor = rows.length < PAGE ? null : (rows.at(-1)?.key ?? null);
  return { findings: await settle(found.flat(), repair), checked: rows.length, next_cursor };
}

function forget(db: Db, key: string): Promise<unknown> {
  const having = db.select({ id: files.id }).from(files).where(sql`${files.blob_key} = ${key}`);
  return db.batch([
    db.delete(fileLinks).where(inArray(fileLinks.file_id, having)),
    db.delete(files).where(sql`${files.blob_key} = ${key}`),
    db.delete(blobs).where(sql`${blobs.key} = ${key}`),
  ]);
}

/** From R2 to D1: is each object one that D1 knows? A row names it before it exists, so that one without a row is nobody's. */
export async function auditObjects(env: Env, { after, repair }: Page): Promise<AuditAnswer> {
  const db = database(env);
  const { objects, truncated } = await env.FILES.list({ limit: PAGE, ...(after === '' ? {} : { startAfter: after }) });
  const keys = objects.map(({ key }) => key);
  const [stored, coming] = await db.batch([
    db
      .select({ key: blobs.key })
      .from(blobs)
      .where(sql`${blobs.key} IN ${among(keys)}`),
    db
      .select({ key: uploads.key })
      .from(uploads)
      .where(sql`${uploads.key} IN ${among(keys)}`),
  ]);
  const known = new Set([...stored, ...coming].map(({ key }) => key));
  const found = keys
    .filter((key) => !known.has(key))
    .map(
      (key): Found => ({
        kind: 'object.unknown',
        object: key,
        mend: () => settleObject(env, db, { key, multipart_id: null }),
      }),
    );
  const next_cursor = truncated ? (keys.at(-1) ?? null) : null;
  return { findings: await settle(found, repair), checked: keys.length, next_cursor };
}

/** Files that the messages of a conversation carry: D1 has to have them, and to know that they are there. */
export async function filesOf(
  env: Env,
  db: Db,
  chat_id: string,
  ids: readonly string[],
  now: number,
): Promise<Found[]> {
  if (ids.length === 0) return [];
  const [stored, linked] = await db.batch([
    db
      .select({ id: files.id })
      .from(files)
      .where(sql`${files.id} IN ${among(ids)}`),
    db
      .select({ id: fileLinks.file_id })
      .from(fileLinks)
      .where(sql`${fileLinks.chat_id} = ${chat_id} AND ${fileLinks.file_id} IN ${among(ids)}`),
  ]);
  const [exists, isLinked] = [new Set(stored.map(({ id }) => id)), new Set(linked.map(({ id }) => id))];
  return ids.flatMap((file_id): Found[] => {
    if (!exists.has(file_id)) {
      return [{ kind: 'file.lost', chat_id, file_id, mend: () => room(env, chat_id).loseFiles([file_id]) }];
    }
    if (isLinked.has(file_id)) return [];
    return [{ kind: 'file.unlinked', chat_id, file_id, mend: () => db.batch(linking(db, [file_id], chat_id, now)) }];
  });
}
