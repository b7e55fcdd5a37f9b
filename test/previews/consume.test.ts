import { createExecutionContext, createMessageBatch, getQueueResult, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { consumePreviews, PREVIEWS_QUEUE } from '../../src/previews/consume.ts';
import type { Outside } from '../../src/previews/fetch.ts';
import { EventPage } from '../../src/protocol/events.ts';
import { createChat, newUser, roomOf, value } from '../support/objects.ts';

const batchOf = (bodies: unknown[]) =>
  createMessageBatch(
    PREVIEWS_QUEUE,
    bodies.map((body, index) => ({ id: `${index}`, timestamp: new Date(), attempts: 1, body })),
  );
const outside: Outside = {
  fetch: async (url) => {
    if (url.hostname !== 'example.com') throw new Error('unreachable');
    return new Response('<head><title>Tide tables</title></head>', { headers: { 'content-type': 'text/html' } });
  },
  addresses: async () => ['93.184.216.34'],
};

it('a link of the queue becomes a part of its message, once; what is no link is dropped', async () => {
  const [ada, bob] = [newUser(), newUser()];
  const chat_id = await createChat([ada, bob]);
  const url = 'https://example.com/a';
  const { seq } = value(await roomOf(chat_id).send(ada, { kind: 'text', content: url, client_id: 'c' }));
  const dead = value(
    await roomOf(chat_id).send(ada, { kind: 'text', content: 'https://dead.example.org', client_id: 'd' }),
  );
  const jobs = [
    { chat_id, seq, url },
    { chat_id, seq, url },
    { chat_id, seq: dead.seq, url: 'https://dead.example.org' },
    { task_id: 'x' },
  ];
  const batch = batchOf(jobs);
  await consumePreviews(batch, env, outside);
  const result = await getQueueResult(batch, createExecutionContext());
  expect(result.explicitAcks.toSorted()).toEqual(['0', '1', '2', '3']);
  expect(result.retryMessages).toEqual([]);
  const page = EventPage.parse(JSON.parse(value(await roomOf(chat_id).events(bob, { after: dead.seq, limit: 9 }))));
  expect(page.items).toMatchObject([{ type: 'message.preview', target: seq, preview: { url, title: 'Tide tables' } }]);
});

it('asks nobody where the operator has switched previews off, and forgets the link', async () => {
  const [ada, bob] = [newUser(), newUser()];
  const chat_id = await createChat([ada, bob]);
  const url = 'https://example.com/b';
  const { seq } = value(await roomOf(chat_id).send(ada, { kind: 'text', content: url, client_id: 'c' }));
  const asked: string[] = [];
  const watched: Outside = {
    ...outside,
    addresses: async (name) => {
      asked.push(name);
      return [];
    },
  };
  const batch = batchOf([{ chat_id, seq, url }]);
  await consumePreviews(batch, { ...env, LINK_PREVIEWS: 'off' }, watched);
  expect((await getQueueResult(batch, createExecutionContext())).explicitAcks).toEqual(['0']);
  expect(asked).toEqual([]);
  const links = await runInDurableObject(roomOf(chat_id), (_, state) =>
    state.storage.sql.exec('SELECT count(*) AS n FROM links').one(),
  );
  expect(links).toEqual({ n: 0 });
});
