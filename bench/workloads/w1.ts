import { sleep } from '../lib/async.ts';
import { Ledger } from '../lib/ledger.ts';
import { meter } from '../lib/process.ts';
import { profile } from '../lib/profiler.ts';
import type { Peer } from '../peers/peer.ts';
import { checkFigures, closeAll, counters, drain, type OpenRoom, openGroup } from './members.ts';
import { type Bench, type Figures, Results, type Series, usageFigures } from './workload.ts';

const IN_FLIGHT = 20;
const MAX_SENDERS = 4;
/** A window ends when this many times the messages in flight were acknowledged, so that slow servers count evenly too. */
const ROUNDS = 4;
const LONGEST_WINDOW_MS = 20_000;

/** W1: group throughput. All members on room sockets, up to four senders with 20 messages in flight each. */
export async function w1(bench: Bench): Promise<Series[]> {
  const results = new Results('W1');
  for (const size of bench.settings.sizes) {
    const rooms = new Map<Peer, OpenRoom>();
    for (const peer of bench.peers) rooms.set(peer, await openGroup(bench, peer, size));
    for (let run = 1; run <= bench.settings.runs; run++) {
      for (const [peer, room] of rooms) {
        const figures = await measure(bench, peer, room);
        results.add(`group of ${size}`, peer.target.name, figures);
        const rates = `${figures.accepted?.toFixed(0)} msg/s, ${figures.deliveries?.toFixed(0)} deliveries/s`;
        bench.log(`W1 N=${size} run ${run} ${peer.target.name}: ${rates}`);
      }
    }
    for (const [peer, { members }] of rooms) await closeAll(bench, peer, members);
  }
  return results.all;
}

async function measure(bench: Bench, peer: Peer, { id: room, members }: OpenRoom): Promise<Figures> {
  const warmMs = bench.settings.quick ? 500 : 1000;
  const windowMs = bench.settings.quick ? 1500 : 4000;
  const ledger = new Ledger(peer.target.name, members.length);
  for (const member of members) member.ledger = ledger;
  const senders = members.slice(0, MAX_SENDERS);
  const template = peer.template(room);
  const acknowledged = senders.map(() => 0);
  let sending = true;

  const before = counters(members);
  const usage = meter(peer.target.pid);
  senders.forEach((sender, index) => {
    sender.onAck = () => {
      if (ledger.measuring) acknowledged[index] = (acknowledged[index] ?? 0) + 1;
      if (sending) sender.send(template, ledger.next());
    };
    for (let k = 0; k < IN_FLIGHT; k++) sender.send(template, ledger.next());
  });

  await sleep(warmMs);
  const profiled = await profile(peer.target, `group of ${members.length}`, bench.log);
  ledger.measuring = true;
  const start = performance.now();
  const rounds = ROUNDS * IN_FLIGHT * senders.length;
  const enough = (ms: number) => ms >= LONGEST_WINDOW_MS || (ms >= windowMs && ledger.ackedInWindow >= rounds);
  while (!enough(performance.now() - start)) await sleep(20);
  const seconds = (performance.now() - start) / 1000;
  ledger.measuring = false;
  sending = false;
  await profiled();

  await drain(ledger);
  // CPU per delivery is taken from the first send to the last delivery: a window would cut through batches.
  const used = usage();
  await sleep(200); // whatever is delivered beyond what was due shows up now
  const after = counters(members);
  for (const sender of senders) sender.onAck = undefined;
  for (const member of members) member.ledger = undefined;
  return {
    accepted: ledger.ackedInWindow / seconds,
    deliveries: ledger.deliveredInWindow / seconds,
    ackP50: ledger.ack.quantile(0.5),
    ackP99: ledger.ack.quantile(0.99),
    deliverP50: ledger.deliver.quantile(0.5),
    deliverP99: ledger.deliver.quantile(0.99),
    slowestSender: (Math.min(...acknowledged) * senders.length) / ledger.ackedInWindow,
    kilobytesPerThousand: (after.bytes - before.bytes) / ledger.delivered,
    perFrame: (after.messages - before.messages) / (after.frames - before.frames),
    ...usageFigures(used, ledger.delivered),
    ...checkFigures(ledger, before, after),
  };
}
