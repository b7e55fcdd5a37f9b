import { range } from '../lib/async.ts';
import { Histogram } from '../lib/histogram.ts';
import type { TidelinePeer } from '../peers/tideline.ts';
import { settle } from './members.ts';
import { type Bench, Results, type Series } from './workload.ts';

/** As many as one group may have whose inboxes are told of news; and fewer, to see that everything works. */
const MEMBERS = { whole: 5000, quick: 500 } as const;
const PER_REQUEST = 500;
const SEARCHES = 50;

interface Page {
  items: { user_id: string }[];
  next_cursor: string | null;
}

/** CROWD: a group of 5,000 through the door: filled by batches, listed by pages, searched for members, written to. */
export async function crowd(bench: Bench): Promise<Series[]> {
  const results = new Results('CROWD');
  const peer = bench.tideline;
  if (peer === undefined) return [];
  const members = bench.settings.quick ? MEMBERS.quick : MEMBERS.whole;
  await peer.prepareUsers(members);
  for (let run = 1; run <= bench.settings.runs; run++) {
    await peer.prepareUsers(1);
    await ofGroup(bench, peer, members, results);
    bench.log(`CROWD run ${run}: a group of ${members}`);
  }
  return results.all;
}

async function ofGroup(bench: Bench, peer: TidelinePeer, members: number, results: Results): Promise<void> {
  const { token } = peer.account(0);
  const { http } = peer;
  const ids = range(members).map((user) => peer.account(user).id);
  const body = { type: 'Group', name: 'Crowd', members: [] };
  const { id } = await http.json<{ id: string }>([201], 'POST', '/api/chats', token, body);
  const path = `/api/chats/${id}`;
  const title = (what: string) => `a group of ${members}: ${what}`;

  let start = performance.now();
  const since = () => (performance.now() - start) / 1000;
  for (let from = 1; from < members; from += PER_REQUEST) {
    await http.json([201], 'POST', `${path}/members`, token, { user_ids: ids.slice(from, from + PER_REQUEST) });
  }
  const { member_count } = await http.json<{ member_count: number }>([200], 'GET', path, token);
  const filled = { seconds: since(), errors: member_count === members ? 0 : 1 };
  results.add(title(`filled, ${PER_REQUEST} in a request`), 'tideline', filled);
  await settle(bench, peer);

  start = performance.now();
  const listed: string[] = [];
  let roundTrips = 0;
  for (let cursor: string | null = ''; cursor !== null; roundTrips++) {
    const after: string = cursor === '' ? '' : `&after=${cursor}`;
    const page: Page = await http.json<Page>([200], 'GET', `${path}/members?limit=${PER_REQUEST}${after}`, token);
    listed.push(...page.items.map(({ user_id }) => user_id));
    cursor = page.next_cursor;
  }
  const whole = listed.length === members && listed.join() === [...ids].sort().join();
  results.add(title('listed'), 'tideline', { seconds: since(), roundTrips, errors: whole ? 0 : 1 });

  const durations = new Histogram();
  let errors = 0;
  for (let search = 0; search < SEARCHES; search++) {
    // Each is found by their whole name, among those whose names go on.
    const name = `Bench ${members - 1 - search}`;
    start = performance.now();
    const found = await http.json<Page>([200], 'GET', `${path}/members?q=${encodeURIComponent(name)}`, token);
    durations.add(performance.now() - start);
    if (!found.items.some(({ user_id }) => user_id === ids[members - 1 - search])) errors += 1;
  }
  const searched = { callP50: durations.quantile(0.5), callP99: durations.quantile(0.99), errors };
  results.add(title('a member found by name'), 'tideline', searched);

  start = performance.now();
  await http.json([201], 'POST', `${path}/messages`, token, { content: 'All hands' });
  results.add(title('a message, until it is answered'), 'tideline', { seconds: since() });
  await settle(bench, peer);
}
