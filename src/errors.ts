import type { z } from '@hono/zod-openapi';
import { ERRORS, type ErrorCode, type Problem, type Refusal } from './protocol/errors.ts';

/** A refusal on its way to the client. Thrown in routes, turned into a problem document in one place (`routes/app.ts`). */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly extra: { errors?: Problem['errors']; retryAfter?: number; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = 'ApiError';
  }

  static fromRefusal(refusal: Refusal): ApiError {
    return new ApiError(
      refusal.code,
      refusal.message,
      refusal.retry_after === undefined ? {} : { retryAfter: refusal.retry_after },
    );
  }

  static fromZod(error: z.core.$ZodError): ApiError {
    const errors = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    const first = errors[0];
    return new ApiError('invalid', first ? `${first.path || 'body'}: ${first.message}` : 'The request is not valid', {
      errors,
    });
  }

  toProblem(requestId?: string): Problem {
    const { status, title } = ERRORS[this.code];
    return {
      type: `urn:tideline:error:${this.code}`,
      title,
      status,
      detail: this.message,
      code: this.code,
      ...(this.extra.errors ? { errors: this.extra.errors } : {}),
      ...(this.extra.retryAfter === undefined ? {} : { retry_after: this.extra.retryAfter }),
      ...(requestId === undefined ? {} : { request_id: requestId }),
    };
  }
}
