import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { IDENTITY_HEADER } from '../../src/inbox/api.ts';
import { createChat, identity, newUser, overStorage, roomOf, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';
import { TestSocket } from '../support/socket.ts';

/** The room has nothing left to do, and sleeps. */
async function sleepOf(chat: string): Promise<void> {
  while (await runDurableObjectAlarm(roomOf(chat))) await scheduler.wait(20);
  await evictDurableObject(roomOf(chat));
}

it('a room that has slept, with nothing left to do, makes nobody at a relay ask for what they have', async () => {
  const [a, b] = [newUser(), newUser()];
  const chat = await createChat([a, b], { type: 'PublicChannel' });
  await runInDurableObject(roomOf(chat), (_room, { storage }) => {
    storage.sql.exec('UPDATE chat SET member_count = ?', TIER_LIMITS.large + 2);
    storage.sql.exec("INSERT INTO relays VALUES ('any-1')");
  });
  await sleepOf(chat);
  const headers = { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(identity(b)) };
  const relay = env.RELAYS.get(env.RELAYS.idFromName(`${chat}/any-1`));
  const socket = new TestSocket(await relay.fetch(new Request('http://relay/', { headers })));
  await socket.next('events');

  for (const text of ['one', 'two', 'three']) {
    await sleepOf(chat);
    value(await roomOf(chat).send(a, { kind: 'text', content: text, client_id: text }));
    expect((await socket.next('events')).events).toMatchObject([{ type: 'message', content: text }]);
  }
  expect(socket.texts.filter((frame) => frame.includes('"lag"'))).toEqual([]);
});

it('a relay that cannot be reached keeps the alarm, until it has been told that it missed something', async () => {
  const [a, b] = [newUser(), newUser()];
  await overStorage(async (storage) => {
    const test = new TestRoom(storage);
    test.create([a, b]);
    test.inboxes.relaySockets.set('any-1', 5);
    test.room.relays.arrived('any-1');
    await test.ringUntilQuiet();
    let reachable = false;
    test.inboxes.beforeRelay = () => {
      if (!reachable) throw new Error('unreachable');
    };
    await test.sent(a);
    await test.inboxes.settled();
    expect(test.ring()).toBe(true);
    expect(test.inboxes.alarmAt).toBeDefined();
    reachable = true;
    await test.inboxes.settled();
    await test.ringUntilQuiet();
    const seq = test.conversation.log.head;
    expect(test.inboxes.batches.at(-1)).toMatchObject({ relay: 'any-1', batch: { gap: true, frames: [], head: seq } });
    expect(test.inboxes.alarmAt).toBeUndefined();
  });
});
