import { pool, range } from '../lib/async.ts';
import { Histogram } from '../lib/histogram.ts';
import { meter } from '../lib/process.ts';
import { profile } from '../lib/profiler.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { settle } from './members.ts';
import { latestCursor } from './w4.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

/** Users of their own, so that what other workloads did to theirs does not matter here. */
const OTHER = 7;
const FEW = { user: 8, chats: 10 };
const MANY = { user: 9, chats: 1000 };

/** Sync with nothing new: what it costs must not depend on how many conversations the user has. */
export async function nothingNew(bench: Bench): Promise<Series[]> {
  const results = new Results('SYNC');
  const peer = bench.tideline;
  if (peer === undefined) return [];
  const { quick, runs } = bench.settings;
  const many = { ...MANY, chats: quick ? 100 : MANY.chats };
  await peer.prepareUsers(MANY.user + 1);
  for (const { user, chats } of [FEW, many]) await pool(range(chats), 8, () => peer.createRoom('group', [OTHER, user]));
  await settle(bench, peer);
  const calls = quick ? 100 : 600;
  for (let run = 0; run <= runs; run++) {
    await peer.prepareUsers(MANY.user + 1);
    for (const { user, chats } of [FEW, many]) {
      const figures = await measure(peer, user, await latestCursor(peer, user), calls, bench.log);
      if (run === 0) continue; // the first round warms up
      results.add(`nothing new with ${chats} conversations`, 'tideline', figures);
      bench.log(`SYNC run ${run}, ${chats} conversations: p50 ${figures.callP50?.toFixed(2)} ms`);
    }
  }
  return results.all;
}

async function measure(
  peer: TidelinePeer,
  user: number,
  cursor: string,
  calls: number,
  log: (line: string) => void,
): Promise<Figures> {
  const { token } = peer.account(user);
  const path = `/api/sync?cursor=${encodeURIComponent(cursor)}`;
  const durations = new Histogram();
  const profiled = await profile(peer.target, `sync of user ${user}`, log);
  const usage = meter(peer.target.pid);
  let bytes = 0;
  let errors = 0;
  for (let call = 0; call < calls; call++) {
    const start = performance.now();
    const answer = await peer.http.send('GET', path, token);
    durations.add(performance.now() - start);
    bytes += answer.bytes;
    if (answer.status !== 200 || !answer.body.includes('"changes":[]')) errors++;
  }
  const used = usage();
  await profiled();
  return {
    callP50: durations.quantile(0.5),
    callP99: durations.quantile(0.99),
    serverCpuPerCall: used.serverCpuMs / calls,
    bytesPerCall: bytes / calls,
    serverCores: used.serverCores,
    generatorLoop: used.generatorLoop,
    errors,
  };
}
