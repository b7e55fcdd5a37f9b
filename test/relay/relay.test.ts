import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { IDENTITY_HEADER, type Identity } from '../../src/inbox/api.ts';
import { RELAY_HEADER } from '../../src/relay/api.ts';
import { PLACE_HEADER } from '../../src/relay/place.ts';
import { createChat, eventually, identity, newUser, roomOf, value } from '../support/objects.ts';
import { TestSocket } from '../support/socket.ts';

const relayOf = (chatId: string, name: string) => env.RELAYS.get(env.RELAYS.idFromName(`${chatId}/${name}`));

/** A conversation that counts as huge, without the members that would make it so. */
async function hugeChat(members: string[]): Promise<string> {
  const chatId = await createChat(members, { type: 'PublicChannel', name: 'huge' });
  await runInDurableObject(roomOf(chatId), (_room, state) => {
    state.storage.sql.exec('UPDATE chat SET member_count = ?', TIER_LIMITS.large + members.length);
  });
  await evictDurableObject(roomOf(chatId));
  return chatId;
}

/** Opens a socket as the Worker does: asks the room, and goes where it is sent. */
async function open(chatId: string, who: Identity, place: string, after?: number) {
  const url = `http://room/${after === undefined ? '' : `?after=${after}`}`;
  const headers = { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(who), [PLACE_HEADER]: place };
  const sent = await roomOf(chatId).fetch(new Request(url, { headers }));
  const relay = sent.headers.get(RELAY_HEADER) ?? '';
  return { relay, socket: new TestSocket(await relayOf(chatId, relay).fetch(new Request(url, { headers }))) };
}

const say = async (chatId: string, user: string, text: string) =>
  value(await roomOf(chatId).send(user, { client_id: crypto.randomUUID(), kind: 'text', content: text })).seq;

describe('a huge conversation', () => {
  test('spreads its sockets over relays by place, and every socket hears everything in order', async () => {
    const [a, b, c] = [newUser(), newUser(), newUser()];
    const chatId = await hugeChat([a, b, c]);
    const first = await open(chatId, identity(a), 'weur');
    const second = await open(chatId, identity(b), 'apac');
    const third = await open(chatId, identity(c), 'weur');
    expect([first.relay, second.relay, third.relay]).toEqual(['weur-1', 'apac-1', 'weur-1']);
    await Promise.all([first, second, third].map(({ socket }) => socket.next('events')));

    const seqs: number[] = [];
    for (let n = 0; n < 20; n++) seqs.push(await say(chatId, a, `message ${n}`));
    for (const { socket } of [first, second, third]) {
      const got: number[] = [];
      while (got.length < seqs.length) {
        const frame = await socket.next('events');
        got.push(...frame.events.map((event) => event.seq));
      }
      expect(got).toEqual(seqs);
    }
  });

  test('takes a message from a socket at a relay and acknowledges it there', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    const { socket } = await open(chatId, identity(a), 'any');
    await socket.next('events');
    socket.send({ t: 'send', client_id: 'one', chat_id: chatId, kind: 'text', content: 'from afar' });
    expect(await socket.next('ack')).toMatchObject({ client_id: 'one', seq: 2 });
  });

  test('starts a socket with what came after its position', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    await say(chatId, a, 'before');
    const { socket } = await open(chatId, identity(b), 'any', 1);
    expect(await socket.next('events')).toMatchObject({
      events: [{ seq: 2, content: 'before' }],
    });
  });

  test('closes the sockets of a removed member at every relay, and nothing after the removal reaches them', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    const { socket } = await open(chatId, identity(b), 'oc');
    await socket.next('events');
    value(await roomOf(chatId).removeMember(a, b));
    await say(chatId, a, 'without b');
    expect((await socket.closed).code).toBe(4403);
    expect(JSON.stringify(socket.texts)).not.toContain('without b');
  });

  test('refuses at the relay somebody who was removed between the room and the relay', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    value(await roomOf(chatId).removeMember(a, b));
    const headers = { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(identity(b)) };
    const socket = new TestSocket(await relayOf(chatId, 'any-1').fetch(new Request('http://relay/', { headers })));
    expect((await socket.closed).code).toBe(4403);
  });

  test('ends sessions at relays', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    const who = identity(b);
    const { socket } = await open(chatId, who, 'sam');
    await socket.next('events');
    await roomOf(chatId).endSessions(b, { sessions: [who.session_id], reason: 'session_ended' });
    expect((await socket.closed).code).toBe(4401);
  });

  test('a relay and a room that start anew go on, and a room that may have missed telling has clients pull', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    const { relay, socket } = await open(chatId, identity(b), 'any');
    await socket.next('events');
    await evictDurableObject(relayOf(chatId, relay));
    await say(chatId, a, 'after the relay slept');
    await socket.next('events', (frame) => frame.head_seq === 2);

    await evictDurableObject(roomOf(chatId));
    await say(chatId, a, 'after the room slept');
    expect(await socket.next('lag')).toMatchObject({ chat_id: chatId });
    socket.send({ t: 'pull', chat_id: chatId, after: 2 });
    expect(await socket.next('events', (frame) => frame.has_more === false && frame.head_seq === 3)).toMatchObject({
      events: [{ seq: 3, content: 'after the room slept' }],
    });
    await say(chatId, a, 'live again');
    expect(await socket.next('events', (frame) => frame.head_seq === 4)).toMatchObject({
      events: [{ seq: 4 }],
    });
  });

  test('forgets a relay whose last socket has left', async () => {
    const [a, b] = [newUser(), newUser()];
    const chatId = await hugeChat([a, b]);
    const { socket } = await open(chatId, identity(b), 'any');
    await socket.next('events');
    socket.close();
    const known = () =>
      runInDurableObject(
        roomOf(chatId),
        (_room, state) => state.storage.sql.exec('SELECT name FROM relays').toArray().length,
      );
    await eventually('the relay is forgotten', async () => {
      await say(chatId, a, 'anybody there?');
      return (await known()) === 0;
    });
  });
});
