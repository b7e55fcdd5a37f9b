/** The error that lies at the bottom: what wraps it may carry the parameters of a query. */
function root(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return at;
}

/**
 * One line of JSON about a fault. `fields` name things by id; bodies, tokens, addresses and query strings never go in.
 */
export function logError(event: string, error: unknown, fields: Record<string, string | number> = {}): void {
  const cause = root(error);
  const [name, message, stack] =
    cause instanceof Error ? [cause.name, cause.message, cause.stack] : ['NonError', String(cause), undefined];
  console.error(JSON.stringify({ level: 'error', event, ...fields, error: name, message, stack }));
}
