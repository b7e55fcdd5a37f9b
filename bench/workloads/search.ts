import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userId } from '../fanout/counts.ts';
import { Crowd } from '../fanout/crowd.ts';
import { ObservedServer } from '../fanout/server.ts';
import { clientIdOf } from '../lib/body.ts';
import type { Connection } from '../lib/connection.ts';
import { Histogram } from '../lib/histogram.ts';
import { meter } from '../lib/process.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { closeAll, settle } from './members.ts';
import { type Bench, Results, type Series } from './workload.ts';

const DATA = new URL('../../../shared/data/ubuntu-irc/', import.meta.url);
/** Frames in one array on a socket. */
const AT_ONCE = 100;
/** Messages that come into a room in which somebody searches. */
const FOLLOWED = 1000;
const MARKS = ['好世界', '东京塔', '회의실', 'naïve', 'Straße'];

/** Lines of real conversations; built-in ones where the logs are not at hand. */
function lines(): string[] {
  try {
    const files = readdirSync(DATA).filter((name) => name.endsWith('.raw.txt'));
    return files
      .flatMap((name) => readFileSync(join(DATA.pathname, name), 'utf8').split('\n'))
      .map((line) => line.replace(/^\[\d\d:\d\d\] (<[^>]*>)?/, '').trim())
      .filter((line) => line.length > 5);
  } catch {
    return Array.from({ length: 500 }, (_, i) => `line ${i} of a talk about drivers, kernels and package ${i * 7}`);
  }
}

/** The text of message `i`: a real line with words of its own. */
const textOf = (all: string[], i: number): string =>
  `${all[i % all.length] ?? ''} v${(i * 2654435761) % 9973}${i % 50 === 0 ? ` ${MARKS[(i / 50) % MARKS.length] ?? ''}` : ''}`;

const QUERIES: [string, string][] = [
  ['a rare word', 'v1234'],
  ['a common word', 'the'],
  ['three common words', 'the you to'],
  ['a phrase', '"do you"'],
  ['a prefix', 'ker*'],
  ['a word and not another', 'ubuntu -install'],
  ['two Chinese characters', '世界'],
  ['one Chinese character', '塔'],
  ['an accent', 'naive'],
  ['no match', 'xyzzyxyzzy'],
];

/**
 * SEARCH: in a room of 100,000 real-looking messages, over REST beside a call that finds the newest page, and in the room beside a
 * plain look at every message.
 */
export async function search(bench: Bench): Promise<Series[]> {
  const results = new Results('SEARCH');
  const peer = bench.tideline;
  if (peer === undefined) return results.all;
  const count = bench.settings.quick ? 5_000 : 100_000;
  const calls = bench.settings.quick ? 20 : 100;
  await peer.prepareUsers(2);
  const room = await peer.createRoom('group', [0, 1]);
  const sender = await peer.openRoom(room, 0);
  const all = lines();
  await say(sender, room, all, { from: 0, count });
  await closeAll(bench, peer, [sender]);
  await settle(bench, peer);

  const first = performance.now();
  await until('all messages are read in', async () => (await ask(peer, room, 'v1', 'newest')).complete);
  results.add(`${count} messages read in by the first search`, 'tideline', {
    seconds: (performance.now() - first) / 1000,
  });

  for (let run = 1; run <= bench.settings.runs; run++) {
    const { token } = peer.account(0);
    results.add(
      'the newest page, for comparison',
      'tideline',
      await timed(peer.target.pid, calls, () => peer.http.send('GET', `/api/chats/${room}/messages?limit=20`, token)),
    );
    for (const sort of ['newest', 'relevance'] as const) {
      for (const [title, q] of QUERIES) {
        results.add(
          `${title}, ${sort}`,
          'tideline',
          await timed(peer.target.pid, calls, () => ask(peer, room, q, sort)),
        );
      }
    }
  }
  await inTheRoom(bench, results, all, { count, calls });
  return results.all;
}

/**
 * The same in the room itself, called by its Worker as it is by any: the index beside a look at every message. And what the
 * index costs in rows. On a server that counts, which is slower by that.
 */
async function inTheRoom(
  bench: Bench,
  results: Results,
  all: string[],
  { count, calls }: { count: number; calls: number },
): Promise<void> {
  const server = await ObservedServer.start();
  try {
    const plan = { group: 0, type: 'Group', members: 2, online: 0, real: 2, inRoom: 1, clients: 'silent' } as const;
    const crowd = await Crowd.gather(server, plan);
    await crowd.open();
    const [sender] = crowd.inRoom;
    if (sender === undefined) throw new Error('nobody is in the room');
    const call = <T>(method: string, ...args: unknown[]) => server.ask<T>('room', { name: crowd.chat, method, args });
    const find = (q: string, sort: string) =>
      call<{ value: { complete: boolean } }>('search', userId(0, 0), { q, sort, limit: 20 });
    let rows = await written(server);
    const per = async (messages: number) => {
      const before = rows;
      rows = await written(server);
      return { roomRowsWritten: (rows - before) / messages };
    };

    await say(sender, crowd.chat, all, { from: 0, count });
    results.add(`${count} messages into a room that nobody has searched`, 'tideline', await per(count));
    await until('all messages are read in', async () => (await find('v1', 'newest')).value.complete);
    results.add(`${count} messages read in, in the room`, 'tideline', await per(count));
    for (let from = count; from < count + FOLLOWED; from += AT_ONCE) {
      await say(sender, crowd.chat, all, { from, count: AT_ONCE });
      await find('v1', 'newest');
    }
    results.add(`messages into it, with a search after every ${AT_ONCE}`, 'tideline', await per(FOLLOWED));

    for (let run = 1; run <= bench.settings.runs; run++) {
      for (const [title, q] of QUERIES) {
        results.add(`${title}, in the room`, 'tideline', await timed(server.pid, calls, () => find(q, 'newest')));
        if (!/^[\p{L}\p{N}]+$/u.test(q)) continue;
        const look = () => call<number>('scan', q, 20);
        results.add(
          `${title}, in the room, by a look at every message`,
          'tideline',
          await timed(server.pid, calls, look),
        );
      }
    }
    crowd.close();
  } finally {
    await server.stop();
  }
}

/** Rows that the room has written so far. */
const written = async (server: ObservedServer): Promise<number> =>
  (await server.quiet([0], 120_000)).groups['0']?.room.rowsWritten ?? 0;

/** Sends messages as fast as they are acknowledged. */
async function say(
  sender: Connection,
  room: string,
  all: string[],
  { from, count }: { from: number; count: number },
): Promise<void> {
  for (let first = from; first < from + count; first += AT_ONCE) {
    const frames = Array.from({ length: Math.min(AT_ONCE, from + count - first) }, (_, k) => ({
      t: 'send',
      client_id: clientIdOf(first + k),
      chat_id: room,
      kind: 'text',
      content: textOf(all, first + k),
    }));
    const acked = sender.acks + frames.length;
    for (const frame of frames) sender.sendFrame(frame);
    await until('messages are acknowledged', () => sender.acks >= acked);
  }
}

/** Looks again and again until `holds`. Throws after 30 s. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function ask(peer: TidelinePeer, room: string, q: string, sort: string): Promise<{ complete: boolean }> {
  const query = new URLSearchParams({ q, sort, limit: '20' });
  return peer.http.json([200], 'GET', `/api/chats/${room}/search?${query}`, peer.account(0).token);
}

async function timed(pid: number, calls: number, call: () => Promise<unknown>) {
  const durations = new Histogram();
  const usage = meter(pid);
  for (let k = 0; k < calls; k++) {
    const start = performance.now();
    await call();
    durations.add(performance.now() - start);
  }
  return {
    callP50: durations.quantile(0.5),
    callP95: durations.quantile(0.95),
    serverCpuPerCall: usage().serverCpuMs / calls,
  };
}
