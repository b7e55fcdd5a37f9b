import { z } from 'zod';
import { ERRORS } from './wire.ts';

export { CLOSE_CODES, type CloseReason, ERRORS } from './wire.ts';

export type ErrorCode = keyof typeof ERRORS;
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

/** RFC 9457 problem document, media type `application/problem+json`. */
export const Problem = z
  .object({
    type: z.string().meta({ description: 'URI of the kind of problem', example: 'urn:tideline:error:invalid' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What was wrong in this request and what to do' }),
    code: ErrorCode,
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'One entry for each value that is not valid' }),
    retry_after: z.number().optional().meta({ description: 'Seconds; the same as the Retry-After header' }),
    request_id: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** A refusal as it crosses between objects (a class does not cross RPC, a plain value does). */
export interface Refusal {
  code: ErrorCode;
  message: string;
  /** Seconds. */
  retry_after?: number;
}

/** Result of a call that may be refused. An exception is a fault, a refusal is an answer. */
export type Result<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const refuse = (code: ErrorCode, message: string, retry_after?: number): { ok: false; refusal: Refusal } => ({
  ok: false,
  refusal: retry_after === undefined ? { code, message } : { code, message, retry_after },
});
