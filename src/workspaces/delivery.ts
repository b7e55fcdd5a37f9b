import { configOf } from '../config.ts';
import { ApiError } from '../errors.ts';

/**
 * How the code of an invitation to an address reaches it: the one place that knows. On one's own machine it is shown to who
 * invites. Throws `unavailable` where it would reach nobody.
 */
export function shownToInviter(env: Env, code: string): string {
  if (configOf(env).environment === 'local') return code;
  throw new ApiError('unavailable', 'This server sends no mail: invite by a link');
}
