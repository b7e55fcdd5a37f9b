import type { Problem } from '../../src/protocol/errors.ts';
import { ERRORS, type ErrorCode } from '../../src/protocol/wire.ts';

/** A refusal. `code` is stable and what a program switches on; `message` says what was wrong and what to do. */
export class TidelineError extends Error {
  override readonly name = 'TidelineError';
  readonly code: ErrorCode;
  /** The HTTP status that belongs to the code; over REST, the one that came. */
  readonly status: number;
  /** Seconds after which the same request may be made again. */
  readonly retryAfter: number | undefined;
  /** One entry for each value that was not valid. */
  readonly errors: readonly { path: string; message: string }[];
  readonly requestId: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    extra: {
      status?: number | undefined;
      retryAfter?: number | undefined;
      errors?: Problem['errors'] | undefined;
      requestId?: string | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.code = code;
    this.status = extra.status ?? ERRORS[code].status;
    this.retryAfter = extra.retryAfter;
    this.errors = extra.errors ?? [];
    this.requestId = extra.requestId;
  }
}

/** The server was not reached, or its answer was lost: whether the request took effect is unknown. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

/** The storage adapter failed; `cause` is its error. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

export const isErrorCode = (text: unknown): text is ErrorCode =>
  typeof text === 'string' && Object.hasOwn(ERRORS, text);

/** The same request may succeed later, without the caller changing anything. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  return error instanceof TidelineError && ['rate_limited', 'unavailable', 'internal'].includes(error.code);
}

/** Whatever was thrown, as an Error. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** The error that an answer with an error status stands for, whoever wrote its body. */
export function errorFromResponse(status: number, body: string, retryAfterHeader: string | null): TidelineError {
  const problem = parseProblem(body);
  const retryAfter = problem?.retry_after ?? parseRetryAfter(retryAfterHeader);
  const code = problem?.code ?? codeOfStatus(status);
  return new TidelineError(code, problem?.detail ?? `The server answered ${status}`, {
    status,
    retryAfter,
    errors: problem?.errors,
    requestId: problem?.request_id,
  });
}

function parseProblem(body: string): Problem | undefined {
  try {
    const value = JSON.parse(body) as Problem | null;
    return isErrorCode(value?.code) ? (value ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds. The form with a date is not read: the server does not send it. */
function parseRetryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : undefined;
}

function codeOfStatus(status: number): ErrorCode {
  for (const code of Object.keys(ERRORS)) {
    if (isErrorCode(code) && ERRORS[code].status === status) return code;
  }
  return status >= 500 ? (status === 500 ? 'internal' : 'unavailable') : 'malformed';
}
