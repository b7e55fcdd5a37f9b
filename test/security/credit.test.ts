import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { TIER_LIMITS } from '../../src/conversation/tiers.ts';
import { IDENTITY_HEADER } from '../../src/inbox/api.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { RELAY_HEADER } from '../../src/relay/api.ts';
import { createChat, identity, inboxSocket, newUsers, roomOf, roomSocket, value } from '../support/objects.ts';
import { TestSocket } from '../support/socket.ts';

/* A socket gets no more than its credit before it has said what it holds; saying more than can be so gains nothing. */

const FAR = Number.MAX_SAFE_INTEGER;
const CREDIT = 1024 * 1024;
const CONTENT = 'x'.repeat(LIMITS.contentBytes);

let named = 0;
const say = async (chat: string, user: string): Promise<number> =>
  value(await roomOf(chat).send(user, { kind: 'text', content: CONTENT, client_id: `c${++named}` })).seq;

/** A socket of a relay: of a conversation that counts as huge, without the members that would make it so. */
async function relaySocket(members: string[]): Promise<{ chat: string; socket: TestSocket }> {
  const chat = await createChat(members, { type: 'PublicChannel', name: 'huge' });
  await runInDurableObject(roomOf(chat), (_room, state) => {
    state.storage.sql.exec('UPDATE chat SET member_count = ?', TIER_LIMITS.large + members.length);
  });
  await evictDurableObject(roomOf(chat));
  const upgrade = () =>
    new Request('http://room/', {
      headers: { upgrade: 'websocket', [IDENTITY_HEADER]: JSON.stringify(identity(members[1] ?? '')) },
    });
  const relay = (await roomOf(chat).fetch(upgrade())).headers.get(RELAY_HEADER) ?? '';
  const object = env.RELAYS.get(env.RELAYS.idFromName(`${chat}/${relay}`));
  return { chat, socket: new TestSocket(await object.fetch(upgrade())) };
}

async function ofRoom(members: string[]): Promise<{ chat: string; socket: TestSocket }> {
  const chat = await createChat(members);
  return { chat, socket: await roomSocket(chat, identity(members[1] ?? '')) };
}

describe.each([
  ['a room', ofRoom],
  ['a relay', relaySocket],
])('on a socket of %s', (_where, open) => {
  const claims = {
    'a `got` beyond the head': { t: 'got', seq: FAR },
    'a `pull` behind the head': { t: 'pull', after: FAR, limit: 1 },
  };

  it.each(Object.entries(claims))('%s gives no credit', async (_what, claim) => {
    const [ada = '', bob = ''] = newUsers(2);
    const { chat, socket } = await open([ada, bob]);
    await socket.next('events');
    // Half as much again as the credit, and the lie in the middle: were it believed, all of it would be sent.
    const half = Math.floor((0.75 * CREDIT) / CONTENT.length);
    for (let sent = 0; sent < half; sent++) await say(chat, ada);
    socket.send({ ...claim, chat_id: chat });
    await socket.next(
      claim.t === 'got' ? 'error' : 'events',
      (frame) => frame.t === 'error' || frame.has_more === false,
    );
    for (let sent = 0; sent < half; sent++) await say(chat, ada);
    expect(await socket.next('lag')).toMatchObject({ chat_id: chat });
  });

  it('a `got` beyond the head is refused, and what can be so is taken', async () => {
    const [ada = '', bob = ''] = newUsers(2);
    const { chat, socket } = await open([ada, bob]);
    await socket.next('events');
    const seq = await say(chat, ada);
    await socket.next('events', ({ events }) => events.some((event) => event.seq === seq));
    socket.send([
      { t: 'got', chat_id: chat, seq },
      { t: 'got', chat_id: chat, seq: seq + 1 },
    ]);
    const refused = await socket.next('error');
    expect(refused).toMatchObject({ code: 'invalid', chat_id: chat });
    expect(refused.message).toContain(`beyond the head, which is ${seq}`);
    socket.send({ t: 'pull', chat_id: chat, after: seq });
    await socket.next('events', ({ has_more }) => has_more === false);
    expect(socket.pending.filter(({ t }) => t === 'error')).toEqual([]);
  });

  it('presence is refused: it is told on the inbox socket', async () => {
    const { socket } = await open(newUsers(2));
    await socket.next('events');
    socket.send({ t: 'presence', state: 'away' });
    expect(await socket.next('error')).toMatchObject({ code: 'invalid', message: expect.stringContaining('/api/ws') });
  });
});

it('on a socket of the inbox a `got` beyond the head is refused by the room', async () => {
  const [ada = '', bob = ''] = newUsers(2);
  const chat = await createChat([ada, bob]);
  const socket = await inboxSocket(identity(bob));
  await socket.next('inbox');
  const seq = await say(chat, ada);
  socket.send({ t: 'got', chat_id: chat, seq: seq + 1 });
  expect(await socket.next('error')).toMatchObject({ code: 'invalid', chat_id: chat });
  // It is not noted as delivered either.
  const members = value(await roomOf(chat).members(ada, { limit: 10 })).items;
  expect(members.find(({ user_id }) => user_id === bob)?.delivered_seq).toBeLessThanOrEqual(seq);
});
