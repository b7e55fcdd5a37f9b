import { type GroupCounts, noGroup, type Snapshot, usedSince, userId } from '../fanout/counts.ts';
import type { ObservedServer } from '../fanout/server.ts';
import { range, sleep } from '../lib/async.ts';
import { Connection } from '../lib/connection.ts';
import type { Operation, Unit } from './measured.ts';
import { beyond, unitOf } from './units.ts';

const TIMES = 4;
const PEERS = 5;
const LARGE_CHATS = 3;
/** Members of a room that is large. */
const LARGE = 40;
const GROUPS = { plain: 910, peers: 911, large: 912 };
const PASSWORD = 'correct horse battery staple';

/** What the things cost that people do beside writing and reading. One after the other: the Worker's part is theirs alone. */
export async function measureOperations(server: ObservedServer): Promise<Record<Operation, Unit>> {
  const measure = async (group: number | 'front', times: number, act: () => Promise<void>): Promise<Unit> => {
    const before = await server.quiet([group]);
    await act();
    // A socket that closes is heard of a moment later.
    await sleep(300);
    const after = await server.quiet([group]);
    return unitOf(together(usedBetween(after, before, group), usedBetween(after, before, 'front')), times);
  };
  const { http } = server;
  const post = <T>(path: string, body: object, token?: string) => http.json<T>([200, 201], 'POST', path, token, body);
  const token = async (group: number, index: number) => (await server.tokens([userId(group, index)]))[0] ?? '';
  const openInbox = async (group: number, index: number) =>
    Connection.open({ ...socketOf(server, await token(group, index)), path: '/api/ws', ready: 'inbox' });

  // Accounts.
  const accounts: Account[] = [];
  const sign_up = await measure('front', TIMES, async () => {
    for (const number of range(TIMES)) {
      accounts.push(await post<Account>('/api/auth/signup', { ...person(number), fullname: `Person ${number}` }));
    }
  });
  const sign_in = await measure('front', TIMES, async () => {
    for (const number of range(TIMES)) await post('/api/auth/signin', person(number));
  });
  const refresh = await measure('front', TIMES, async () => {
    for (const { refresh_token } of accounts) await post('/api/auth/refresh', { refresh_token });
  });
  const create_dm = await measure('front', TIMES - 1, async () => {
    const [first, ...others] = accounts;
    for (const { user } of others) await post('/api/chats', { type: 'Single', members: [user.id] }, first?.token);
  });
  const cron = await measure('front', TIMES, async () => {
    for (const _ of range(TIMES)) await server.ask('cron');
  });

  // One app at a time, of people who know nobody.
  const chat = await makeChat(server, GROUPS.plain, range(TIMES), TIMES);
  const apps: Connection[] = [];
  const open_app = await measure(GROUPS.plain, TIMES, async () => {
    for (const index of range(TIMES)) apps.push(await openInbox(GROUPS.plain, index));
  });
  const fresh = await server.tokens(range(TIMES).map((index) => userId(GROUPS.plain, index)));
  const renew_socket = await measure(GROUPS.plain, TIMES, async () => {
    for (const [index, app] of apps.entries()) app.sendFrame({ t: 'auth', token: fresh[index] ?? '' });
  });
  const rooms: Connection[] = [];
  const open_chat = await measure(GROUPS.plain, TIMES, async () => {
    for (const one of fresh) {
      const path = `/api/chats/${chat}/ws?after=1`;
      rooms.push(await Connection.open({ ...socketOf(server, one), path, chat, ready: 'events' }));
    }
  });
  const close_chat = await measure(GROUPS.plain, TIMES, async () => {
    for (const room of rooms) room.close();
  });
  const get = (path: string) =>
    measure(GROUPS.plain, TIMES, async () => {
      for (const one of fresh) await http.json([200], 'GET', path, one);
    });
  const history_page = await get(`/api/chats/${chat}/messages?limit=50`);
  const list_chats = await get('/api/chats');
  const sync = await get('/api/sync');
  const close_app = await measure(GROUPS.plain, TIMES, async () => {
    for (const app of apps) app.close();
  });

  // Of one who shares a Single with some people: they hear of the coming and the going.
  for (const peer of range(PEERS, 1)) await makeChat(server, GROUPS.peers, [0, peer], 2);
  const known: Connection[] = [];
  const open_known = await measure(GROUPS.peers, 1, async () => {
    known.push(await openInbox(GROUPS.peers, 0));
  });
  const close_known = await measure(GROUPS.peers, 1, async () => {
    for (const app of known) app.close();
  });

  // Of one for whom large rooms wait: they are looked at, and tell of what comes until nobody listens again.
  const large: string[] = [];
  for (const _ of range(LARGE_CHATS)) large.push(await makeChat(server, GROUPS.large, range(LARGE), 1));
  const news = () =>
    measure(GROUPS.large, 1, async () => {
      for (const one of large) await say(server, one, userId(GROUPS.large, 1));
    });
  const unheard = await news();
  const waited: Connection[] = [];
  const open_waited = await measure(GROUPS.large, 1, async () => {
    waited.push(await openInbox(GROUPS.large, 0));
  });
  await measure(GROUPS.large, 1, async () => {
    for (const app of waited) app.close();
  });
  const heardLast = await news();

  return {
    sign_up,
    sign_in,
    refresh,
    renew_socket,
    open_app,
    close_app,
    open_app_per_peer: beyond(open_known, open_app, 1 / PEERS),
    close_app_per_peer: beyond(close_known, close_app, 1 / PEERS),
    open_app_per_large_chat: beyond(open_waited, open_app, 1 / LARGE_CHATS),
    farewell_per_large_chat: beyond(heardLast, unheard, 1 / LARGE_CHATS),
    open_chat,
    close_chat,
    history_page,
    list_chats,
    sync,
    create_dm,
    cron,
  };
}

interface Account {
  token: string;
  refresh_token: string;
  user: { id: string };
}

const person = (number: number) => ({ email: `person-${number}@example.com`, password: PASSWORD });

const socketOf = (server: ObservedServer, token: string) => ({
  port: server.port,
  protocols: ['tideline.v1', `bearer.${token}`],
  confirmBytes: 0,
});

/** @param real members whose inboxes are real: the first ones */
async function makeChat(server: ObservedServer, group: number, members: number[], real: number): Promise<string> {
  const ids = members.map((index) => userId(group, index));
  const chat = await server.newChat(group, { real: members.length === 2 ? Number.MAX_SAFE_INTEGER : real, online: 0 });
  await server.room(chat, 'create', {
    chat_id: chat,
    type: members.length === 2 ? 'Single' : 'Group',
    name: members.length === 2 ? null : 'A name of usual length',
    workspace_id: null,
    created_by: ids[0] ?? '',
    members: ids,
    history: 'all',
  });
  return chat;
}

let said = 0;
const say = (server: ObservedServer, chat: string, user: string) =>
  server.room(chat, 'send', user, { client_id: `m${++said}`, kind: 'text', content: 'x'.repeat(100) });

function usedBetween(after: Snapshot, before: Snapshot, group: number | 'front'): GroupCounts {
  const key = String(group);
  return usedSince(after.groups[key] ?? noGroup(), before.groups[key] ?? noGroup());
}

/** The group's objects, and the Worker's part. Where the group is the Worker's own, all of it. */
function together(group: GroupCounts, front: GroupCounts): GroupCounts {
  return { ...group, worker: front.worker };
}
