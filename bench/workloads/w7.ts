import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pool, range } from '../lib/async.ts';
import type { Connection } from '../lib/connection.ts';
import { Histogram } from '../lib/histogram.ts';
import { meter } from '../lib/process.ts';
import type { Peer } from '../peers/peer.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { fill } from './fill.ts';
import { closeAll, settle } from './members.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

const SENDERS = 4;
const PAGE = 50;

function diskBytes(dir: string): number {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** W7: reading a log of 1,000,000 messages: its newest page, and a page from anywhere in it. */
export async function w7(bench: Bench): Promise<Series[]> {
  const results = new Results('W7');
  const count = bench.settings.quick ? 20_000 : 1_000_000;
  const calls = bench.settings.quick ? 50 : 400;
  for (const peer of bench.peers.filter(({ target }) => target.name !== 'naive')) {
    await peer.prepareUsers(SENDERS);
    const room = await peer.createRoom('group', range(SENDERS));
    const senders = await pool(range(SENDERS), SENDERS, (user) => peer.openRoom(room, user));
    await settle(bench, peer);
    const empty = diskBytes(peer.target.stateDir);
    const lanes = senders.map((sender) => ({ sender, room }));
    const start = performance.now();
    await fill(peer, lanes, count);
    const fillPerSecond = (count / (performance.now() - start)) * 1000;
    await settle(bench, peer);
    const bytes = (diskBytes(peer.target.stateDir) - empty) / count;
    results.add(`${count} messages in one room`, peer.target.name, { fillPerSecond, diskBytes: bytes });
    bench.log(`W7 ${peer.target.name}: filled at ${fillPerSecond.toFixed(0)} msg/s`);
    await closeAll(bench, peer, senders);

    for (let run = 1; run <= bench.settings.runs; run++) {
      await peer.prepareUsers(SENDERS);
      const device = await peer.openRoom(room, 0);
      const newest = await overPulls(peer, device, calls, () => count - PAGE);
      results.add(`newest page of ${count}, pulled on a socket`, peer.target.name, newest);
      const anywhere = await overPulls(peer, device, calls, () => Math.floor(Math.random() * (count - PAGE)));
      results.add(`page from anywhere in ${count}, pulled on a socket`, peer.target.name, anywhere);
      device.close();
    }
    if (peer !== bench.tideline) continue;
    for (let run = 1; run <= bench.settings.runs; run++) {
      const newest = await overRest(bench.tideline, room, calls, () => '');
      results.add(`newest page of ${count}, over REST`, 'tideline', newest);
      const before = () => `&before=${PAGE + 1 + Math.floor(Math.random() * (count - PAGE))}`;
      results.add(
        `page from anywhere in ${count}, over REST`,
        'tideline',
        await overRest(bench.tideline, room, calls, before),
      );
    }
  }
  return results.all;
}

async function overPulls(peer: Peer, device: Connection, calls: number, after: () => number): Promise<Figures> {
  const durations = new Histogram();
  const usage = meter(peer.target.pid);
  const before = device.messages;
  for (let call = 0; call < calls; call++) {
    const start = performance.now();
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no page in 10 s')), 10_000);
      device.onEvents = () => {
        clearTimeout(late);
        resolve();
      };
      device.pull(after(), PAGE);
    });
    durations.add(performance.now() - start);
    device.confirm();
  }
  device.onEvents = undefined;
  const used = usage();
  return {
    callP50: durations.quantile(0.5),
    callP99: durations.quantile(0.99),
    serverCpuPerCall: used.serverCpuMs / calls,
    missing: calls * PAGE - (device.messages - before),
  };
}

async function overRest(peer: TidelinePeer, room: string, calls: number, query: () => string): Promise<Figures> {
  const { token } = peer.account(0);
  const durations = new Histogram();
  const usage = meter(peer.target.pid);
  let bytes = 0;
  let errors = 0;
  for (let call = 0; call < calls; call++) {
    const start = performance.now();
    const answer = await peer.http.send('GET', `/api/chats/${room}/messages?limit=${PAGE}${query()}`, token);
    durations.add(performance.now() - start);
    bytes += answer.bytes;
    if (answer.status !== 200) errors++;
  }
  const used = usage();
  return {
    callP50: durations.quantile(0.5),
    callP99: durations.quantile(0.99),
    serverCpuPerCall: used.serverCpuMs / calls,
    bytesPerCall: bytes / calls,
    errors,
  };
}
