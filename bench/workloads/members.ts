import { pool, range, sleep } from '../lib/async.ts';
import type { Connection } from '../lib/connection.ts';
import type { Ledger } from '../lib/ledger.ts';
import { cpuMs } from '../lib/process.ts';
import type { Peer } from '../peers/peer.ts';
import type { Bench, Figures } from './workload.ts';

const OPENED_AT_ONCE = 20;

export interface OpenRoom {
  id: string;
  members: Connection[];
}

/** A group of users 0 … size-1, all on room sockets. */
export async function openGroup(bench: Bench, peer: Peer, size: number): Promise<OpenRoom> {
  await peer.prepareUsers(size);
  const id = await peer.createRoom('group', range(size));
  const members = await pool(range(size), OPENED_AT_ONCE, (user) => peer.openRoom(id, user));
  await settle(bench, peer);
  return { id, members };
}

/** Waits until the server has nothing left to do, so that none of it lands in the next measurement. */
export async function settle(bench: Bench, peer: Peer): Promise<void> {
  const start = performance.now();
  for (let before = cpuMs(peer.target.pid); performance.now() - start < 30_000; ) {
    await sleep(400);
    const now = cpuMs(peer.target.pid);
    if (now - before < 25) break;
    before = now;
  }
  const seconds = (performance.now() - start) / 1000;
  if (seconds > 3) bench.log(`${peer.target.name}: quiet after ${seconds.toFixed(1)} s`);
}

export async function closeAll(bench: Bench, peer: Peer, members: Connection[]): Promise<void> {
  for (const member of members) member.close();
  await sleep(200);
  await settle(bench, peer);
}

/** What connections have counted so far; the difference of two belongs to the run between them. */
export function counters(members: readonly Connection[]) {
  const sum = (count: (member: Connection) => number) => members.reduce((total, member) => total + count(member), 0);
  return {
    bytes: sum((member) => member.bytesIn),
    frames: sum((member) => member.frames),
    messages: sum((member) => member.messages),
    errors: sum((member) => member.errors),
    lags: sum((member) => member.lags),
    fetched: sum((member) => member.fetched),
    gaps: sum((member) => member.gaps),
    dropped: sum((member) => (member.closedWith === undefined ? 0 : 1)),
  };
}

type Counters = ReturnType<typeof counters>;

export function checkFigures(ledger: Ledger, before: Counters, after: Counters): Figures {
  const { missing, doubled } = ledger.verify();
  const unacknowledged = ledger.sent - ledger.acked;
  return {
    missing,
    doubled,
    gaps: after.gaps - before.gaps,
    lags: after.lags - before.lags,
    fetched: after.fetched - before.fetched,
    errors: after.errors - before.errors + ledger.strays + Math.abs(unacknowledged),
    dropped: after.dropped - before.dropped,
  };
}

/** Waits until everything sent is acknowledged and delivered, or nothing has moved for ten seconds. */
export async function drain(ledger: Ledger): Promise<void> {
  let progress = 0;
  for (let moved = performance.now(); ledger.outstanding > 0 && performance.now() - moved < 10_000; ) {
    await sleep(10);
    const now = ledger.acked + ledger.delivered;
    if (now === progress) continue;
    progress = now;
    moved = performance.now();
  }
}
