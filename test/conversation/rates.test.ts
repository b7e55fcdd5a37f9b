import { expect, it, vi } from 'vitest';
import { z } from 'zod';
import { receive } from '../../src/conversation/exchange.ts';
import { Room } from '../../src/conversation/room.ts';
import { ServerFrame } from '../../src/protocol/frames.ts';
import { RATES } from '../../src/protocol/limits.ts';
import { identity, newUser, overStorage } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const strict = (test: TestRoom) =>
  new Room(test.storage, [], test.clock.read, { ...test.inboxes.ports, rateLimits: true });

const { burst, perSecond } = RATES.sendsPerUser;

it('takes as many messages of a user as the rate says, and asks them to wait with the next', () =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const [ada, ben] = [newUser(), newUser()];
    test.create([ada, ben]);
    test.room = strict(test);
    const answers = await Promise.all(Array.from({ length: burst }, () => test.send(ada)));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    const head = test.conversation.log.head;
    expect(await test.send(ada)).toMatchObject({ ok: false, refusal: { code: 'rate_limited', retry_after: 1 } });
    expect(test.conversation.log.head).toBe(head);
    expect(await test.send(ben)).toMatchObject({ ok: true });
    test.clock.pass(1000 / perSecond);
    expect(await test.send(ada)).toMatchObject({ ok: true });
    expect(await test.send(ada)).toMatchObject({ ok: false });
  }));

it('answers what was refused once it is sent again', () =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const ada = newUser();
    test.create([ada]);
    test.room = strict(test);
    await Promise.all(Array.from({ length: burst }, () => test.send(ada)));
    expect(await test.send(ada, 'late', { client_id: 'late' })).toMatchObject({ ok: false });
    test.clock.pass(1000);
    const sent = await test.send(ada, 'late', { client_id: 'late' });
    expect(sent).toMatchObject({ ok: true, value: { duplicate: false } });
  }));

it('lets nobody use up what is not theirs: who is no member is refused as such', () =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const [ada, stranger] = [newUser(), newUser()];
    test.create([ada]);
    test.room = strict(test);
    const answers = await Promise.all(Array.from({ length: burst + 1 }, () => test.send(stranger)));
    expect(answers.every((answer) => !answer.ok && answer.refusal.code === 'not_found')).toBe(true);
    expect(await test.send(ada)).toMatchObject({ ok: true });
  }));

it('answers on a socket at once, also when nobody else sends', () =>
  overStorage(async (storage) => {
    const test = new TestRoom(storage);
    const ada = newUser();
    test.create([ada]);
    const chat_id = test.conversation.chat.id;
    test.room = strict(test);
    const { 0: client, 1: server } = new WebSocketPair();
    const got: ServerFrame[] = [];
    client.addEventListener('message', ({ data }) => {
      got.push(...z.array(ServerFrame).parse([JSON.parse(String(data))].flat()));
    });
    client.accept();
    server.accept();
    const connection = test.room.connections.add(server, identity(ada));
    for (let i = 0; i <= burst; i++) {
      receive(test.room, connection, [{ t: 'send', client_id: `c${i}`, chat_id, kind: 'text', content: 'x' }]);
    }
    await vi.waitFor(() => expect(got.filter(({ t }) => t === 'ack')).toHaveLength(burst));
    expect(got.filter(({ t }) => t === 'error')).toMatchObject([{ code: 'rate_limited', client_id: `c${burst}` }]);
  }));
