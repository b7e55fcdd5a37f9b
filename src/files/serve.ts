import { create as contentDisposition } from 'content-disposition';
import { ApiError } from '../errors.ts';
import type { StoredFile } from './files.ts';
import { isInline } from './inspect.ts';
import { plan } from './ranges.ts';

/** Whatever a content turns out to be, it has no origin, runs nothing and loads nothing. */
const CSP = "sandbox; default-src 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The content of a file, or a part of it. Who may have it was decided by the caller, and is decided again at each fetch:
 * a browser keeps it, but asks before it uses what it keeps.
 */
export async function serve(env: Env, { file, blob }: StoredFile, request: Request): Promise<Response> {
  const { headers } = request;
  const etag = `"${blob.sha256}"`;
  const header = (name: string): string | undefined => headers.get(name) ?? undefined;
  const planned = plan(
    {
      ifMatch: header('if-match'),
      ifNoneMatch: header('if-none-match'),
      ifRange: header('if-range'),
      range: header('range'),
    },
    etag,
    blob.size,
  );
  const about = {
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-cache',
    'Content-Security-Policy': CSP,
    'Cross-Origin-Resource-Policy': 'same-origin',
    ETag: etag,
    'X-Content-Type-Options': 'nosniff',
  };
  if (planned.status === 304) return new Response(null, { status: 304, headers: about });
  if (planned.status === 412) throw new ApiError('precondition_failed', 'The file has another ETag');
  if (planned.status === 416) {
    throw new ApiError('range_not_satisfiable', `The file has ${blob.size} bytes`, {
      headers: { 'Content-Range': `bytes */${blob.size}` },
    });
  }
  const range = planned.status === 206 ? planned : { offset: 0, length: blob.size };
  const object = request.method === 'HEAD' ? null : await env.FILES.get(blob.key, { range });
  if (object === null && request.method !== 'HEAD') throw new Error(`the content of ${file.id} is not in R2`);
  const last = range.offset + range.length - 1;
  return new Response(object?.body ?? null, {
    status: planned.status,
    headers: {
      ...about,
      'Content-Type': blob.media_type === 'text/plain' ? 'text/plain; charset=utf-8' : blob.media_type,
      'Content-Length': String(range.length),
      'Content-Disposition': contentDisposition(file.name, { type: isInline(blob) ? 'inline' : 'attachment' }),
      ...(planned.status === 206 ? { 'Content-Range': `bytes ${range.offset}-${last}/${blob.size}` } : {}),
    },
  });
}
