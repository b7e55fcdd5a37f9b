/** The names and numbers of the wire. No schema here: clients take this file without a validator. */

/** Name of the WebSocket subprotocol; a browser sends the token as a second one, `bearer.<token>`. */
export const SUBPROTOCOL = 'tideline.v1';
export const BEARER_PREFIX = 'bearer.';
/** Answered by the platform without waking the object. */
export const PING = 'ping';
export const PONG = 'pong';

/**
 * Every error the system gives, with the HTTP status it has over REST. The code is stable: clients switch on it.
 * On a socket the same codes come in an `error` frame.
 */
export const ERRORS = {
  malformed: { status: 400, title: 'The request is not well formed' },
  unauthenticated: { status: 401, title: 'A valid access token is needed' },
  token_expired: { status: 401, title: 'The token has ended; refresh it' },
  session_ended: { status: 401, title: 'The session was ended; sign in again' },
  invalid_credentials: { status: 401, title: 'E-mail or password is wrong' },
  suspended: { status: 403, title: 'The account is suspended' },
  forbidden: { status: 403, title: 'Not permitted' },
  muted: { status: 403, title: 'Muted here for now' },
  archived: { status: 403, title: 'The conversation is archived' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'In conflict with what exists' },
  email_taken: { status: 409, title: 'The e-mail address has an account' },
  handle_taken: { status: 409, title: 'The handle is taken' },
  too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  invalid: { status: 422, title: 'A value is not valid' },
  upgrade_required: { status: 426, title: 'This address speaks WebSocket' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Try again' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * Close codes of a refused or ended WebSocket. A browser cannot read the status of a failed upgrade, so the server
 * accepts and closes with one of these; the reason is the error's code.
 */
export const CLOSE_CODES = {
  malformed: 4400,
  unauthenticated: 4401,
  token_expired: 4401,
  session_ended: 4401,
  suspended: 4403,
  forbidden: 4403,
  not_found: 4404,
  too_large: 4413,
  rate_limited: 4429,
  unavailable: 4503,
} as const satisfies Partial<Record<ErrorCode, number>>;
export type CloseReason = keyof typeof CLOSE_CODES;
