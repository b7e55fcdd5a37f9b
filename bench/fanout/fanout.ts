import { sleep } from '../lib/async.ts';
import type { Connection } from '../lib/connection.ts';
import { meter } from '../lib/process.ts';
import { type Counts, type GroupCounts, noGroup, usedSince } from './counts.ts';
import type { Crowd, CrowdPlan } from './crowd.ts';
import type { ObservedServer } from './server.ts';

/**
 * How messages come: each long after the last, so that its room has slept; one every three seconds; ten a second; or as
 * fast as the room takes them. `typing`: no messages, but somebody types, as often as the room passes that on.
 */
export type Pattern = 'isolated' | 'conversation' | 'stream' | 'burst' | 'typing';

/** What `messages` of one pattern cost in one conversation, until everything was quiet again. */
export interface Measured {
  plan: CrowdPlan;
  pattern: Pattern;
  messages: number;
  /** Times at which the room wrote and published. */
  batches: number;
  counts: GroupCounts;
  /** Frames that came in at clients: on sockets of the room or its relays, and on sockets of inboxes. */
  roomFrames: number;
  inboxFrames: number;
  /** Of the whole server, counting included; where this was the only conversation that was active. */
  cpuMs: number | undefined;
}

/** An object without work sleeps after ten seconds. */
const SLEEP_MS = 14_000;
const CONVERSATION_MS = 3000;
const STREAM_MS = 100;
const TYPING_MS = 3500;
/** How long inboxes go on being told after the last acknowledgement. */
const AFTERMATH_MS = 500;
/** Crowds that are measured side by side begin so much apart: their work must not come all at once. */
const STAGGER_MS = 170;

const ACTS: Record<Pattern, (server: ObservedServer, crowd: Crowd, messages: number) => Promise<void>> = {
  async isolated(server, crowd, messages) {
    for (let sent = 0; sent < messages; sent++) {
      await server.quiet([crowd.plan.group]);
      await sleep(SLEEP_MS);
      await crowd.stream(1, 0);
    }
  },
  conversation: (_server, crowd, messages) => crowd.stream(messages, CONVERSATION_MS),
  stream: (_server, crowd, messages) => crowd.stream(messages, STREAM_MS),
  burst: (_server, crowd, messages) => crowd.burst(messages),
  typing: (_server, crowd, messages) => crowd.type(messages, TYPING_MS),
};

/** Runs a pattern in every conversation: side by side, or one after the other so that the CPU is that of one. */
export async function measurePattern(
  server: ObservedServer,
  crowds: Crowd[],
  pattern: Pattern,
  messages: number,
  how: 'side by side' | 'in turn',
): Promise<Measured[]> {
  const groups = crowds.map(({ plan }) => plan.group);
  const before = await server.quiet(groups);
  const books = crowds.map((crowd) => new Book(crowd, before.groups[String(crowd.plan.group)] ?? noGroup()));
  const act = (crowd: Crowd) => ACTS[pattern](server, crowd, messages);
  if (how === 'in turn') {
    for (const book of books) await book.metered(server.pid, act);
  } else {
    await Promise.all(crowds.map((crowd, index) => sleep(index * STAGGER_MS).then(() => act(crowd))));
  }
  const { groups: after } = await server.quiet(groups);
  return books.map((book) => book.close(pattern, messages, after[String(book.group)] ?? noGroup()));
}

const framesOf = (connections: Connection[]) => connections.reduce((sum, { frames }) => sum + frames, 0);

/** How a conversation stood before a pattern began. */
class Book {
  readonly #crowd: Crowd;
  readonly #before: GroupCounts;
  readonly #roomFrames: number;
  readonly #inboxFrames: number;
  readonly #batches: number;
  #cpuMs: number | undefined;

  constructor(crowd: Crowd, before: GroupCounts) {
    this.#crowd = crowd;
    this.#before = before;
    this.#roomFrames = framesOf(crowd.inRoom);
    this.#inboxFrames = framesOf(crowd.inInbox);
    this.#batches = crowd.batches;
  }

  get group(): number {
    return this.#crowd.plan.group;
  }

  /** Runs what is measured, beside nothing else. */
  async metered(pid: number, act: (crowd: Crowd) => Promise<void>): Promise<void> {
    const usage = meter(pid);
    await act(this.#crowd);
    await sleep(AFTERMATH_MS);
    this.#cpuMs = usage().serverCpuMs;
  }

  close(pattern: Pattern, messages: number, now: GroupCounts): Measured {
    const { plan, inRoom, inInbox, batches } = this.#crowd;
    return {
      plan,
      pattern,
      messages,
      batches: batches - this.#batches,
      counts: usedSince(now, this.#before),
      roomFrames: framesOf(inRoom) - this.#roomFrames,
      inboxFrames: framesOf(inInbox) - this.#inboxFrames,
      cpuMs: this.#cpuMs,
    };
  }
}

/** Statements that wrote rows, most rows first: where a figure comes from. */
export function writers({ statements }: Counts): { statement: string; written: number }[] {
  return Object.entries(statements)
    .filter(([, { written }]) => written > 0)
    .map(([statement, { written }]) => ({ statement: statement.replaceAll(/\s+/g, ' ').trim(), written }))
    .sort((a, b) => b.written - a.written);
}
