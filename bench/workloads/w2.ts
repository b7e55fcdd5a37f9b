import { sleep } from '../lib/async.ts';
import { Ledger } from '../lib/ledger.ts';
import { meter } from '../lib/process.ts';
import { checkFigures, closeAll, counters, drain, openGroup } from './members.ts';
import { type Bench, Results, type Series, usageFigures } from './workload.ts';

const MEMBERS = 50;
const PER_SECOND = 10;
const SENDERS = 4;

/**
 * W2: latency without load. A room of 50, ten messages a second for 20 s. The servers take their turns within the same
 * second, so that whatever disturbs the machine disturbs all of them.
 */
export async function w2(bench: Bench): Promise<Series[]> {
  const results = new Results('W2');
  const rooms = [];
  for (const peer of bench.peers) rooms.push({ peer, ...(await openGroup(bench, peer, MEMBERS)) });
  for (let run = 0; run <= bench.settings.runs; run++) {
    const warmUp = run === 0;
    const seconds = warmUp ? 2 : bench.settings.quick ? 4 : 20;
    const lanes = rooms.map(({ peer, id, members }) => {
      const ledger = new Ledger(peer.target.name, members.length);
      ledger.measuring = true;
      for (const member of members) member.ledger = ledger;
      const before = counters(members);
      return { peer, members, template: peer.template(id), ledger, before, usage: meter(peer.target.pid) };
    });
    const start = performance.now();
    const step = 1000 / PER_SECOND / lanes.length;
    for (let turn = 0; turn < seconds * PER_SECOND * lanes.length; turn++) {
      const wait = start + turn * step - performance.now();
      if (wait > 0) await sleep(wait);
      const lane = lanes[turn % lanes.length];
      const sender = lane?.members[Math.floor(turn / lanes.length) % SENDERS];
      if (lane && sender) sender.send(lane.template, lane.ledger.next());
    }
    for (const lane of lanes) {
      await drain(lane.ledger);
      const used = lane.usage();
      const after = counters(lane.members);
      for (const member of lane.members) member.ledger = undefined;
      if (warmUp) continue;
      const { ledger, peer } = lane;
      results.add(`room of ${MEMBERS}, ${PER_SECOND} msg/s`, peer.target.name, {
        ackP50: ledger.ack.quantile(0.5),
        ackP99: ledger.ack.quantile(0.99),
        lastP50: ledger.last.quantile(0.5),
        lastP99: ledger.last.quantile(0.99),
        ...usageFigures(used, ledger.delivered),
        ...checkFigures(ledger, lane.before, after),
      });
      bench.log(`W2 run ${run} ${peer.target.name}: ack p50 ${ledger.ack.quantile(0.5).toFixed(2)} ms`);
    }
  }
  for (const { peer, members } of rooms) await closeAll(bench, peer, members);
  return results.all;
}
