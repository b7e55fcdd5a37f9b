import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Chat } from '../../src/protocol/chats.ts';
import { PushJob, push } from '../../src/push/send.ts';
import { type Account, api, expectJson, request, signUp, unique } from '../support/api.ts';
import { identity, inboxOf, inboxSocket } from '../support/objects.ts';
import { Browser, networkOf, pushing } from '../support/push.ts';

let ada: Account;
let bob: Account;
let chat: string;
let phone: Browser;
let setup: Awaited<ReturnType<typeof pushing>>;

beforeEach(async () => {
  [ada, bob, phone, setup] = await Promise.all([signUp(), signUp(), Browser.open(unique('phone')), pushing()]);
  const body = { type: 'Group', name: 'Tide tables', members: [bob.id] };
  chat = (await expectJson(Chat, 201, '/api/chats', { token: ada.token, body })).id;
  await subscribe(phone);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const subscribe = async (browser: Browser, account = bob) => {
  const { status } = await api('/api/push/subscriptions', { token: account.token, body: browser.subscription });
  expect(status).toBe(201);
};
const subscriptions = async () => (await inboxOf(bob.id).subscriptions()).length;
const send = (content: string, fields: object = {}, chatId = chat) =>
  expectJson(Chat.pick({ id: true }).partial(), 201, `/api/chats/${chatId}/messages`, {
    token: ada.token,
    body: { content, ...fields },
  });
/** What the queue does once the room has told the inbox. */
async function pushed(...others: Browser[]): Promise<void> {
  await vi.waitFor(async () => {
    const { body } = await api<{ items: { id: string; head_seq: number }[] }>('/api/chats', { token: ada.token });
    const head = body.items.find(({ id }) => id === chat)?.head_seq;
    const row = await inboxOf(bob.id).chat(chat);
    expect(row.ok && row.value.head_seq).toBe(head);
  });
  await push(setup.env, { user_id: bob.id, chat_id: chat }, networkOf(phone, ...others));
}

it('a message reaches a device that is away, readable for it alone, once', async () => {
  await send('High water at six 🌊');
  await pushed();
  const [{ payload, headers, size } = { payload: undefined, headers: new Headers(), size: 0 }] = phone.received;
  expect(payload).toMatchObject({
    chat_id: chat,
    chat_name: 'Tide tables',
    sender_id: ada.id,
    sender_name: ada.user.fullname,
    preview: 'High water at six 🌊',
    mentioned: false,
    unread: 1,
  });
  expect(headers.get('content-encoding')).toBe('aes128gcm');
  expect(headers.get('urgency')).toBe('normal');
  expect(Number(headers.get('ttl'))).toBeGreaterThan(60);
  expect(size).toBeLessThanOrEqual(4096);
  // The queue delivers at least once.
  await pushed();
  expect(phone.received).toHaveLength(1);
});

it('pushes of one conversation take each other’s place, those of another do not', async () => {
  await send('one');
  await pushed();
  await send('two');
  await pushed();
  const other = (
    await expectJson(Chat, 201, '/api/chats', { token: ada.token, body: { type: 'Single', members: [bob.id] } })
  ).id;
  await send('three', {}, other);
  await vi.waitFor(async () => expect((await inboxOf(bob.id).chat(other)).ok).toBe(true));
  await push(setup.env, { user_id: bob.id, chat_id: other }, networkOf(phone));
  const topics = phone.received.map(({ headers }) => headers.get('topic') ?? '');
  expect(topics).toHaveLength(3);
  expect(topics[0]).toMatch(/^[\w-]{1,32}$/);
  expect(topics[1]).toBe(topics[0]);
  expect(topics[2]).not.toBe(topics[0]);
  expect(phone.received[1]?.payload).toMatchObject({ preview: 'two', unread: 2 });
  expect(phone.received[2]?.headers.get('urgency')).toBe('high');
});

it('what was read, is muted, or is one’s own is not pushed', async () => {
  await send('read');
  const sent = await api<{ seq: number }>(`/api/chats/${chat}/messages`, {
    token: bob.token,
    body: { content: 'mine' },
  });
  expect(sent.status).toBe(201);
  await pushed();
  await api(`/api/chats/${chat}/preferences`, { method: 'PUT', token: bob.token, body: { muted: true } });
  await send('muted');
  await pushed();
  expect(phone.received).toEqual([]);
});

it('a preference says what of a conversation is pushed', async () => {
  const prefer = (notify: string) =>
    api(`/api/chats/${chat}/preferences`, { method: 'PUT', token: bob.token, body: { notify } });
  await prefer('mentions');
  await send('not for you');
  await pushed();
  expect(phone.received).toEqual([]);
  await send('for you', { mentions: [bob.id] });
  await pushed();
  expect(phone.received.map(({ payload }) => [payload.preview, payload.mentioned])).toEqual([['for you', true]]);
  expect(phone.received[0]?.headers.get('urgency')).toBe('high');
  await prefer('none');
  await send('for you', { mentions: [bob.id] });
  await pushed();
  expect(phone.received).toHaveLength(1);
});

it('nothing is pushed while a device is connected', async () => {
  const laptop = await inboxSocket(identity(bob.id));
  await send('seen on the laptop');
  await pushed();
  expect(phone.received).toEqual([]);
  laptop.close();
});

it('a subscription that the service no longer knows is dropped, others stay', async () => {
  const tablet = await Browser.open(unique('tablet'));
  await subscribe(tablet);
  phone.status = 410;
  await send('hello');
  await pushed(tablet);
  expect(tablet.received).toHaveLength(1);
  expect(await subscriptions()).toBe(1);
  tablet.status = 404;
  await send('hello again');
  await pushed(tablet);
  expect(await subscriptions()).toBe(0);
});

it('a service that is busy is tried again later, alone, and given up after a while', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const tablet = await Browser.open(unique('tablet'));
  await subscribe(tablet);
  phone.status = 503;
  await send('hello');
  await pushed(tablet);
  const delays: number[] = [];
  for (let job = setup.queued.shift(); job !== undefined; job = setup.queued.shift()) {
    delays.push(job.delay);
    if (delays.length === 3) phone.status = 201;
    await push(setup.env, PushJob.parse(job.body).push, networkOf(phone, tablet));
  }
  expect(delays).toEqual([20, 40, 80]);
  expect([phone.received.length, tablet.received.length]).toEqual([1, 1]);
  phone.status = 500;
  await send('for ever busy');
  await pushed(tablet);
  let tries = 0;
  for (let job = setup.queued.shift(); job !== undefined; job = setup.queued.shift(), tries++) {
    await push(setup.env, PushJob.parse(job.body).push, networkOf(phone, tablet));
  }
  expect(tries).toBe(4);
  expect(await subscriptions()).toBe(2);
});

it('a device is not pushed to after its session has ended', async () => {
  await request('/api/auth/signout', { method: 'POST', token: bob.token });
  expect(await subscriptions()).toBe(0);
  await send('for nobody');
  await push(setup.env, { user_id: bob.id, chat_id: chat }, networkOf(phone));
  expect(phone.received).toEqual([]);
});

it('a server without a key pushes nothing', async () => {
  await send('hello');
  const { VAPID_KEY: _, ...without } = setup.env;
  await push(without, { user_id: bob.id, chat_id: chat }, networkOf(phone));
  expect(phone.received).toEqual([]);
});
