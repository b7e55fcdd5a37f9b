import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { inbox } from '../../src/objects/stubs.ts';
import type { Member } from '../../src/protocol/chats.ts';
import { EventsFrame } from '../../src/protocol/frames.ts';
import { eventsOf, toEvent } from '../../src/routes/sse.ts';
import { type Account, api, signUp } from '../support/api.ts';
import { openSocket } from '../support/socket.ts';
import { openStream, type TestStream } from '../support/sse.ts';

let reader: Account;
let writer: Account;
let chat: string;

beforeAll(async () => {
  [reader, writer] = [await signUp(), await signUp()];
  const { body } = await api<{ id: string }>('/api/chats', {
    token: writer.token,
    body: { type: 'Single', members: [reader.id] },
  });
  chat = body.id;
});

const say = async (content: string): Promise<number> => {
  const { body } = await api<{ seq: number }>(`/api/chats/${chat}/messages`, {
    token: writer.token,
    body: { content },
  });
  return body.seq;
};
const carries = (content: string) => (data: unknown) => {
  const frame = EventsFrame.safeParse(data);
  return frame.success && frame.data.events.some((event) => event.type === 'message' && event.content === content);
};
/** A stream that its rooms have heard of: they send it events from now on. */
const warmStream = async (token: string): Promise<TestStream> => {
  const stream = await openStream(token);
  const text = crypto.randomUUID();
  await say(text);
  await stream.next('inbox', lastMessageIs(text));
  return stream;
};
const deliveredToReader = async (): Promise<number> => {
  const { body } = await api<{ items: Member[] }>(`/api/chats/${chat}/members`, { token: writer.token });
  return body.items.find((member) => member.user_id === reader.id)?.delivered_seq ?? 0;
};
const lastMessageIs = (content: string) => (data: unknown) => JSON.stringify(data).includes(`"content":"${content}"`);
const presenceOfReader = async () => {
  const answer = await inbox(env, reader.id).presence(reader.id);
  return answer.ok ? answer.value.state : answer.refusal.code;
};
const settled = async (state: string): Promise<void> => {
  for (let i = 0; i < 100 && (await presenceOfReader()) !== state; i++) await scheduler.wait(20);
  expect(await presenceOfReader()).toBe(state);
};

describe('the stream', () => {
  it('carries events as they happen, and changes with the cursor as their id', async () => {
    const stream = await warmStream(reader.token);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.response.headers.get('cache-control')).toContain('no-store');
    const seq = await say('hello there');
    const events = await stream.next('events', carries('hello there'));
    expect(events.id).toBeUndefined();
    expect(events.data).toMatchObject({ t: 'events', chat_id: chat, head_seq: seq });
    const change = await stream.next('inbox', lastMessageIs('hello there'));
    expect(change.data).toMatchObject({ cursor: change.id, changes: [{ type: 'chat', chat_id: chat }] });
    expect(change.data).not.toHaveProperty('t');
    await stream.cancel();
  });

  it('resumes after the last event that arrived', async () => {
    const stream = await openStream(reader.token);
    await say('before the break');
    const { id } = await stream.next('inbox', lastMessageIs('before the break'));
    await stream.cancel();
    await say('during the break');
    const resumed = await openStream(reader.token, id);
    const first = await resumed.next('inbox');
    expect(first.data).toMatchObject({ changes: [{ chat: { last_message: { content: 'during the break' } } }] });
    await resumed.cancel();
    const current = await openStream(reader.token, first.id);
    expect((await current.next('inbox')).data).toMatchObject({ changes: [] });
    await current.cancel();
  });

  it('tells a reader with a cursor of another inbox to start over', async () => {
    const stream = await openStream(reader.token, 'of-another-inbox');
    expect((await stream.next('inbox')).data).toMatchObject({ reset: true, changes: [{ chat_id: chat }] });
    await stream.cancel();
  });

  it('says so and ends when the session ends', async () => {
    const account = await signUp();
    const stream = await openStream(account.token);
    await stream.next('inbox');
    await api('/api/auth/signout', { method: 'POST', token: account.token });
    expect((await stream.next('error')).data).toEqual({ t: 'error', code: 'session_ended' });
    await stream.untilEnd();
    expect(stream.ended).toBe(true);
  });

  it('ends its socket when the reader goes away', async () => {
    await settled('offline');
    const stream = await openStream(reader.token);
    await stream.next('inbox');
    await settled('online');
    await stream.cancel();
    await settled('offline');
  });

  it('goes beside sockets and other streams of the user', async () => {
    const [one, two] = [await warmStream(reader.token), await openStream(reader.token)];
    const socket = await openSocket('/api/ws', reader.token);
    await Promise.all([two.next('inbox'), socket.next('inbox')]);
    await say('to all of them');
    await one.next('events', carries('to all of them'));
    await two.next('events', carries('to all of them'));
    await socket.next('events', carries('to all of them'));
    await Promise.all([one.cancel(), two.cancel()]);
    socket.close();
  });

  it('confirms what it passed on, so that the writer sees it delivered and its credit does not end', async () => {
    const stream = await warmStream(reader.token);
    const seq = await say('is it there?');
    await stream.next('events', carries('is it there?'));
    await expect.poll(deliveredToReader, { timeout: 5_000 }).toBe(seq);
    // More than the credit of one socket: without confirmations the inbox would stop pushing.
    const long = 'x'.repeat(30 * 1024);
    for (let batch = 0; batch < 3; batch++) {
      let last = 0;
      for (let i = 0; i < 15; i++) last = await say(`${batch}.${i} ${long}`);
      await stream.next('events', carries(`${batch}.14 ${long}`));
      await expect.poll(deliveredToReader, { timeout: 5_000 }).toBe(last);
    }
    await stream.cancel();
  });

  it('is kept open by comments', { timeout: 30_000 }, async () => {
    const stream = await openStream((await signUp()).token);
    await stream.untilComments(2, 20_000);
    expect(stream.comments).toBe(2);
    await stream.cancel();
  });
});

describe('an event', () => {
  it('is one line of data, whatever the text', () => {
    const text = toEvent({ t: 'events', content: 'a\n\nid: 1\r\ndata: x\u2028' });
    expect(text.split('\n')).toHaveLength(4);
    expect(text).not.toContain('\r');
  });
});

describe('a stream over a socket', () => {
  const open = () => {
    const { 0: client, 1: server } = new WebSocketPair();
    const reader = new AbortController();
    server.accept();
    const closed = new Promise<string>((resolve) => {
      server.addEventListener('close', ({ reason }) => resolve(reason));
    });
    return { server, reader, closed, stream: eventsOf(client, reader.signal) };
  };
  const frame = JSON.stringify({ t: 'typing', text: 'x'.repeat(50 * 1024) });

  it('is cut off when its reader does not read, and what was written still arrives', async () => {
    const { server, closed, stream } = open();
    for (let i = 0; i < 30; i++) server.send(frame);
    expect(await closed).toBe('slow reader');
    const text = await new Response(stream).text();
    const events = text.split('\n\n').filter((block) => block.startsWith('event: typing'));
    expect(events.length).toBeGreaterThanOrEqual(20);
    expect(events.length).toBeLessThan(30);
  });

  it('is not, when its reader keeps up', async () => {
    const { server, stream } = open();
    const text = new Response(stream).text();
    for (let i = 0; i < 60; i++) {
      server.send(frame);
      await scheduler.wait(1);
    }
    server.close(1000);
    expect((await text).split('event: typing')).toHaveLength(61);
  });

  it('ends with its request', async () => {
    const { reader, closed, stream } = open();
    reader.abort();
    expect(await closed).toBe('reader gone');
    expect(await new Response(stream).text()).toBe(':\n\n');
  });

  it('passes over what is no frame', async () => {
    const { server, stream } = open();
    for (const text of ['pong', '{', '[1]', '{"t":1}', '{"t":"lag","chat_id":"c","head_seq":2}']) server.send(text);
    server.close(1000);
    expect(await new Response(stream).text()).toBe(':\n\nevent: lag\ndata: {"t":"lag","chat_id":"c","head_seq":2}\n\n');
  });
});
