import {
  type ClientOptions,
  createClient,
  type Fetch,
  type HttpRequest,
  type HttpResponse,
  type TidelineClient,
  type Tokens,
} from '../../sdk/src/index.ts';
import { pool, range, sleep, until } from '../lib/async.ts';
import { Histogram } from '../lib/histogram.ts';
import { cpuMs, processTree, residentBytes } from '../lib/process.ts';
import { messageOf } from '../lib/text.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

const AT_ONCE = 50;
/** Milliseconds: time for devices to be handed what they come back with, and for connections to count as good ones. */
const SETTLE_MS = 6000;
/** Milliseconds from the kill after which a device that is not back is given up. */
const BACK_WITHIN_MS = 120_000;
const SAMPLE_MS = 250;
/** Milliseconds: longer than an access token lives. */
const TOKEN_ENDED = 16 * 60_000;
const ACCESS_SECONDS = 15 * 60;
const SOMETIME = new Date(0).toISOString();

/**
 * STORM: SDK clients, connected and in step, each with a conversation of two; the server is killed and started again on
 * the same state. Once with access tokens that are good, once with all of them ended meanwhile. Ends when everybody is
 * back in step.
 */
export async function storm(bench: Bench): Promise<Series[]> {
  const results = new Results('STORM');
  const peer = bench.tideline;
  if (peer === undefined) return [];
  const count = bench.settings.quick ? 200 : 2000;
  await peer.prepareUsers(count);
  const pairs = range(count / 2).map((pair) => [2 * pair, 2 * pair + 1]);
  await pool(pairs, 4, async (pair) => {
    try {
      await peer.createRoom('pair', pair);
    } catch (error) {
      // Two people have one conversation, however often it is asked for.
      bench.log(`STORM: asked again: ${messageOf(error).split('\n', 1)[0]}`);
      await peer.createRoom('pair', pair);
    }
  });
  for (let run = 1; run <= bench.settings.runs; run++) {
    for (const ended of [false, true]) {
      await peer.prepareUsers(count);
      const figures = await measure(bench, peer, count, ended);
      results.add(`${count} SDK clients, access tokens ${ended ? 'ended' : 'at hand'}`, 'tideline', figures);
      const [total, rate] = [figures.stormSeconds?.toFixed(1), figures.stormPeak];
      bench.log(`STORM run ${run}, tokens ${ended ? 'ended' : 'at hand'}: all back after ${total} s, peak ${rate}/s`);
    }
  }
  return results.all;
}

/** What the clients do, counted from outside of them. */
class Watch {
  /** Milliseconds added to the clients' clocks. */
  skew = 0;
  /** Requests by method and path. */
  readonly requests = new Map<string, number>();
  attempts = 0;
  /** When sockets opened, by `performance.now()`. */
  opened: number[] = [];
  /** When devices were in step, by `performance.now()`. */
  readonly back = new Map<number, number>();
  presence = 0;
  readonly errors: string[] = [];

  reset(): void {
    this.requests.clear();
    this.attempts = 0;
    this.opened = [];
    this.back.clear();
    this.presence = 0;
    this.errors.length = 0;
  }

  requested(method: string, path: string): void {
    const name = `${method} ${path}`;
    this.requests.set(name, (this.requests.get(name) ?? 0) + 1);
  }
}

async function measure(bench: Bench, peer: TidelinePeer, count: number, ended: boolean): Promise<Figures> {
  const watch = new Watch();
  const clients = await pool(range(count), AT_ONCE, (user) => device(peer, user, watch));
  try {
    await sleep(SETTLE_MS);
    watch.reset();
    const known = [peer.target.pid, process.pid, ...bench.peers.map(({ target }) => target.pid)];
    const own = process.cpuUsage();
    const loop = performance.eventLoopUtilization();
    const killed = performance.now();
    for (const { pid } of processTree(peer.target.pid)) process.kill(pid, 'SIGKILL');
    if (ended) watch.skew = TOKEN_ENDED;
    const sampled = sample(() => newServer(known));
    await bench.restart(peer);
    const healthy = performance.now();
    await until(() => watch.back.size === count, BACK_WITHIN_MS - (healthy - killed));
    const done = performance.now();
    const busy = performance.eventLoopUtilization(loop).utilization;
    const used = process.cpuUsage(own);
    const server = sampled();
    // Whoever renews a token, does it later: what comes right after belongs to the storm.
    await sleep(2000);
    for (const [name, times] of watch.requests) bench.log(`STORM request: ${name} × ${times}`);
    for (const error of new Set(watch.errors)) bench.log(`STORM error: ${error}`);
    const up = Math.min(healthy, ...watch.opened);
    const after = new Histogram();
    for (const at of watch.back.values()) after.add(at - up);
    const syncs = watch.requests.get('POST /api/sync') ?? 0;
    const requests = [...watch.requests.values()].reduce((sum, times) => sum + times, 0);
    return {
      stormSeconds: (Math.max(...watch.back.values()) - killed) / 1000,
      stormDown: (up - killed) / 1000,
      backP50: after.quantile(0.5) / 1000,
      backP99: after.quantile(0.99) / 1000,
      backMax: (Math.max(...watch.back.values()) - up) / 1000,
      stormPeak: busiestSecond(watch.opened),
      stormAttempts: watch.attempts / count,
      stormSyncs: syncs,
      // Opening a socket and a sync are answered by the user's inbox; every other route may look into D1.
      databaseRequests: requests - syncs,
      presenceFrames: watch.presence,
      peakCores: server.cores,
      peakMb: server.bytes / 2 ** 20,
      generatorCores: (used.user + used.system) / 1000 / (done - killed),
      generatorLoop: busy,
      errors: watch.errors.length,
      dropped: count - watch.back.size,
    };
  } finally {
    for (const client of clients) client.disconnect();
    await sleep(1500);
  }
}

/** An SDK client of a user whose tokens are at hand, connected and in step. */
async function device(peer: TidelinePeer, user: number, watch: Watch): Promise<TidelineClient> {
  const account = peer.account(user);
  const tokens = (): Tokens => ({
    token: account.token,
    refresh_token: account.refresh_token,
    expires_in: Math.floor(ACCESS_SECONDS - (performance.now() - account.since) / 1000),
    user: {
      id: account.id,
      fullname: `Bench ${user}`,
      email: `bench-${user}@example.com`,
      handle: null,
      avatar: null,
      status: 'Active',
      created_at: SOMETIME,
      updated_at: SOMETIME,
    },
  });
  const fetch: Fetch = async (url, request) => {
    const { pathname } = new URL(url);
    // The sign-in was made beforehand.
    if (pathname === '/api/auth/signin') return answer(JSON.stringify(tokens()));
    watch.requested(request.method, pathname);
    return pathname === '/api/auth/refresh' ? refreshed(url, request) : globalThis.fetch(url, request);
  };
  /** A refresh ends the tokens before it: the account keeps up, for the runs to come. */
  const refreshed = async (url: string, request: HttpRequest): Promise<HttpResponse> => {
    const response = await globalThis.fetch(url, request);
    const text = await response.text();
    if (response.ok) {
      const { token, refresh_token } = JSON.parse(text) as Tokens;
      Object.assign(account, { token, refresh_token, since: performance.now() });
    }
    return { status: response.status, headers: response.headers, text: () => Promise.resolve(text) };
  };
  const options: ClientOptions = {
    url: `http://127.0.0.1:${peer.target.port}`,
    fetch,
    WebSocket: watched(watch),
    clock: {
      now: () => Date.now() + watch.skew,
      after: (ms, run) => {
        const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
        return () => clearTimeout(timer);
      },
    },
  };
  const client = await createClient(options);
  client.on('error', (error) => watch.errors.push(error.message));
  client.on('signedout', (error) => watch.errors.push(`signed out: ${error.message}`));
  client.on('presence', () => watch.presence++);
  client.on('connection', ({ state }) => {
    if (state === 'online') watch.back.set(user, performance.now());
    else watch.back.delete(user);
  });
  await client.signIn({ email: `bench-${user}@example.com`, password: '-' });
  await client.connect();
  return client;
}

const answer = (text: string): HttpResponse => ({
  status: 200,
  headers: new Headers(),
  text: () => Promise.resolve(text),
});

function watched(watch: Watch) {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      watch.attempts++;
      this.addEventListener('open', () => watch.opened.push(performance.now()));
    }
  };
}

/** The most of these moments (in ms) that lie within one second. */
function busiestSecond(times: number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [index, time] of sorted.entries()) {
    while (time - (sorted[from] ?? time) >= 1000) from++;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

/** The server that the main process has started since: it is measured from its first moment. */
const newServer = (known: number[]): number | undefined =>
  processTree(process.ppid).find(({ pid, parent }) => parent === process.ppid && !known.includes(pid))?.pid;

/** Measures peaks of a server that is yet to come, until the returned function is called. */
function sample(find: () => number | undefined): () => { cores: number; bytes: number } {
  const peak = { cores: 0, bytes: 0 };
  let pid: number | undefined;
  let last = { at: performance.now(), cpu: 0 };
  const timer = setInterval(() => {
    pid ??= find();
    if (pid === undefined) return;
    const now = { at: performance.now(), cpu: cpuMs(pid) };
    peak.cores = Math.max(peak.cores, (now.cpu - last.cpu) / (now.at - last.at));
    peak.bytes = Math.max(peak.bytes, residentBytes(pid));
    last = now;
  }, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
