import { NetworkError, TidelineError } from '@tideline/sdk';
import type { Failure } from './protocol.ts';

/** An error as it crosses a port. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TidelineError) {
    const { name, code, message, retryAfter, errors } = error;
    return { name, code, message, retryAfter, errors };
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof NetworkError ? 'network' : 'fault';
  return { name, code, message, retryAfter: undefined, errors: [] };
}
