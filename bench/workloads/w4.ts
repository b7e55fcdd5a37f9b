import { pool, range } from '../lib/async.ts';
import { findMark, readId, readNumber, TEXT_BYTES } from '../lib/body.ts';
import { HttpClient } from '../lib/http.ts';
import { meter } from '../lib/process.ts';
import type { Peer } from '../peers/peer.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { fill } from './fill.ts';
import { closeAll, settle } from './members.ts';
import { type Bench, type Figures, Results, type Series } from './workload.ts';

const SENDERS = 4;
const PAGE = 500;
const ROOMS = 1000;
const ACTIVE_ROOMS = 200;
const LAST_SEQ = Buffer.from('"seq":');

/** W4: a device that was away while 10,000 messages came, in one room and spread over 200 of its 1,000 rooms. */
export async function w4(bench: Bench): Promise<Series[]> {
  const results = new Results('W4');
  const count = bench.settings.quick ? 2000 : 10_000;
  await oneRoom(bench, results, count);
  if (bench.tideline) await manyRooms(bench, bench.tideline, results, count);
  return results.all;
}

/** The numbers that a device received: each must be there once. */
class Inventory {
  readonly #seen = new Set<number>();
  doubled = 0;

  /** Notes the messages in `data`; called after the clock was stopped. */
  note(data: Buffer): void {
    for (let at = findMark(data, 0, data.length); at >= 0; at = findMark(data, at + TEXT_BYTES, data.length)) {
      const id = readId(data, at + 2);
      if (this.#seen.has(id)) this.doubled++;
      this.#seen.add(id);
    }
  }

  get size(): number {
    return this.#seen.size;
  }
}

async function oneRoom(bench: Bench, results: Results, count: number): Promise<void> {
  const away = SENDERS;
  const rooms = new Map<Peer, string>();
  for (const peer of bench.peers) {
    await peer.prepareUsers(SENDERS + 1);
    const room = await peer.createRoom('group', range(SENDERS + 1));
    rooms.set(peer, room);
    const senders = await pool(range(SENDERS), SENDERS, (user) => peer.openRoom(room, user));
    const lanes = senders.map((sender) => ({ sender, room }));
    await fill(peer, lanes, count);
    await closeAll(bench, peer, senders);
  }
  for (let run = 1; run <= bench.settings.runs; run++) {
    for (const [how, compressed] of [
      ['pulled on a socket', false],
      ['pulled on a socket that offers permessage-deflate', true],
    ] as const) {
      for (const [peer, room] of rooms) {
        const figures = await overPulls(peer, room, away, count, compressed);
        results.add(`${count} messages in one room, ${how}`, peer.target.name, figures);
        bench.log(`W4 run ${run} ${peer.target.name}: ${how} in ${figures.seconds?.toFixed(3)} s`);
      }
    }
    const tideline = bench.tideline;
    const room = tideline && rooms.get(tideline);
    if (tideline === undefined || room === undefined) continue;
    for (const [how, gzip] of [
      ['over REST', false],
      ['over REST, compressed', true],
    ] as const) {
      const figures = await overRest(tideline, room, away, count, gzip);
      results.add(`${count} messages in one room, ${how}`, 'tideline', figures);
      bench.log(`W4 run ${run} tideline: read ${how} in ${figures.seconds?.toFixed(3)} s`);
    }
  }
}

/** From opening the socket until the last page is there. */
async function overPulls(peer: Peer, room: string, user: number, count: number, compressed: boolean): Promise<Figures> {
  await peer.prepareUsers(user + 1);
  const pages: Buffer[] = [];
  const usage = meter(peer.target.pid);
  const start = performance.now();
  const device = await peer.openRoom(room, user, compressed);
  let roundTrips = 0;
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('catch-up by pulls took over 60 s')), 60_000);
    device.onEvents = (data, from, to) => {
      pages.push(Buffer.from(data.subarray(from, to)));
      const seq = lastSeqOf(data, from, to);
      if (seq >= device.headSeq) {
        clearTimeout(late);
        resolve();
        return;
      }
      device.confirm();
      roundTrips++;
      device.pull(seq, PAGE);
    };
    roundTrips++;
    device.pull(0, PAGE);
  });
  const seconds = (performance.now() - start) / 1000;
  const used = usage();
  const bytes = device.bytesIn;
  device.close();
  const got = new Inventory();
  for (const page of pages) got.note(page);
  return {
    seconds,
    megabytes: bytes / 1e6,
    roundTrips,
    messages: got.size,
    serverCpuPerThousand: (used.serverCpuMs / count) * 1000,
    generatorLoop: used.generatorLoop,
    missing: count - got.size,
    doubled: got.doubled,
    errors: device.errors,
  };
}

async function overRest(
  peer: TidelinePeer,
  room: string,
  user: number,
  count: number,
  gzip: boolean,
): Promise<Figures> {
  await peer.prepareUsers(user + 1);
  const { token } = peer.account(user);
  const http = new HttpClient(peer.target.port, 1, gzip);
  const pages: Buffer[] = [];
  let bytes = 0;
  let after = 0;
  const usage = meter(peer.target.pid);
  const start = performance.now();
  for (let more = true; more; ) {
    const answer = await http.send('GET', `/api/chats/${room}/events?after=${after}&limit=${PAGE}`, token);
    if (answer.status !== 200)
      throw new Error(`events answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`);
    pages.push(answer.body);
    bytes += answer.bytes;
    after = lastSeqOf(answer.body, 0, answer.body.length);
    more = answer.body.includes('"has_more":true');
  }
  const seconds = (performance.now() - start) / 1000;
  const used = usage();
  http.close();
  const got = new Inventory();
  for (const page of pages) got.note(page);
  return {
    seconds,
    megabytes: bytes / 1e6,
    roundTrips: pages.length,
    messages: got.size,
    serverCpuPerThousand: (used.serverCpuMs / count) * 1000,
    generatorLoop: used.generatorLoop,
    missing: count - got.size,
    doubled: got.doubled,
  };
}

function lastSeqOf(data: Buffer, from: number, to: number): number {
  const at = data.subarray(from, to).lastIndexOf(LAST_SEQ);
  return at < 0 ? 0 : readNumber(data, LAST_SEQ, from + at, to);
}

interface SyncAnswer {
  changes: { type: string; chat_id: string; chat?: { head_seq: number } }[];
  cursor: string;
  has_more: boolean;
  heads?: Record<string, { head_seq: number; has_more: boolean }>;
  events?: Record<string, { seq: number }[]>;
  unreached?: string[];
}

/** A user with 1,000 conversations, away while 200 of them filled. */
async function manyRooms(bench: Bench, peer: TidelinePeer, results: Results, count: number): Promise<void> {
  const total = bench.settings.quick ? 100 : ROOMS;
  const active = bench.settings.quick ? 20 : ACTIVE_ROOMS;
  const [away, other] = [5, 6];
  await peer.prepareUsers(other + 1);
  const start = performance.now();
  const rooms = await pool(range(total), 8, () => peer.createRoom('group', [other, away]));
  bench.log(`W4: ${total} conversations made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await settle(bench, peer);
  for (let run = 1; run <= bench.settings.runs; run++) {
    await peer.prepareUsers(other + 1);
    const cursor = await latestCursor(peer, away);
    const seqs = await headsOf(peer, away);
    const sender = await peer.openInbox(other);
    const lanes = rooms.slice(0, active).map((room) => ({ sender, room }));
    await fill(peer, lanes, count);
    await closeAll(bench, peer, [sender]);
    const figures = await overSync(peer, away, cursor, seqs, count, active);
    results.add(`${count} messages over ${active} of ${total} rooms, by sync`, 'tideline', figures);
    bench.log(`W4 run ${run} tideline: synced ${active} of ${total} rooms in ${figures.seconds?.toFixed(3)} s`);
  }
}

/** The cursor behind which nothing waits. */
export async function latestCursor(peer: TidelinePeer, user: number): Promise<string> {
  const { token } = peer.account(user);
  let cursor = '';
  for (;;) {
    const path = cursor === '' ? '/api/sync' : `/api/sync?cursor=${encodeURIComponent(cursor)}`;
    const answer = await peer.http.json<SyncAnswer>([200], 'GET', path, token);
    cursor = answer.cursor;
    if (!answer.has_more) return cursor;
  }
}

/** Where each conversation stands now, as the user's list has it. */
async function headsOf(peer: TidelinePeer, user: number): Promise<Map<string, number>> {
  const { token } = peer.account(user);
  const heads = new Map<string, number>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `?limit=500${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const answer: { items: { id: string; head_seq: number }[]; next_cursor: string | null } = await peer.http.json(
      [200],
      'GET',
      `/api/chats${query}`,
      token,
    );
    for (const chat of answer.items) heads.set(chat.id, chat.head_seq);
    cursor = answer.next_cursor;
  }
  return heads;
}

/** First the list, by the cursor; then the events of what changed, until the device holds every head. */
async function overSync(
  peer: TidelinePeer,
  user: number,
  from: string,
  held: Map<string, number>,
  count: number,
  active: number,
): Promise<Figures> {
  const { token } = peer.account(user);
  const bodies: Buffer[] = [];
  let bytes = 0;
  const ask = async (body: object): Promise<SyncAnswer> => {
    const answer = await peer.http.send('POST', '/api/sync', token, body);
    if (answer.status !== 200)
      throw new Error(`sync answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`);
    bytes += answer.bytes;
    bodies.push(answer.body);
    return JSON.parse(answer.body.toString('utf8')) as SyncAnswer;
  };
  const usage = meter(peer.target.pid);
  const start = performance.now();
  const heads = new Map<string, number>();
  let cursor = from;
  for (let more = true; more; ) {
    const answer = await ask({ cursor, limit: 1000 });
    for (const change of answer.changes) if (change.chat) heads.set(change.chat_id, change.chat.head_seq);
    cursor = answer.cursor;
    more = answer.has_more;
  }
  const listSeconds = (performance.now() - start) / 1000;
  const listBodies = bodies.splice(0).length;
  const wanted = new Map([...heads.keys()].map((chat) => [chat, held.get(chat) ?? 0]));
  while (wanted.size > 0 && bodies.length < 200) {
    const answer = await ask({ cursor, chats: Object.fromEntries([...wanted].slice(0, 500)) });
    cursor = answer.cursor;
    for (const [chat, events] of Object.entries(answer.events ?? {})) {
      const seq = events.at(-1)?.seq ?? wanted.get(chat) ?? 0;
      held.set(chat, seq);
      if (seq >= (heads.get(chat) ?? 0) && answer.heads?.[chat]?.has_more !== true) wanted.delete(chat);
      else wanted.set(chat, seq);
    }
  }
  const seconds = (performance.now() - start) / 1000;
  const used = usage();
  const got = new Inventory();
  for (const body of bodies) got.note(body);
  return {
    seconds,
    listSeconds,
    megabytes: bytes / 1e6,
    roundTrips: listBodies + bodies.length,
    messages: got.size,
    serverCpuPerThousand: (used.serverCpuMs / count) * 1000,
    generatorLoop: used.generatorLoop,
    missing: count - got.size,
    doubled: got.doubled,
    errors: Math.abs(heads.size - active),
  };
}
