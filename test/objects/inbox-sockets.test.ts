import { runDurableObjectAlarm } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { ACCESS_TTL } from '../../src/auth/tokens.ts';
import { newId } from '../../src/ids.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { ofChats } from '../support/inbox.ts';
import {
  accessToken,
  createChat,
  eventually,
  identity,
  inboxOf,
  inboxSocket,
  newUser,
  roomOf,
  roomSocket,
  value,
} from '../support/objects.ts';
import type { TestSocket } from '../support/socket.ts';

let ids = 0;
const post = async (chat: string, user: string, content = 'x') =>
  value(await roomOf(chat).send(user, { client_id: `p${++ids}`, kind: 'text', content })).seq;
const send = (chat_id: string, content = 'hello', client_id = `c${++ids}`) => ({
  t: 'send',
  client_id,
  chat_id,
  content,
});
const seqsOf = (socket: TestSocket, chat: string) =>
  socket.pending.flatMap((frame) =>
    frame.t === 'events' && frame.chat_id === chat ? frame.events.map((event) => event.seq) : [],
  );
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Two people who are both online before they have a conversation. */
async function pair(type: 'Group' | 'Single' = 'Group') {
  const [ada, bob] = [newUser(), newUser()];
  const [one, two] = [await inboxSocket(identity(ada)), await inboxSocket(identity(bob))];
  for (const socket of [one, two]) await socket.next('inbox');
  const chat = await createChat([ada, bob], type === 'Single' ? { type, name: null } : {});
  for (const socket of [one, two]) await socket.next('inbox', ({ changes }) => changes.length > 0);
  return { ada, bob, one, two, chat };
}

describe('everything over one socket', () => {
  it('a send is acknowledged, and the other device gets the event and the row', async () => {
    const { ada, one, two, chat } = await pair();
    one.send(send(chat, 'hello', 'mine'));
    expect(await one.next('ack')).toMatchObject({ client_id: 'mine', chat_id: chat, seq: 2 });
    const { events } = await two.next('events', (frame) => frame.head_seq === 2);
    expect(events).toMatchObject([{ seq: 2, actor_id: ada, content: 'hello' }]);
    const { changes } = await two.next('inbox', (frame) => ofChats(frame.changes).length > 0);
    expect(ofChats(changes)).toMatchObject([
      { chat_id: chat, chat: { unread: 1, last_message: { content: 'hello' } } },
    ]);
  });

  it('many conversations at once keep each its own order, and lose nothing', async () => {
    const { ada, bob, one, two, chat } = await pair();
    const chats = [chat, ...(await Promise.all([1, 2, 3].map(() => createChat([ada, bob]))))];
    for (let i = 0; i < 25; i++) one.send(chats.flatMap((id) => [send(id, `${i}`), send(id, `${i}+`)]));
    await eventually('all acks', () => one.pending.filter((frame) => frame.t === 'ack').length === 200);
    for (const id of chats) {
      await eventually('all events', () => seqsOf(two, id).at(-1) === 51);
      expect(seqsOf(two, id).filter((seq) => seq > 1)).toEqual(range(2, 51));
      const acks = one.pending.flatMap((frame) => (frame.t === 'ack' && frame.chat_id === id ? [frame.seq] : []));
      expect(acks).toEqual(range(2, 51));
    }
  });

  it('a pull is answered with the events, a read mark with a receipt and a row', async () => {
    const { bob, one, two, chat } = await pair();
    for (let i = 0; i < 5; i++) one.send(send(chat));
    await eventually('all events', () => seqsOf(two, chat).at(-1) === 6);
    two.send({ t: 'pull', chat_id: chat, after: 2, limit: 2 });
    const page = await two.next('events', (frame) => frame.has_more !== undefined);
    expect(page).toMatchObject({ has_more: true, events: [{ seq: 3 }, { seq: 4 }] });
    two.send({ t: 'read', chat_id: chat, seq: 6 });
    await one.next('receipt', (frame) => frame.user_id === bob && frame.read_seq === 6);
    await two.next('inbox', ({ changes }) =>
      changes.some((change) => change.type === 'chat' && change.chat.read_seq === 6),
    );
  });

  it('typing reaches the other device and is stored nowhere', async () => {
    const { ada, one, two, chat } = await pair();
    one.send({ t: 'typing', chat_id: chat });
    expect(await two.next('typing')).toEqual({ t: 'typing', chat_id: chat, user_id: ada });
    expect(value(await roomOf(chat).describe(ada)).chat.head_seq).toBe(1);
  });

  it('all devices of one user get what each of them does', async () => {
    const { ada, one, chat } = await pair();
    const second = await inboxSocket(identity(ada));
    await second.next('inbox');
    one.send(send(chat, 'from the phone'));
    await second.next('events', ({ events }) => events.some((event) => event.type === 'message'));
    await inboxOf(ada).prefer(chat, { muted: true });
    for (const device of [one, second]) {
      await device.next('inbox', ({ changes }) =>
        changes.some((change) => change.type === 'chat' && change.chat.muted),
      );
    }
  });
});

describe('refusals', () => {
  it('a frame for a conversation that one is not in is refused as if there were none', async () => {
    const { ada, one } = await pair();
    const foreign = await createChat([newUser()]);
    for (const chat_id of [foreign, newId('chat')]) {
      one.send([send(chat_id, 'x', 'no'), { t: 'pull', chat_id, after: 0 }, { t: 'read', chat_id, seq: 1 }]);
      for (let i = 0; i < 3; i++) {
        const error = await one.next('error');
        expect(error).toMatchObject({ code: 'not_found', chat_id });
      }
    }
    expect(value(await inboxOf(ada).sync({}))).not.toContain(foreign);
  });

  it.each([
    ['no JSON', 'hello', 'malformed'],
    ['an unknown frame', { t: 'subscribe' }, 'invalid'],
    ['more than 64 KiB', ' '.repeat(LIMITS.frameBytes + 1), 'too_large'],
  ])('%s is answered with an error, and the socket goes on', async (_what, frame, code) => {
    const { one, chat } = await pair();
    one.send(frame);
    expect((await one.next('error')).code).toBe(code);
    one.send(send(chat));
    expect((await one.next('ack')).seq).toBe(2);
  });
});

describe('a slow device', () => {
  it('gets a `lag`, and by pulling everything that it has missed, rows included', async () => {
    const { ada, bob, two, chat } = await pair();
    const other = await createChat([ada, bob]);
    await two.next('inbox');
    for (let i = 0; i < 60; i++) await post(chat, ada, 'x'.repeat(LIMITS.contentBytes));
    const { head_seq } = await two.next('lag');
    await post(other, ada, 'unseen');
    const held = seqsOf(two, chat).filter((seq) => seq > 1);
    expect(held.at(-1)).toBeLessThan(head_seq);
    while (held.at(-1) !== 61) {
      two.send({ t: 'pull', chat_id: chat, after: held.at(-1) });
      const page = await two.next(
        'events',
        (frame) => frame.chat_id === chat && (frame.events[0]?.seq ?? 0) > (held.at(-1) ?? 0),
      );
      held.push(...page.events.map((event) => event.seq));
    }
    expect(held).toEqual(range(2, 61));
    await two.next('inbox', ({ changes }) => JSON.stringify(changes).includes('unseen'));
    await post(chat, ada, 'live');
    await two.next('events', ({ events }) => events.at(-1)?.seq === 62);
  });
});

describe('presence', () => {
  it('of the other person of a Single is told when they come and when they have been gone for a while', async () => {
    const { ada, bob, one, two } = await pair('Single');
    two.close();
    await eventually('offline', async () => value(await inboxOf(bob).presence(ada)).state === 'offline');
    await eventually('the alarm is set', () => runDurableObjectAlarm(inboxOf(bob)));
    const left = await one.next('presence', (frame) => frame.state === 'offline');
    expect(left.user_id).toBe(bob);
    expect(Date.parse(left.last_seen ?? '')).toBeGreaterThan(Date.now() - 10_000);
    const again = await inboxSocket(identity(bob));
    expect(await one.next('presence')).toMatchObject({ user_id: bob, state: 'online' });
    expect(await again.next('presence')).toMatchObject({ user_id: ada, state: 'online' });
  });

  it('is told, too, of one whose session was ended for them', async () => {
    const { ada, bob, one, two } = await pair('Single');
    await inboxOf(bob).endSessions({ sessions: 'all' });
    await two.closed;
    expect(value(await inboxOf(bob).presence(ada)).state).toBe('offline');
    await eventually('the alarm is set', () => runDurableObjectAlarm(inboxOf(bob)));
    expect((await one.next('presence', (frame) => frame.state === 'offline')).last_seen).not.toBeNull();
  });

  it('a reconnect within the while is no departure', async () => {
    const { bob, one, two } = await pair('Single');
    two.close();
    await two.closed;
    await inboxSocket(identity(bob));
    await one.next('presence', (frame) => frame.state === 'online');
    await eventually('the alarm is set', () => runDurableObjectAlarm(inboxOf(bob)));
    await scheduler.wait(50);
    expect(one.pending.filter((frame) => frame.t === 'presence' && frame.state === 'offline')).toEqual([]);
  });

  it('is nobody else’s business: not of the members of a group', async () => {
    const { ada, bob, one, two } = await pair('Group');
    expect(await inboxOf(bob).presence(ada)).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
    expect(await inboxOf(bob).meet({ user_id: ada, state: 'online', last_seen: null, status: null })).toBeNull();
    two.close();
    await eventually('the alarm is set', () => runDurableObjectAlarm(inboxOf(bob)));
    await scheduler.wait(50);
    expect(one.pending.some((frame) => frame.t === 'presence')).toBe(false);
  });
});

describe('the token of a device', () => {
  it('is renewed by one of the same user, and by no other', async () => {
    const who = identity(newUser(), { expires_at: Date.now() + 800 });
    const socket = await inboxSocket(who);
    socket.send({ t: 'auth', token: await accessToken(identity(newUser())) });
    expect((await socket.next('error')).code).toBe('unauthenticated');
    socket.send({ t: 'auth', token: await accessToken(who) });
    const { expires_at } = await socket.next('authed');
    expect(Date.parse(expires_at)).toBeGreaterThan(Date.now() + (ACCESS_TTL - 10) * 1000);
    await scheduler.wait(900);
    socket.send({ t: 'typing', chat_id: newId('chat') });
    expect((await socket.next('error')).code).toBe('not_found');
  });

  it('when it has ended: the next thing it sends is not done, and the socket closes', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const chat = await createChat([ada, bob]);
    const socket = await inboxSocket(identity(ada, { expires_at: Date.now() + 200 }));
    await scheduler.wait(250);
    socket.send(send(chat));
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
    expect(value(await roomOf(chat).describe(ada)).chat.head_seq).toBe(1);
  });

  it('when it has ended: nothing is delivered', async () => {
    const [ada, bob] = [newUser(), newUser()];
    const socket = await inboxSocket(identity(bob, { expires_at: Date.now() + 300 }));
    await socket.next('inbox');
    await scheduler.wait(350);
    await createChat([ada, bob], { name: 'not for you' });
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
    expect(JSON.stringify(socket.texts)).not.toContain('not for you');
  });
});

describe('sessions', () => {
  it('that are ended: devices and room sockets of the session close, those of others stay', async () => {
    const { ada, bob, chat } = await pair();
    const [ended, kept] = [identity(bob), identity(bob)];
    const open = async (who: typeof ended) => {
      value(await inboxOf(bob).gate(who, chat));
      return [await inboxSocket(who), await roomSocket(chat, who)];
    };
    const [mine, others] = [await open(ended), await open(kept)];
    await inboxOf(bob).endSessions({ sessions: [ended.session_id] });
    for (const socket of mine) expect(await socket.closed).toEqual({ code: 4401, reason: 'session_ended' });
    await post(chat, ada, 'after');
    for (const socket of others) await socket.next('events', (frame) => frame.head_seq === 2);
    expect(JSON.stringify(mine.map((socket) => socket.texts))).not.toContain('after');
    expect(await (await inboxSocket(ended)).closed).toEqual({ code: 4401, reason: 'session_ended' });
  });

  it('of a suspended user are all refused, on every path, and come back when the user is restored', async () => {
    const { bob, two, chat } = await pair();
    const who = identity(bob);
    value(await inboxOf(bob).gate(who, chat));
    const room = await roomSocket(chat, who);
    await inboxOf(bob).setSuspended(true);
    for (const socket of [two, room]) expect(await socket.closed).toEqual({ code: 4403, reason: 'suspended' });
    expect(await inboxOf(bob).gate(who)).toMatchObject({ ok: false, refusal: { code: 'suspended' } });
    expect(await (await inboxSocket(who)).closed).toEqual({ code: 4403, reason: 'suspended' });
    await inboxOf(bob).setSuspended(false);
    expect(await inboxOf(bob).gate(who)).toEqual({ ok: true, value: null });
    await (await inboxSocket(who)).next('inbox');
  });
});
