import { userId } from '../fanout/counts.ts';
import { Crowd, type CrowdPlan } from '../fanout/crowd.ts';
import { ObservedServer } from '../fanout/server.ts';
import { range, sleep } from '../lib/async.ts';
import { Histogram } from '../lib/histogram.ts';
import { meter } from '../lib/process.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

const FULL = { readers: 200, messages: 100, voters: 10_000, calls: 200 };
const QUICK: typeof FULL = { readers: 50, messages: 20, voters: 1000, calls: 50 };
/** Each reader reads the next message after so long, in ms. */
const READ_MS = 50;
/** Nothing more is told when nothing came for so long, in ms. */
const QUIET_MS = 2000;
/** Votes in one request of the bench. */
const AT_ONCE = 500;
const OPTIONS = ['six', 'seven', 'eight'];

const planOf = (group: number, members: number, inRoom: number): CrowdPlan => ({
  group,
  type: 'Group',
  members,
  online: 0,
  real: inRoom,
  inRoom,
  clients: 'silent',
});

/** SIGNS: what a room is told when all of it reads message by message, and what it takes to say how a large poll stands. */
export async function signs(bench: Bench): Promise<Series[]> {
  const results = new Results('SIGNS');
  const { readers, messages, voters, calls } = bench.settings.quick ? QUICK : FULL;
  // Counts are the same in each run: one is enough.
  const server = await ObservedServer.start();
  try {
    const read = await receipts(server, readers, messages);
    results.add(`a room of ${readers} in which each reads ${messages} messages one by one`, 'tideline', read);
    bench.log(`SIGNS: ${read.receiptMessages} messages told of ${read.marks} marks`);
    results.add(`how a poll with ${voters} votes stands`, 'tideline', await poll(server, voters, calls));
  } finally {
    await server.stop();
  }
  return results.all;
}

async function receipts(server: ObservedServer, readers: number, messages: number) {
  const crowd = await Crowd.gather(server, planOf(0, readers, readers));
  await crowd.open();
  await crowd.stream(messages, READ_MS);
  await sleep(QUIET_MS);
  const sum = (count: 'frames' | 'receipts') => crowd.inRoom.reduce((total, one) => total + one[count], 0);
  const before = { frames: sum('frames'), receipts: sum('receipts') };
  const head = Math.max(...crowd.inRoom.map(({ headSeq }) => headSeq));
  for (const seq of range(messages, head - messages + 1)) {
    for (const reader of crowd.inRoom) reader.sendFrame({ t: 'read', chat_id: crowd.chat, seq });
    await sleep(READ_MS);
  }
  for (let seen = -1; seen < sum('frames'); await sleep(QUIET_MS)) seen = sum('frames');
  const receiptMessages = sum('frames') - before.frames;
  const errors = crowd.inRoom.reduce((total, one) => total + one.errors, 0);
  const dropped = crowd.inRoom.filter(({ closedWith }) => closedWith !== undefined).length;
  crowd.close();
  return {
    marks: readers * messages,
    receiptMessages,
    receiptsTold: sum('receipts') - before.receipts,
    perSocket: receiptMessages / readers,
    errors,
    dropped,
  } satisfies Figures;
}

async function poll(server: ObservedServer, voters: number, calls: number): Promise<Figures> {
  const group = 1;
  const { chat } = await Crowd.gather(server, planOf(group, voters, 0));
  const call = <T>(method: string, ...args: unknown[]) =>
    server.ask<{ value: T }>('room', { name: chat, method, args }).then(({ value }) => value);
  const message = { client_id: 'poll', kind: 'poll', content: '?', poll: { options: OPTIONS } };
  const { seq } = await call<{ seq: number }>('send', userId(group, 0), message);
  for (let from = 0; from < voters; from += AT_ONCE) {
    const each = range(Math.min(AT_ONCE, voters - from), from).map((index) => [
      userId(group, index),
      seq,
      [index % OPTIONS.length],
    ]);
    await server.ask('roomAll', { name: chat, method: 'vote', each });
  }
  const rowsRead = async () => (await server.quiet([group], 120_000)).groups[String(group)]?.room.rowsRead ?? 0;
  const before = await rowsRead();
  const { results } = await call<{ results: { voters: number } }>('poll', userId(group, 0), seq);
  const rowsPerCall = (await rowsRead()) - before;
  const durations = new Histogram();
  const usage = meter(server.pid);
  for (let k = 0; k < calls; k++) {
    const start = performance.now();
    await call('poll', userId(group, k), seq);
    durations.add(performance.now() - start);
  }
  return {
    callP50: durations.quantile(0.5),
    callP95: durations.quantile(0.95),
    serverCpuPerCall: usage().serverCpuMs / calls,
    rowsPerCall,
    missing: voters - results.voters,
  };
}
