import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { ApiError } from '../errors.ts';
import { logError } from '../log.ts';
import { ERRORS, type ErrorCode } from '../protocol/errors.ts';
import type { ApiEnv } from './api.ts';

/** Refusals that the framework makes on its own. */
const FRAMEWORK: Partial<Record<number, [ErrorCode, string]>> = {
  400: ['malformed', 'The body is not JSON'],
  415: ['unsupported_media_type', 'Send the body as `Content-Type: application/json`'],
};

/** Any error as the one that the client is told. What is no refusal is logged here and told as `internal`. */
export function toApiError(error: unknown, about: { method: string; path: string; request_id: string }): ApiError {
  if (error instanceof ApiError) return error;
  const known = error instanceof HTTPException ? FRAMEWORK[error.status] : undefined;
  if (known !== undefined) return new ApiError(...known);
  logError('request.failed', error, about);
  return new ApiError('internal', 'Something went wrong here; it has been noted under this request_id');
}

/** The problem document (RFC 9457) of an error. */
export function problem(c: Context<ApiEnv>, error: unknown): Response {
  const request_id = c.var.requestId;
  const refusal = toApiError(error, { method: c.req.method, path: c.req.path, request_id });
  const headers: Record<string, string> = { ...refusal.extra.headers, 'content-type': 'application/problem+json' };
  const { status } = ERRORS[refusal.code];
  if (refusal.extra.retryAfter !== undefined) headers['retry-after'] = String(Math.ceil(refusal.extra.retryAfter));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (refusal.code === 'upgrade_required') headers.upgrade = 'websocket';
  return c.body(JSON.stringify(refusal.toProblem(request_id)), status, headers);
}
