import { beforeAll, describe, expect, it } from 'vitest';
import type { NotificationPage } from '../../src/protocol/notifications.ts';
import type { SyncResponse } from '../../src/protocol/sync.ts';
import { type Account, api, type Call, request, unique } from '../support/api.ts';
import { openSocket, type TestSocket } from '../support/socket.ts';
import { example } from './support/document.ts';
import { EventReader } from './support/events.ts';
import { differences } from './support/shape.ts';

/*
 * The conversation of docs/PROTOCOL.md, held with the worker through its door: what really comes has the shape of the
 * examples. The tests of this file are one story and run in order.
 */

/** Fails unless this has the shape of the documented example. */
const asDocumented = (name: string, real: unknown) =>
  expect(differences(example(name), real), `as the example ${name}: ${JSON.stringify(real)}`).toEqual([]);

const otherThanNotifications = (changes: SyncResponse['changes']) =>
  changes.filter(({ type }) => !type.startsWith('notification'));

interface Named {
  id: string;
}
interface Sent {
  seq: number;
}

async function call<T>(status: number, path: string, options: Call): Promise<T> {
  const answer = await api<T>(path, options);
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  return answer.body;
}

async function join(fullname: string, more: Record<string, string> = {}): Promise<Account> {
  const credentials = { email: `${unique('protocol')}@example.com`, password: 'correct horse battery' };
  const body = { fullname, ...credentials, ...more };
  const tokens = await call<Account>(201, '/api/auth/signup', { body });
  return { ...tokens, ...credentials, id: tokens.user.id };
}

let ada: Account;
let ben: Account;
let cleo: Account;
let chat: string;
let adaRoom: TestSocket;
let adaInbox: TestSocket;
let benRoom: TestSocket;
let benInbox: TestSocket;

const open = (account: Account, path: string) => openSocket(path, account.token);
const roomPath = (query = '') => `/api/chats/${chat}/ws${query}`;

beforeAll(async () => {
  ada = await join('Ada', { handle: unique('ada'), device: 'Laptop' });
  ben = await join('Ben');
  cleo = await join('Cleo');
});

describe('accounts and tokens', () => {
  it('sign-up', async () => {
    const body = {
      fullname: 'Ada',
      email: `${unique('ada')}@example.com`,
      password: 'correct horse battery',
      handle: unique('ada'),
      device: 'Laptop',
    };
    asDocumented('sign-up', body);
    asDocumented('tokens', await call(201, '/api/auth/signup', { body }));
  });

  it('sign-in', async () => {
    const body = { email: ada.email, password: ada.password, device: 'Phone' };
    asDocumented('sign-in', body);
    asDocumented('tokens', await call(200, '/api/auth/signin', { body }));
  });

  it('refresh, and the same attempt again', async () => {
    const body = { refresh_token: ada.refresh_token, attempt: crypto.randomUUID() };
    asDocumented('refresh', body);
    const tokens = await call<Account>(200, '/api/auth/refresh', { body });
    asDocumented('tokens', tokens);
    expect(await call(200, '/api/auth/refresh', { body })).toEqual(tokens);
    ada = { ...ada, token: tokens.token, refresh_token: tokens.refresh_token };
  });

  it('a token in an address is refused', async () => {
    expect((await api(`/api/chats?token=${ada.token}`, { token: ada.token })).status).toBe(400);
  });
});

describe('a conversation', () => {
  it('is made', async () => {
    const body = { type: 'Group', name: 'Tide tables', members: [ben.id] };
    asDocumented('create-chat', body);
    const created = await call<Named>(201, '/api/chats', { token: ada.token, body });
    asDocumented('chat', created);
    chat = created.id;
  });

  it('of two exists once', async () => {
    const body = { type: 'Single', members: [ben.id] };
    const first = await call<Named>(201, '/api/chats', { token: ada.token, body });
    const second = await call<Named>(200, '/api/chats', { token: ada.token, body });
    expect(second.id).toBe(first.id);
  });

  it('refuses with a problem document', async () => {
    const answer = await api(`/api/chats/${chat}/messages`, { token: ada.token, body: {} });
    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    asDocumented('problem', answer.body);
  });

  it('gives a page of its log, and of a position beyond its head', async () => {
    asDocumented('reset', await call(200, `/api/chats/${chat}/events?after=99`, { token: ada.token }));
  });
});

describe('a workspace', () => {
  it('is made, changed, and entered by an invitation', async () => {
    const { id } = await call<Named>(201, '/api/workspaces', { token: ada.token, body: { name: 'Harbour' } });
    const change = { create_channels: 'everyone', retention_days: 90 };
    asDocumented('update-workspace', change);
    const path = `/api/workspaces/${id}`;
    asDocumented('workspace', await call(200, path, { token: ada.token, method: 'PUT', body: change }));
    const link = { role: 'guest', max_uses: 5 };
    asDocumented('create-workspace-invitation', link);
    const made = await call<{ code: string }>(201, `${path}/invitations`, { token: ada.token, body: link });
    asDocumented('workspace-invitation', made);
    const body = { code: made.code };
    asDocumented('use-workspace-invitation', body);
    const look = await call(200, '/api/workspace-invitations/preview', { token: ben.token, body });
    asDocumented('workspace-invitation-preview', look);
    expect(await call<Named>(200, '/api/workspace-invitations/redeem', { token: ben.token, body })).toMatchObject({
      id,
    });
  });
});

describe('sockets', () => {
  it('a room socket selects the subprotocol and begins with where the log stands', async () => {
    adaRoom = await open(ada, roomPath());
    expect(adaRoom.response.headers.get('sec-websocket-protocol')).toBe('tideline.v1');
    const first = await adaRoom.next('events');
    expect(first).toMatchObject({ chat_id: chat, head_seq: 1, has_more: false, events: [] });
    benRoom = await open(ben, roomPath('?after=0'));
    const greeting = await benRoom.next('events');
    expect(greeting.events.map(({ seq }) => seq)).toEqual([1]);
    asDocumented('event-chat-created', greeting.events[0]);
  });

  it('an inbox socket begins with a cursor, and gives what it takes to come back', async () => {
    adaInbox = await open(ada, '/api/ws');
    const first = await adaInbox.next('inbox');
    expect(first).toMatchObject({ changes: [] });
    const resume = await adaInbox.next('resume');
    asDocumented('resume', resume);
    const again = await openSocket('/api/ws', resume.token);
    await again.next('inbox');
    expect(again.pending.map(({ t }) => t)).not.toContain('resume');
    again.close();
    expect((await api('/api/chats', { token: resume.token })).status).toBe(401);
  });

  it('a row that is no conversation comes with the others', async () => {
    const ask = { user_id: ben.id, text: 'We met at the pier', source: 'search' };
    asDocumented('request-friend', ask);
    asDocumented('contact-sent', await call(200, '/api/friend-requests', { token: cleo.token, body: ask }));
    await call(200, `/api/friend-requests/${cleo.id}/accept`, { token: ben.token, method: 'POST' });
    const group = await call<Named>(201, '/api/friend-groups', { token: cleo.token, body: { name: 'Crew' } });
    const put = (path: string, body: unknown) => call(200, path, { token: cleo.token, method: 'PUT', body });
    await put(`/api/friends/${ben.id}`, { remark: 'Ben from the harbour', group_ids: [group.id] });
    await put('/api/users/me/privacy', { messages: 'friends' });
    await put('/api/users/me/status', {
      text: 'at sea',
      emoji: '🌊',
      busy: true,
      expires_at: '2099-01-01T00:00:00.000Z',
    });
    const { changes, cursor } = await call<SyncResponse>(200, '/api/sync', { token: cleo.token });
    const items = otherThanNotifications(changes).filter((change) => 'value' in change);
    asDocumented('inbox-items', { t: 'inbox', changes: items, cursor });
    await call(204, `/api/friends/${ben.id}`, { token: cleo.token, method: 'DELETE' });
    await put('/api/users/me/privacy', { messages: 'everyone' });
  });

  it('presence of a person of a Single', async () => {
    benInbox = await open(ben, '/api/ws');
    asDocumented('presence', await adaInbox.next('presence', (frame) => frame.user_id === ben.id));
    const away = { t: 'presence', state: 'away' };
    asDocumented('away', away);
    benInbox.send(away);
    await adaInbox.next('presence', (frame) => frame.user_id === ben.id && frame.state === 'away');
    benInbox.send({ ...away, state: 'online' });
    asDocumented('presence', await benInbox.next('presence', (frame) => frame.user_id === ada.id));
  });

  it('ping and pong', async () => {
    adaRoom.send('ping');
    await adaRoom.nextText('pong');
    adaInbox.send('ping');
    await adaInbox.nextText('pong');
  });

  it('say on the socket why they are refused', async () => {
    const refused = async (path: string, token?: string) => (await openSocket(path, token)).closed;
    expect(await refused('/api/ws')).toEqual({ code: 4401, reason: 'unauthenticated' });
    expect(await refused(roomPath('?after=x'), ada.token)).toEqual({ code: 4400, reason: 'malformed' });
    expect(await refused(`/api/ws?token=${ada.token}`)).toEqual({ code: 4400, reason: 'malformed' });
    expect(await refused(roomPath(), cleo.token)).toEqual({ code: 4404, reason: 'not_found' });
    expect((await api('/api/ws', { token: ada.token })).status).toBe(426);
  });
});

describe('messages', () => {
  it('over REST, and again', async () => {
    const body = { client_id: unique('a'), kind: 'text', content: 'High water at six 🌊' };
    asDocumented('post-message', body);
    const path = `/api/chats/${chat}/messages`;
    const sent = await call<Sent>(201, path, { token: ada.token, body });
    asDocumented('sent-message', sent);
    expect(await call(200, path, { token: ada.token, body })).toEqual({ ...sent, duplicate: true });
    asDocumented('event-page', await call(200, `/api/chats/${chat}/events?after=1`, { token: ada.token }));
    await adaRoom.next('events');
    await benRoom.next('events');
  });

  it('on a socket: send, ack, events, a row of the inbox', async () => {
    const frame = {
      t: 'send',
      client_id: 'b-1',
      chat_id: chat,
      kind: 'text',
      content: '@Ada: thanks',
      reply_to: 2,
      mentions: [ada.id],
    };
    asDocumented('send', frame);
    benInbox.send(frame);
    asDocumented('ack', await benInbox.next('ack'));
    const pushed = await adaRoom.next('events');
    asDocumented('events', pushed);
    asDocumented('event-message', pushed.events[0]);
    // On an inbox socket events come too; the row may come in several states.
    asDocumented('events', await adaInbox.next('events', ({ head_seq }) => head_seq === 3));
    asDocumented(
      'inbox',
      await adaInbox.next('inbox', ({ changes: [row] }) => row?.type === 'chat' && row.chat.head_seq === 3),
    );
  });

  it('the same again is a duplicate, another under the same client_id a conflict', async () => {
    const frame = {
      t: 'send',
      client_id: 'b-1',
      chat_id: chat,
      content: '@Ada: thanks',
      reply_to: 2,
      mentions: [ada.id],
    };
    benRoom.send([frame, { ...frame, content: 'something else' }]);
    const ack = await benRoom.next('ack');
    asDocumented('ack-duplicate', ack);
    expect(ack.seq).toBe(3);
    asDocumented('error', await benRoom.next('error'));
  });

  it('an ack comes before the event on a room socket', async () => {
    benRoom.send({ t: 'send', client_id: 'b-2', chat_id: chat, content: 'in order' });
    const { seq } = await benRoom.next('ack', ({ client_id }) => client_id === 'b-2');
    const { events } = await benRoom.next('events', ({ head_seq }) => head_seq === seq);
    expect(events.map((event) => event.seq)).toEqual([seq]);
    const all = benRoom.texts.join('\n');
    const [ack, event] = ['"ack","client_id":"b-2"', '"client_id":"b-2","kind"'].map((text) => all.indexOf(text));
    expect(ack).toBeGreaterThan(-1);
    expect(event).toBeGreaterThan(ack ?? 0);
  });
});

describe('changes of messages', () => {
  // A conversation of its own: what the others are about stays as it is.
  let id: string;
  let room: TestSocket;
  const at = (path: string) => `/api/chats/${id}/${path}`;
  const next = async (type: string): Promise<void> => {
    const { events } = await room.next('events', (frame) => frame.events.some((event) => event.type === type));
    asDocumented(`event-${type.replaceAll('.', '-')}`, events[0]);
  };

  it('come to everybody as events, and make the message what it is now', async () => {
    const body = { type: 'Group', name: 'Tide tables', members: [ben.id] };
    ({ id } = await call<Named>(201, '/api/chats', { token: ada.token, body }));
    room = await open(ada, `/api/chats/${id}/ws`);
    const say = (account: Account, fields: object) =>
      call<Sent>(201, at('messages'), { token: account.token, body: { content: 'text', ...fields } });
    await say(ada, {});
    const { seq } = await say(ben, { mentions: [ada.id] });
    await say(ada, { thread_seq: seq });
    await next('thread.reply');
    const edit = { content: '@Ada: many thanks', mentions: [ada.id] };
    await call(200, at(`messages/${seq}`), { token: ben.token, method: 'PATCH', body: edit });
    await next('message.edited');
    const frame = { t: 'change', client_id: 'a-3', chat_id: id, seq, change: { type: 'react', emoji: '👍' } };
    asDocumented('change', frame);
    room.send(frame);
    asDocumented('ack', await room.next('ack'));
    await next('reaction.added');
    await call(200, at(`pins/${seq}`), { token: ada.token, method: 'PUT' });
    await next('message.pinned');
    const { items } = await call<{ items: Sent[] }>(200, at('messages?limit=1'), { token: ada.token });
    asDocumented('message-now', items[0]);
    await call(200, at(`messages/${seq}/reactions/👍`), { token: ada.token, method: 'DELETE' });
    await next('reaction.removed');
    const { cursor } = await call<{ cursor: string }>(200, '/api/sync', { token: ada.token });
    await call(204, at('draft'), { token: ada.token, method: 'PUT', body: { content: 'Half a thou' } });
    await call(204, at(`saved/${seq}`), { token: ada.token, method: 'PUT', body: { note: 'Ask Ben' } });
    const kept = await call<{ changes: { type: string }[] }>(200, `/api/sync?cursor=${cursor}`, { token: ada.token });
    const rows = kept.changes.filter(({ type }) => type === 'draft' || type === 'saved');
    asDocumented('inbox-kept', { t: 'inbox', changes: rows, cursor: 'x' });
    await call(200, at(`pins/${seq}`), { token: ada.token, method: 'DELETE' });
    await next('message.unpinned');
    await call(200, at(`messages/${seq}`), { token: ben.token, method: 'DELETE' });
    await next('message.recalled');
    room.close();
  });
});

describe('notifications', () => {
  it('are rows that are listed, read and removed', async () => {
    const { id } = await call<Named>(201, '/api/chats', {
      token: ada.token,
      body: { type: 'Group', name: 'Bells', members: [ben.id] },
    });
    const message = { content: '@Ben: eight bells', mentions: [ben.id] };
    const { seq } = await call<Sent>(201, `/api/chats/${id}/messages`, { token: ada.token, body: message });
    const list = () => call<NotificationPage>(200, '/api/notifications?limit=1', { token: ben.token });
    await expect.poll(async () => (await list()).items[0]?.id).toBe(`${id}.${seq}`);
    asDocumented('notification-page', await list());
    const changes = async (cursor: string) =>
      (await call<SyncResponse>(200, `/api/sync?cursor=${cursor}`, { token: ben.token })).changes.filter(({ type }) =>
        type.startsWith('notification'),
      );
    const { cursor } = await call<SyncResponse>(200, '/api/sync?limit=1000', { token: ben.token });
    const read = { through: `${id}.${seq}` };
    asDocumented('read-notifications', read);
    await call(204, '/api/notifications/read', { token: ben.token, body: read });
    const mention = (await changes(cursor)).find((change) => 'id' in change && change.id === `${id}.${seq}`);
    await call(204, '/api/notifications', { token: ben.token, method: 'DELETE' });
    const [state] = await changes(cursor);
    asDocumented('inbox-notifications', { t: 'inbox', changes: [mention, state], cursor: 'x' });
  });
});

describe('signals and marks', () => {
  it('typing', async () => {
    const frame = { t: 'typing', chat_id: chat };
    asDocumented('typing', frame);
    benRoom.send(frame);
    asDocumented('typing-of-another', await adaRoom.next('typing'));
    asDocumented('typing-of-another', await adaInbox.next('typing'));
  });

  it('read and got become receipts', async () => {
    const read = { t: 'read', chat_id: chat, seq: 3 };
    asDocumented('read', read);
    adaRoom.send(read);
    const receipt = await benRoom.next('receipt', ({ user_id, read_seq }) => user_id === ada.id && read_seq === 3);
    asDocumented('receipt', receipt);
    const got = { t: 'got', chat_id: chat, seq: 4 };
    asDocumented('got', got);
    adaRoom.send(got);
    expect(await benRoom.next('receipt', ({ delivered_seq }) => delivered_seq === 4)).toMatchObject({
      user_id: ada.id,
      read_seq: 3,
    });
    // One's own receipt comes too: for one's other devices.
    expect(await adaRoom.next('receipt', ({ delivered_seq }) => delivered_seq === 4)).toMatchObject({
      user_id: ada.id,
    });
  });

  it('pull', async () => {
    const frame = { t: 'pull', chat_id: chat, after: 1, limit: 1 };
    asDocumented('pull', { ...frame, limit: 100 });
    adaRoom.send(frame);
    asDocumented('events-page', await adaRoom.next('events', ({ has_more }) => has_more === true));
    adaInbox.send(frame);
    asDocumented('events-page', await adaInbox.next('events', ({ has_more }) => has_more === true));
  });

  it('a renewed token', async () => {
    const { token } = await call<Account>(200, '/api/auth/refresh', { body: { refresh_token: ada.refresh_token } });
    const frame = { t: 'auth', token };
    asDocumented('auth', frame);
    adaRoom.send(frame);
    asDocumented('authed', await adaRoom.next('authed'));
    adaInbox.send(frame);
    asDocumented('authed', await adaInbox.next('authed'));
    // Another user's token leaves things as they were.
    adaRoom.send({ t: 'auth', token: ben.token });
    expect(await adaRoom.next('error')).toMatchObject({ code: 'unauthenticated' });
    ada = { ...ada, token };
  });

  it('what is not understood gets an error, and the socket stays', async () => {
    for (const [text, code] of [
      ['{', 'malformed'],
      [JSON.stringify({ t: 'send', chat_id: chat, client_id: 'b-3', content: 'x', colour: 'red' }), 'invalid'],
      [JSON.stringify({ t: 'dance' }), 'invalid'],
      [JSON.stringify('x'.repeat(65_536)), 'too_large'],
      [JSON.stringify(Array.from({ length: 101 }, () => ({ t: 'typing', chat_id: chat }))), 'too_large'],
    ]) {
      benRoom.send(text);
      expect(await benRoom.next('error'), text?.slice(0, 60)).toMatchObject({ code });
    }
  });
});

describe('sync', () => {
  it('answers with the rows that changed', async () => {
    const first = await call<SyncResponse>(200, '/api/sync', { token: ada.token });
    expect(otherThanNotifications(first.changes)).toHaveLength(7);
    const nothing = await call(200, `/api/sync?cursor=${first.cursor}`, { token: ada.token });
    expect(nothing).toEqual({ changes: [], cursor: first.cursor, has_more: false });
    const reset = await call<SyncResponse>(200, '/api/sync?cursor=another.7', { token: ada.token });
    expect(reset).toMatchObject({ reset: true, changes: first.changes });
  });

  it('brings the events that a device lacks', async () => {
    // A group whose newest message is Ben's, as in the example.
    const { id } = await call<Named>(201, '/api/chats', {
      token: ada.token,
      body: { type: 'Group', name: 'Tide tables', members: [ben.id] },
    });
    const { cursor } = await call<{ cursor: string }>(200, '/api/sync', { token: ada.token });
    const say = (token: string, body: unknown) => call<Sent>(201, `/api/chats/${id}/messages`, { token, body });
    await say(ada.token, { content: 'High water at six 🌊' });
    await say(ben.token, { content: '@Ada: thanks', reply_to: 2, mentions: [ada.id] });
    await expect
      .poll(async () => {
        const body = { cursor, chats: { [id]: 2 } };
        asDocumented('sync-request', body);
        const { status, body: answer } = await api<SyncResponse>('/api/sync', { token: ada.token, body });
        if (status !== 200) return [String(status)];
        const changes = otherThanNotifications(answer.changes);
        return differences(example('sync-response'), { ...answer, changes });
      })
      .toEqual([]);
  });
});

describe('server-sent events', () => {
  it('carry the inbox, with its cursor as id, and signals', async () => {
    const before = await call<{ cursor: string }>(200, '/api/sync', { token: ada.token });
    const response = await request('/api/notifications/events', {
      token: ada.token,
      headers: { 'last-event-id': before.cursor },
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const stream = new EventReader(response);
    expect(await stream.next(({ event }) => event === 'inbox')).toEqual({
      event: 'inbox',
      id: before.cursor,
      data: { changes: [], cursor: before.cursor },
    });
    benRoom.send({ t: 'send', client_id: 'b-4', chat_id: chat, content: 'over SSE' });
    const events = await stream.next(({ event }) => event === 'events');
    asDocumented('events', { ...events.data, events: [example('event-message')] });
    expect(events.id).toBeUndefined();
    const inbox = await stream.next(
      ({ event, data }) => event === 'inbox' && JSON.stringify(data).includes('over SSE'),
    );
    expect(inbox.id).toBe(inbox.data.cursor);
    await stream.cancel();
  });
});

describe('a slow reader', () => {
  it('gets one lag, then pulls, then is live again', async () => {
    const slow = await open(ada, roomPath());
    const { head_seq: before } = await slow.next('events');
    const content = 'x'.repeat(32_000);
    const sent: Sent[] = [];
    for (let n = 0; n < 40; n += 1) {
      sent.push(await call<Sent>(201, `/api/chats/${chat}/messages`, { token: ben.token, body: { content } }));
    }
    const lag = await slow.next('lag');
    asDocumented('lag', lag);
    const pushed = slow.pending.flatMap((frame) => (frame.t === 'events' ? frame.events.map(({ seq }) => seq) : []));
    expect(pushed).toEqual(Array.from({ length: pushed.length }, (_, index) => before + 1 + index));
    expect(pushed.length).toBeLessThan(40);
    let held = pushed.at(-1) ?? before;
    for (let more = true; more; ) {
      slow.send({ t: 'pull', chat_id: chat, after: held });
      const page = await slow.next('events', ({ has_more }) => has_more !== undefined);
      expect(page.events.map(({ seq }) => seq)).toEqual(page.events.map((_, index) => held + 1 + index));
      held = page.events.at(-1)?.seq ?? held;
      more = page.has_more ?? false;
    }
    expect(held).toBe(sent.at(-1)?.seq);
    const { seq } = await call<Sent>(201, `/api/chats/${chat}/messages`, {
      token: ben.token,
      body: { content: 'live' },
    });
    expect((await slow.next('events', ({ head_seq }) => head_seq === seq)).events).toHaveLength(1);
    expect(slow.pending.filter(({ t }) => t === 'lag')).toEqual([]);
    slow.close();
  });
});

describe('members', () => {
  it('a change of the name, a joiner and what lies before them', async () => {
    // A group of its own: holes are told as in the example.
    const { id } = await call<Named>(201, '/api/chats', {
      token: ada.token,
      body: { type: 'Group', name: 'Tide tables', members: [ben.id] },
    });
    await call(200, `/api/chats/${id}`, { token: ada.token, method: 'PUT', body: { name: 'Tides' } });
    await call(201, `/api/chats/${id}/members`, { token: ada.token, body: { user_ids: [cleo.id] } });
    asDocumented('holes', await call(200, `/api/chats/${id}/events?after=0`, { token: cleo.token }));
    chat = id;
  });

  it('a removal: the socket closes, the inbox has it', async () => {
    benRoom = await open(ben, roomPath());
    // The old one has fallen behind by now: it never said `got`.
    benInbox.close();
    benInbox = await open(ben, '/api/ws');
    await call(204, `/api/chats/${chat}/members/${ben.id}`, { token: ada.token, method: 'DELETE' });
    expect(await benRoom.closed).toEqual({ code: 4403, reason: 'forbidden' });
    const gone = await benInbox.next('inbox', ({ changes }) => changes.some(({ type }) => type === 'chat.gone'));
    asDocumented('inbox-gone', { ...gone, changes: gone.changes.filter(({ type }) => type === 'chat.gone') });
  });

  it('the last owner hands over before leaving', async () => {
    expect((await api(`/api/chats/${chat}/members/${ada.id}`, { token: ada.token, method: 'DELETE' })).status).toBe(
      409,
    );
    await call(200, `/api/chats/${chat}/transfer`, { token: ada.token, body: { user_id: cleo.id } });
    await call(204, `/api/chats/${chat}/members/${ada.id}`, { token: ada.token, method: 'DELETE' });
    const { items } = await call<{ items: { type: string }[] }>(200, `/api/chats/${chat}/events`, {
      token: cleo.token,
    });
    const last = (type: string) => items.findLast((event) => event.type === type);
    asDocumented('event-member-joined', last('member.joined'));
    asDocumented('event-member-role', last('member.role'));
    const removal = items.find((event) => event.type === 'member.left');
    asDocumented('event-member-left', removal);
    expect(removal).toMatchObject({ user_id: ben.id, removed: true });
    expect(last('member.left')).toMatchObject({ user_id: ada.id, removed: false });
  });

  it('people and places', async () => {
    const body = { type: 'PublicChannel', name: 'Weather' };
    const { id } = await call<Named>(201, '/api/chats', { token: ada.token, body });
    const path = `/api/chats/${id}`;
    const put = (where: string, value: unknown) =>
      call(200, `${path}${where}`, { token: ada.token, method: 'PUT', body: value });
    const settings = { topic: 'Wind and tides', slow_mode: 30, overrides: { send: 'admin' } };
    asDocumented('update-chat', settings);
    asDocumented('chat-detail', await put('', settings));
    await call(201, `${path}/members`, { token: ada.token, body: { user_ids: [ben.id] } });
    await put(`/members/${ben.id}`, { nickname: 'Captain', muted_until: new Date(Date.now() + 60_000).toISOString() });
    await put(`/bans/${ben.id}`, {});
    await call(204, `${path}/bans/${ben.id}`, { token: ada.token, method: 'DELETE' });
    await put('', { join_policy: 'approval' });
    await call(200, `${path}/requests`, { token: cleo.token, body: { text: 'I sail' } });
    await put(`/requests/${cleo.id}`, { decision: 'accept' });
    const { id: link } = await call<Named>(201, `${path}/invitations`, { token: ada.token, body: { max_uses: 10 } });
    await call(204, `${path}/invitations/${link}`, { token: ada.token, method: 'DELETE' });
    await put('/announcement', { text: 'High water at six, boats in by five.' });
    const { items } = await call<{ items: { type: string }[] }>(200, `${path}/events`, { token: ada.token });
    const types = ['member.muted', 'member.renamed', 'member.banned', 'member.unbanned', 'request.made'];
    types.push('request.closed', 'invitation.created', 'invitation.revoked', 'chat.announced');
    for (const type of types) {
      const event = items.findLast((one) => one.type === type);
      asDocumented(`event-${type.replace('.', '-')}`, event);
    }
  });

  it('a new name is an event', async () => {
    await call(200, `/api/chats/${chat}`, { token: cleo.token, method: 'PUT', body: { name: 'Ebb' } });
    const { items } = await call<{ items: { type: string }[] }>(200, `/api/chats/${chat}/events`, {
      token: cleo.token,
    });
    asDocumented('event-chat-updated', items.at(-1));
  });

  it('a deletion: sockets close, nothing is left to read', async () => {
    const room = await open(cleo, roomPath());
    const inbox = await open(cleo, '/api/ws');
    await inbox.next('inbox');
    await call(204, `/api/chats/${chat}`, { token: cleo.token, method: 'DELETE' });
    expect(await room.closed).toEqual({ code: 4404, reason: 'not_found' });
    const gone = await inbox.next('inbox', ({ changes }) => changes.length > 0);
    expect(gone.changes).toEqual([{ type: 'chat.gone', chat_id: chat, reason: 'deleted' }]);
    expect((await api(`/api/chats/${chat}/events`, { token: cleo.token })).status).toBe(404);
  });

  it('a sign-out closes the sockets of the session', async () => {
    await call(204, '/api/auth/signout', { token: ben.token, method: 'POST' });
    expect(await benInbox.closed).toEqual({ code: 4401, reason: 'session_ended' });
    expect(await (await openSocket('/api/ws', ben.token)).closed).toEqual({ code: 4401, reason: 'session_ended' });
  });
});
