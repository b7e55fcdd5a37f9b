/** What the door has beside the Worker's own bindings. */
export interface LocalEnv extends Env {
  /** The Worker behind its static files, as Cloudflare puts them in front of it. */
  SITE: Fetcher;
  /** `run_worker_first` of wrangler.toml. */
  WORKER_FIRST: WorkerFirst;
}

/** Rules for paths, in which `*` stands for anything: those that are the Worker's alone, and which of them are not all the same. */
export interface WorkerFirst {
  worker: string[];
  site: string[];
}

const patternOf = (rule: string): RegExp =>
  new RegExp(`^${rule.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&').replaceAll('*', '.*')}$`);

/** Whether a path is the Worker's alone. */
export function workersOwn(rules: WorkerFirst): (path: string) => boolean {
  const [worker, site] = [rules.worker.map(patternOf), rules.site.map(patternOf)];
  return (path) => worker.some((rule) => rule.test(path)) && !site.some((rule) => rule.test(path));
}

/**
 * The entrypoint at which the local server listens. Miniflare has static files served by two Workers in front of ours, through
 * which every connection would go for as long as it lasts: what is ours alone comes here directly, and the rest goes to them.
 */
export function doorTo(fetch: ExportedHandlerFetchHandler<Env>): ExportedHandler<LocalEnv> {
  let isOurs: ((path: string) => boolean) | undefined;
  return {
    fetch(request, env, ctx) {
      isOurs ??= workersOwn(env.WORKER_FIRST);
      return isOurs(new URL(request.url).pathname) ? fetch(request, env, ctx) : env.SITE.fetch(request);
    },
  };
}
