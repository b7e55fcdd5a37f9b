import { pool, range, sleep } from '../lib/async.ts';
import type { Connection } from '../lib/connection.ts';
import { meter, residentBytes } from '../lib/process.ts';
import { profile } from '../lib/profiler.ts';
import type { Peer } from '../peers/peer.ts';
import { TidelinePeer } from '../peers/tideline.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

const AT_ONCE = 50;
const WARM_UP = 50;
/** Idle time after which an object hibernates, with some to spare. */
const HIBERNATED_MS = 14_000;

/**
 * W5: users who have their tokens connect, 50 at a time, each until its first inbox frame is there; then what an idle
 * connection costs in memory, at once and after hibernation. The bare objects have one object and one socket per user.
 */
export async function w5(bench: Bench): Promise<Series[]> {
  const results = new Results('W5');
  const count = bench.settings.quick ? 100 : 2000;
  const peers = bench.peers.filter(({ target }) => target.name !== 'ceiling');
  for (const peer of peers) await peer.prepareUsers(count + WARM_UP);
  for (let run = 1; run <= bench.settings.runs; run++) {
    for (const peer of peers) {
      await peer.prepareUsers(count + WARM_UP);
      // Memory that earlier work has left with the process would hide what connections take.
      await bench.restart(peer);
      const figures = await measure(bench, peer, count);
      results.add(`${count} users, ${AT_ONCE} at a time`, peer.target.name, figures);
      bench.log(`W5 run ${run} ${peer.target.name}: ${figures.connects?.toFixed(0)} connects/s`);
    }
  }
  return results.all;
}

/** Tideline's user is connected when the inbox has told where it stands. */
const connect = (peer: Peer, user: number): Promise<Connection> =>
  peer instanceof TidelinePeer ? peer.openInbox(user) : peer.openRoom(`user-${user}`, user);

async function measure(bench: Bench, peer: Peer, count: number): Promise<Figures> {
  const warm = await pool(range(WARM_UP, count), AT_ONCE, (user) => connect(peer, user));
  for (const connection of warm) connection.close();
  await sleep(1500);
  const { pid } = peer.target;
  const before = residentBytes(pid);
  const profiled = await profile(peer.target, `${count} connects`, bench.log);
  const usage = meter(pid);
  const start = performance.now();
  const connections = await pool(range(count), AT_ONCE, (user) => connect(peer, user));
  const seconds = (performance.now() - start) / 1000;
  const used = usage();
  await profiled();
  await sleep(3000);
  const idle = residentBytes(pid);
  await sleep(bench.settings.quick ? 1000 : HIBERNATED_MS);
  const hibernated = residentBytes(pid);
  const dropped = connections.filter(({ closedWith }) => closedWith !== undefined).length;
  for (const connection of connections) connection.close();
  await sleep(500);
  return {
    connects: count / seconds,
    serverCpuPerConnect: used.serverCpuMs / count,
    idleKb: (idle - before) / count / 1024,
    hibernatedKb: (hibernated - before) / count / 1024,
    serverCores: used.serverCores,
    generatorCores: used.generatorCores,
    generatorLoop: used.generatorLoop,
    otherCores: used.otherCores,
    errors: connections.reduce((sum, { errors }) => sum + errors, 0),
    dropped,
  };
}
