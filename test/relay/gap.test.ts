import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { IDENTITY_HEADER } from '../../src/inbox/api.ts';
import { createChat, identity, newUser, roomOf, value } from '../support/objects.ts';
import { TestSocket } from '../support/socket.ts';

it('a socket at a relay that may have missed something is live again by a pull, which the room answers, and by nothing that it says itself', async () => {
  const [a, b] = [newUser(), newUser()];
  const chat = await createChat([a, b], { type: 'PublicChannel' });
  const inRoom = (sql: string, ...bindings: unknown[]) =>
    runInDurableObject(roomOf(chat), (_room, { storage }) => void storage.sql.exec(sql, ...bindings));
  await inRoom('UPDATE chat SET member_count = ?', TIER_LIMITS.large + 2);
  await inRoom("INSERT INTO relays VALUES ('any-1')");
  await evictDurableObject(roomOf(chat));
  const headers = { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(identity(b)) };
  const relay = env.RELAYS.get(env.RELAYS.idFromName(`${chat}/any-1`));
  const socket = new TestSocket(await relay.fetch(new Request('http://relay/', { headers })));
  await socket.next('events');

  // The room dies between the removal, which sets an alarm, and telling the relay of it.
  await inRoom("UPDATE members SET state = 'removed' WHERE user_id = ?", b);
  await runInDurableObject(roomOf(chat), (_room, { storage }) => storage.setAlarm(Date.now() + 60_000));
  await evictDurableObject(roomOf(chat));
  await roomOf(chat).describe(a);
  const { head_seq } = await socket.next('lag');
  socket.send({ t: 'got', chat_id: chat, seq: head_seq });
  await scheduler.wait(20);
  value(await roomOf(chat).send(a, { kind: 'text', content: 'not for b', client_id: 'x' }));
  await scheduler.wait(50);
  expect(JSON.stringify(socket.texts)).not.toContain('not for b');
  socket.send({ t: 'pull', chat_id: chat, after: head_seq });
  expect((await socket.closed).code).toBe(4403);
});
