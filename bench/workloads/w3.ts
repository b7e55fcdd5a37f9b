import { pool, range, sleep } from '../lib/async.ts';
import type { Connection, SendTemplate } from '../lib/connection.ts';
import { Ledger } from '../lib/ledger.ts';
import { meter } from '../lib/process.ts';
import { profile } from '../lib/profiler.ts';
import { BarePeer } from '../peers/bare.ts';
import type { Peer } from '../peers/peer.ts';
import { TidelinePeer } from '../peers/tideline.ts';
import { checkFigures, closeAll, counters, drain, settle } from './members.ts';
import { type Bench, type Figures, Results, type Series, usageFigures } from './workload.ts';

/**
 * The servers take turns, so each begins with objects that have slept. How it fares until they are up is a figure of its own, in the
 * warm-up.
 */
const WARM_UP_S = 5;

interface Pair {
  sender: Connection;
  receiver: Connection;
  template: SendTemplate;
}

interface Lane {
  peer: Peer;
  title: string;
  pairs: Pair[];
}

/**
 * W3: 200 conversations of two at once, both sides online, one message in flight each: the next is sent when the other
 * side has the last. Over room sockets, and over inbox sockets, where a message passes three objects; beside the latter stand bare
 * inboxes in front of the naive room.
 */
export async function w3(bench: Bench): Promise<Series[]> {
  const results = new Results('W3');
  const count = bench.settings.quick ? 50 : 200;
  const open = async (peer: Peer, title: string, connect: (room: string, user: number) => Promise<Connection>) => {
    const rooms = await pool(range(count), 8, (pair) => peer.createRoom('pair', [2 * pair, 2 * pair + 1]));
    const pairs = await openPairs(peer, rooms, connect);
    await settle(bench, peer);
    return { peer, title: `${count} pairs on ${title}`, pairs };
  };
  const onRooms: Lane[] = [];
  for (const peer of bench.peers) {
    await peer.prepareUsers(count * 2);
    onRooms.push(await open(peer, 'room sockets', (room, user) => peer.openRoom(room, user)));
  }
  await measureLanes(bench, results, onRooms);
  const onInboxes: Lane[] = [];
  for (const peer of bench.peers) {
    if (peer instanceof TidelinePeer) {
      onInboxes.push(await open(peer, 'inbox sockets', (room, user) => peer.followInInbox(user, room)));
    } else if (peer instanceof BarePeer && peer.target.name === 'naive') {
      onInboxes.push(await open(peer, 'inbox sockets', (room, user) => peer.openInbox(room, user, user ^ 1)));
    }
  }
  await measureLanes(bench, results, onInboxes);
  return results.all;
}

const openPairs = (
  peer: Peer,
  rooms: string[],
  open: (room: string, user: number) => Promise<Connection>,
): Promise<Pair[]> =>
  pool(range(rooms.length), 10, async (index) => {
    const room = rooms[index] ?? '';
    const sender = await open(room, 2 * index);
    const receiver = await open(room, 2 * index + 1);
    return { sender, receiver, template: peer.template(room) };
  });

async function measureLanes(bench: Bench, results: Results, lanes: Lane[]) {
  for (let run = 1; run <= bench.settings.runs; run++) {
    for (const { peer, title, pairs } of lanes) {
      const figures = await measure(bench, peer, title, pairs);
      results.add(title, peer.target.name, figures);
      bench.log(`W3 run ${run} ${peer.target.name}, ${title}: ${figures.deliveries?.toFixed(0)} msg/s`);
    }
  }
  for (const { peer, pairs } of lanes) {
    await closeAll(
      bench,
      peer,
      pairs.flatMap(({ sender, receiver }) => [sender, receiver]),
    );
  }
}

async function measure(bench: Bench, peer: Peer, title: string, pairs: Pair[]): Promise<Figures> {
  const seconds = bench.settings.quick ? 3 : 15;
  // Only the other side's copy is counted: a server may or may not give the sender one.
  const ledger = new Ledger(peer.target.name, 1);
  let sending = true;
  for (const { sender, receiver, template } of pairs) {
    receiver.ledger = ledger;
    sender.onAck = (id) => ledger.acknowledged(id, performance.now());
    receiver.onMessage = () => {
      if (sending) sender.send(template, ledger.next());
    };
  }
  const members = pairs.flatMap(({ sender, receiver }) => [sender, receiver]);
  const before = counters(members);
  for (const { sender, template } of pairs) sender.send(template, ledger.next());
  const warmUp = bench.settings.quick ? 1 : WARM_UP_S;
  await sleep(warmUp * 1000);
  const rested = ledger.delivered / warmUp;
  const profiled = await profile(peer.target, title, bench.log);
  const usage = meter(peer.target.pid);
  ledger.measuring = true;
  const start = performance.now();
  await sleep(seconds * 1000);
  const elapsed = (performance.now() - start) / 1000;
  ledger.measuring = false;
  const used = usage();
  sending = false;
  await profiled();
  await drain(ledger);
  const after = counters(members);
  for (const { sender, receiver } of pairs) {
    sender.onAck = undefined;
    receiver.onMessage = undefined;
    receiver.ledger = undefined;
  }
  return {
    deliveries: ledger.deliveredInWindow / elapsed,
    restedDeliveries: rested,
    ackP50: ledger.ack.quantile(0.5),
    ackP99: ledger.ack.quantile(0.99),
    deliverP50: ledger.deliver.quantile(0.5),
    deliverP99: ledger.deliver.quantile(0.99),
    ...usageFigures(used, ledger.deliveredInWindow),
    ...checkFigures(ledger, before, after),
  };
}
