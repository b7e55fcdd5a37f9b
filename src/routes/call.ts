import { ApiError } from '../errors.ts';
import type { Result } from '../protocol/errors.ts';
import { unwrap } from './api.ts';

const RETRY_AFTER_SECONDS = 2;
const JITTER_MS = { min: 20, max: 120 };

/** What the platform says about a call to an object that failed. */
const says = (error: unknown, property: 'overloaded' | 'retryable'): boolean =>
  error instanceof Error && property in error && Boolean(Reflect.get(error, property));

const unavailable = () =>
  new ApiError('unavailable', 'This part of the system is busy; try again', { retryAfter: RETRY_AFTER_SECONDS });

/**
 * Calls an object and gives its answer, or throws its refusal. `attempt` obtains its stub anew: one that threw is not used
 * again. A call that failed on the way is made once more, unless `once` says that doing it twice is not the same as
 * doing it once. An object that is overloaded is left alone.
 */
export async function call<T>(attempt: () => Promise<T>, options: { once?: boolean } = {}): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (says(error, 'overloaded')) throw unavailable();
    if (!says(error, 'retryable')) throw error;
    if (options.once) throw unavailable();
  }
  await scheduler.wait(JITTER_MS.min + Math.random() * (JITTER_MS.max - JITTER_MS.min));
  try {
    return await attempt();
  } catch (error) {
    if (says(error, 'overloaded') || says(error, 'retryable')) throw unavailable();
    throw error;
  }
}

/** As `call`, for the calls that answer with a Result. */
export const ask = async <T>(attempt: () => Promise<Result<T>>, options?: { once?: boolean }): Promise<T> =>
  unwrap(await call(attempt, options));
