/** What the door has beside the Worker's own bindings. */
export interface LocalEnv extends Env {
  /** The Worker behind its static files, as Cloudflare puts them in front of it. */
  SITE: Fetcher;
  /** Paths that are the Worker's alone: `run_worker_first` of wrangler.toml. */
  WORKER_FIRST: string[];
}

/** A rule for paths: `*` stands for anything, and a leading `!` for what is not the Worker's although another rule says so. */
const patternOf = (rule: string): RegExp =>
  new RegExp(`^${rule.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&').replaceAll('*', '.*')}$`);

/** Whether a path is the Worker's alone. */
export function workerFirst(rules: readonly string[]): (path: string) => boolean {
  const [not, own] = [true, false].map((excepted) => rules.filter((rule) => rule.startsWith('!') === excepted));
  const outside = (not ?? []).map((rule) => patternOf(rule.slice(1)));
  const inside = (own ?? []).map(patternOf);
  return (path) => inside.some((rule) => rule.test(path)) && !outside.some((rule) => rule.test(path));
}

/**
 * The entrypoint at which the local server listens. Miniflare has static files served by two Workers in front of ours, through
 * which every connection would go for as long as it lasts: what is ours alone comes here directly, and the rest goes to them.
 */
export function doorTo(fetch: ExportedHandlerFetchHandler<Env>): ExportedHandler<LocalEnv> {
  let isOurs: ((path: string) => boolean) | undefined;
  return {
    fetch(request, env, ctx) {
      isOurs ??= workerFirst(env.WORKER_FIRST);
      return isOurs(new URL(request.url).pathname) ? fetch(request, env, ctx) : env.SITE.fetch(request);
    },
  };
}
