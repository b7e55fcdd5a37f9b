// `npm run demo -- FILE`: replays a log of a real conversation with one client for each person, and proves that every
// client holds what was sent. Exit code 0: proved; 1: not; 2: nothing to work with.
import { setTimeout as delay } from 'node:timers/promises';
import type { ChatEvent } from '../../sdk/src/index.ts';
import { Cast, parallel } from './cast.ts';
import { SharedLog } from './ledger.ts';
import { parseLog, parseReplies } from './log.ts';
import { type Options, readOptions, USAGE, UsageError } from './options.ts';
import { type Plan, planOf } from './plan.ts';
import { checkHolders, checkLog } from './proof.ts';
import { Replay } from './replay.ts';
import { faultLines, planLines, problemLines, resultLines, seconds } from './report.ts';
import { type Server, startServer } from './server.ts';
import { readSource } from './source.ts';

/** People at most: every one is a sign-up, which costs a password hash. */
const MOST_PEOPLE = 1000;
const IDS_PER_LOOKUP = 100;
/** Longest wait for the health of a server that is said to run, ms. */
const HEALTH_LIMIT = 10_000;

const say = (...lines: string[]): void => {
  for (const line of lines) console.log(line);
};

/** The log once more, over REST: the server's own word. */
async function readOverRest(cast: Cast, chatId: string, log: SharedLog): Promise<string[]> {
  const faults: string[] = [];
  for (let after = 0, more = true; more; ) {
    const page = await cast.keeper.client.request<{ items: ChatEvent[]; has_more: boolean }>(
      `/api/chats/${chatId}/events`,
      { query: { after, limit: 500 } },
    );
    for (const event of page.items) {
      if (event.seq !== after + 1) faults.push(`over REST, seq ${after} is followed by ${event.seq}`);
      if (!log.agrees(event)) faults.push(`over REST, seq ${event.seq} is not what the clients hold`);
      after = event.seq;
    }
    more = page.has_more && page.items.length > 0;
  }
  return faults;
}

/** Whether everybody goes by their last nick. */
async function checkNames(cast: Cast, plan: Plan): Promise<string[]> {
  const wanted = new Map(plan.people.map(({ lastNick }, index) => [cast.player(index + 1).user.id, lastNick]));
  const ids = [...wanted.keys()];
  const faults: string[] = [];
  for (let at = 0; at < ids.length; at += IDS_PER_LOOKUP) {
    const profiles = await cast.keeper.client.findUsers({ ids: ids.slice(at, at + IDS_PER_LOOKUP) });
    const names = new Map(profiles.map(({ id, fullname }) => [id, fullname]));
    for (const id of ids.slice(at, at + IDS_PER_LOOKUP)) {
      if (names.get(id) !== wanted.get(id)) faults.push(`${wanted.get(id)} is called ${names.get(id)}`);
    }
  }
  return faults;
}

/** Plays the plan against a server. @returns what is not as it should be */
async function play(url: string, plan: Plan, title: string, clients: number): Promise<string[]> {
  const log = new SharedLog();
  const began = performance.now();
  const cast = await Cast.signUp(url, ['Keeper of the log', ...plan.people.map(({ nick }) => nick)], log, clients);
  try {
    await cast.connectFirst();
    say(`signed up and connected in ${seconds(performance.now() - began)}`);
    const replayed = await Replay.run(cast, plan, title, say);
    const ended = performance.now();
    await cast.catchUpAll(cast.players, replayed.expected.length);
    say(...resultLines(replayed, cast.players, performance.now() - ended));
    await cast.ready(cast.keeper, replayed.expected.length);
    const holders = cast.players.map(({ name, user, ledger }) => ({ name, user_id: user.id, ledger }));
    return [
      ...checkLog(log, replayed.expected),
      ...checkHolders(holders, replayed.expected),
      ...(await readOverRest(cast, replayed.chatId, log)),
      ...(await checkNames(cast, plan)),
    ];
  } finally {
    await parallel(cast.players, 8, (player) => player.close());
  }
}

/** A server that somebody else started, and will stop. @throws UsageError when it does not answer */
async function running(url: string): Promise<Server> {
  try {
    const { ok, status } = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(HEALTH_LIMIT) });
    if (!ok) throw new Error(`/healthz says ${status}`);
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error(String(error));
    throw new UsageError(`no server at ${url}: ${cause instanceof Error ? cause.message : message}`);
  }
  return { url, broken: new Promise(() => undefined), stop: () => Promise.resolve() };
}

async function demo(options: Options): Promise<number> {
  const source = await readSource(options);
  say(`Replaying ${source.title}`, ...(source.credit === undefined ? [] : [source.credit]));
  const parsed = parseLog(source.log, options.lines);
  const links = source.replies === undefined ? { replies: new Map(), problems: [] } : parseReplies(source.replies);
  const plan = planOf(parsed.lines, links.replies);
  if (plan.people.length > MOST_PEOPLE) {
    throw new UsageError(`${plan.people.length} people are too many, the most is ${MOST_PEOPLE}: take fewer --lines`);
  }
  say(
    ...problemLines('The log', [...parsed.problems, ...plan.problems]),
    ...(source.replies === undefined
      ? ['There are no reply links beside it']
      : problemLines('The links', links.problems)),
  );
  if (plan.steps.length === 0) {
    say(`Nothing to replay: none of ${parsed.count} lines could be used. Nothing was proved, and nothing is wrong.`);
    return 0;
  }
  const interrupted = interruption();
  say(`${parsed.count} lines read`, ...planLines(plan));
  const starting = options.url === undefined ? startServer() : running(options.url);
  try {
    return await Promise.race([prove(starting, source.title, plan, options), interrupted.came]);
  } catch (fault) {
    // A Ctrl-C reaches the server too, and may be felt by its end before it is heard of.
    if (await interrupted.within(HEARD_LIMIT)) return INTERRUPTED;
    throw fault;
  } finally {
    interrupted.forget();
    await starting.then((server) => server.stop()).catch(() => undefined);
  }
}

/** Exit code of a run that a Ctrl-C has ended, as shells have it. */
const INTERRUPTED = 130;
/** Longest between the end of a server by a Ctrl-C and the Ctrl-C itself, ms. */
const HEARD_LIMIT = 200;

/** Hears of a Ctrl-C, or of being told to stop. */
function interruption() {
  const heard = Promise.withResolvers<number>();
  const hear = () => heard.resolve(INTERRUPTED);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, hear);
  return {
    came: heard.promise,
    within: (ms: number): Promise<boolean> =>
      Promise.race([heard.promise.then(() => true), delay(ms, false, { ref: false })]),
    forget: () => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, hear);
    },
  };
}

/** Plays the plan against the server once it is there, and says how it went. @returns the exit code */
async function prove(starting: Promise<Server>, title: string, plan: Plan, options: Options): Promise<number> {
  const server = await starting;
  say(`Server ${server.url}${options.url === undefined ? ', started for this' : ''}`);
  const faults = await Promise.race([play(server.url, plan, title, options.clients), server.broken]);
  if (faults.length > 0) {
    say(...faultLines(faults));
    return 1;
  }
  say(
    'Proved: every client holds the same contiguous log for as long as it was a member, byte for byte what was sent, replies in place.',
  );
  return 0;
}

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2), process.env);
    if (options !== null) return await demo(options);
    say(USAGE);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) console.error(`demo: ${error.message}`);
    else console.error(error);
    return error instanceof UsageError ? 2 : 1;
  }
}

// Clients of a run that failed may still be waiting to reconnect: they do not keep the process.
process.exit(await main());
