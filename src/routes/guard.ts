import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import { type Config, configOf } from '../config.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { ApiEnv } from './api.ts';

/** Outermost: names the request and reads the configuration; on the way out the headers that every answer has. */
export const context = createMiddleware<ApiEnv>(async (c, next) => {
  c.set('requestId', newId('req'));
  c.set('config', configOf(c.env));
  await next();
  // The headers of an upgrade are the socket's; they may not be changed.
  if (c.res.status === 101) return;
  c.header('X-Request-Id', c.var.requestId);
  c.header('X-Content-Type-Options', 'nosniff');
  // A file's content says for itself how it may be kept.
  if (c.req.path.startsWith('/api/') && !c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store');
});

/** Whether a page of this origin may call: one of the list, every one with `*`, and always the system's own. */
export function originAllowed(config: Config, origin: string): boolean {
  const { allowedOrigins, publicUrl } = config;
  return allowedOrigins.includes('*') || allowedOrigins.includes(origin) || new URL(publicUrl).origin === origin;
}

export const crossOrigin = cors({
  origin: (origin, c) => (originAllowed(configOf(c.env), origin) ? origin : null),
  allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'If-Range', 'Last-Event-ID', 'Range'],
  exposeHeaders: ['Content-Disposition', 'Content-Range', 'ETag', 'Retry-After', 'X-Request-Id'],
  maxAge: 600,
});

/** A token in an address ends up in logs and histories: it is refused, so that nobody comes to rely on it. */
export function refuseTokenInUrl(url: string): void {
  if (/[?&](access_)?token=/i.test(url)) {
    throw new ApiError('malformed', 'A token does not belong into an address; send it in the Authorization header');
  }
}

/**
 * Reads a body up to the limit, whatever its Content-Length says, and as UTF-8: bytes that are none would be replaced
 * silently further on. Throws `too_large`, `malformed`.
 */
async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop by a throw cancels the stream.
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > LIMITS.frameBytes) throw new ApiError('too_large', `A body has at most ${LIMITS.frameBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(await new Blob(chunks).arrayBuffer());
  } catch {
    throw new ApiError('malformed', 'The body is not UTF-8');
  }
}

/** For the routes whose body is a file: it is not read here. */
export const unread = createMiddleware<ApiEnv>(async (c, next) => {
  refuseTokenInUrl(c.req.url);
  await next();
});

/** Bodies are bounded before anything looks at them. */
export const bounded = createMiddleware<ApiEnv>(async (c, next) => {
  refuseTokenInUrl(c.req.url);
  const { raw } = c.req;
  if (raw.body !== null && raw.method !== 'GET' && raw.method !== 'HEAD') {
    if (Number(c.req.header('content-length') ?? 0) > LIMITS.frameBytes) {
      throw new ApiError('too_large', `A body has at most ${LIMITS.frameBytes} bytes`);
    }
    c.req.raw = new Request(raw, { body: await readText(raw.body) });
  }
  await next();
});
