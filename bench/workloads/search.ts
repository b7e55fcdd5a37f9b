import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientIdOf } from '../lib/body.ts';
import { Histogram } from '../lib/histogram.ts';
import { meter } from '../lib/process.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { closeAll, settle } from './members.ts';
import { type Bench, Results, type Series } from './workload.ts';

const DATA = new URL('../../../shared/data/ubuntu-irc/', import.meta.url);
/** Frames in one array on a socket. */
const AT_ONCE = 100;
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

/** SEARCH: in a room of 100,000 real-looking messages, over REST, beside a call that finds the newest page. */
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
  for (let from = 0; from < count; from += AT_ONCE) {
    const frames = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, k) => ({
      t: 'send',
      client_id: clientIdOf(from + k),
      chat_id: room,
      kind: 'text',
      content: textOf(all, from + k),
    }));
    const acked = sender.acks + frames.length;
    for (const frame of frames) sender.sendFrame(frame);
    await until('messages are acknowledged', () => sender.acks >= acked);
  }
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
      await timed(peer, calls, () => peer.http.send('GET', `/api/chats/${room}/messages?limit=20`, token)),
    );
    for (const sort of ['newest', 'relevance'] as const) {
      for (const [title, q] of QUERIES) {
        results.add(`${title}, ${sort}`, 'tideline', await timed(peer, calls, () => ask(peer, room, q, sort)));
      }
    }
  }
  return results.all;
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

async function timed(peer: TidelinePeer, calls: number, call: () => Promise<unknown>) {
  const durations = new Histogram();
  const usage = meter(peer.target.pid);
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
