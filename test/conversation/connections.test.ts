import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connections, type ConnectionsPorts } from '../../src/conversation/connections.ts';
import { HOUR, identity, newUser } from '../support/objects.ts';

const now = Date.now();
const lag = () => '{"t":"lag"}';

/** A socket whose far side keeps what it gets. */
function pair() {
  const { 0: client, 1: server } = new WebSocketPair();
  const got: string[] = [];
  client.addEventListener('message', ({ data }) => {
    got.push(String(data));
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    client.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
  });
  client.accept();
  server.accept();
  return { server, got, closed };
}

function room(sockets: number, expires_at = now + HOUR, ports: ConnectionsPorts = {}) {
  const connections = new Connections([], ports);
  const list = Array.from({ length: sockets }, () => {
    const ends = pair();
    return { ...ends, connection: connections.add(ends.server, identity(newUser(), { expires_at })) };
  });
  let head = 0;
  const broadcast = (text: string) => {
    head += 1;
    connections.broadcast(text, head, now, lag);
    return head;
  };
  return { connections, list, broadcast };
}

const arrived = () => scheduler.wait(5);

describe('credit', () => {
  it('a socket that confirms is never held back, however much is sent', async () => {
    const { connections, list, broadcast } = room(2);
    for (let i = 0; i < 50; i++) {
      const head = broadcast('x'.repeat(100_000));
      for (const { connection } of list) connections.confirm(connection, head, head);
    }
    await arrived();
    for (const { got, connection } of list) expect([got.length, connection.lagging]).toEqual([50, false]);
  });

  it('a socket that confirms nothing gets no more than its credit, one hint, and then nothing', async () => {
    const { list, broadcast } = room(1);
    for (let i = 0; i < 50; i++) broadcast('x'.repeat(100_000));
    await arrived();
    const [only] = list;
    expect(only?.got.at(-1)).toBe(lag());
    expect(only?.got.filter((text) => text === lag())).toHaveLength(1);
    expect(only?.got.slice(0, -1).join('').length).toBeLessThanOrEqual(1024 * 1024);
    expect(only?.got.length).toBe(11);
  });

  it('holds back only the slow one', async () => {
    const { connections, list, broadcast } = room(2);
    const [fast, slow] = list;
    if (fast === undefined || slow === undefined) throw new Error('two sockets');
    for (let i = 0; i < 30; i++) {
      const head = broadcast('x'.repeat(100_000));
      connections.confirm(fast.connection, head, head);
    }
    await arrived();
    expect([fast.got.length, slow.got.length]).toEqual([30, 11]);
  });

  it('comes back for what is confirmed, and for no more', async () => {
    const { connections, list, broadcast } = room(1);
    const [only] = list;
    if (only === undefined) throw new Error('one socket');
    for (let i = 0; i < 8; i++) broadcast('x'.repeat(100_000));
    connections.confirm(only.connection, 4, 8);
    for (let i = 0; i < 6; i++) broadcast('x'.repeat(100_000));
    expect(only.connection.lagging).toBe(false);
    broadcast('x'.repeat(100_000));
    expect(only.connection.lagging).toBe(true);
  });

  it('is not increased by a confirmation that comes again, or late', () => {
    const { connections, list, broadcast } = room(1);
    const [only] = list;
    if (only === undefined) throw new Error('one socket');
    for (let i = 0; i < 6; i++) broadcast('x'.repeat(100_000));
    connections.confirm(only.connection, 6, 6);
    for (let i = 0; i < 10; i++) broadcast('x'.repeat(100_000));
    connections.confirm(only.connection, 3, 16);
    connections.confirm(only.connection, 0, 16);
    broadcast('x'.repeat(100_000));
    expect(only.connection.lagging).toBe(true);
  });

  it('is shared out: in a full room each socket has less', () => {
    const { connections, list, broadcast } = room(600);
    for (let i = 0; i < 2; i++) broadcast('x'.repeat(100_000));
    expect(list.every(({ connection }) => connection.lagging)).toBe(true);
    expect(connections.size).toBe(600);
  });

  it('is remembered over more broadcasts than are kept, for those who keep up', async () => {
    const { connections, list, broadcast } = room(1);
    const [only] = list;
    if (only === undefined) throw new Error('one socket');
    for (let i = 0; i < 20_000; i++) {
      const head = broadcast('x'.repeat(100));
      if (head % 1000 === 0) connections.confirm(only.connection, head, head);
    }
    await arrived();
    expect([only.connection.lagging, only.got.length]).toEqual([false, 20_000]);
  });

  it('is given back for what is confirmed: never more, all of it at the head, and elsewhere a few kilobytes less at most', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 400 });
    const asked = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(sizes, asked, (sizes, asked) => {
        const { connections, list, broadcast } = room(1);
        const [only] = list;
        if (only === undefined) throw new Error('one socket');
        const sent = [0];
        for (const size of sizes) {
          broadcast('x'.repeat(size));
          sent.push((sent.at(-1) ?? 0) + size);
        }
        for (const seq of [...asked.map((share) => Math.round(share * sizes.length)), sizes.length]) {
          only.connection.lagging = false;
          only.connection.confirmed = 0;
          connections.confirm(only.connection, seq, sizes.length);
          const exact = sent[seq] ?? 0;
          expect(only.connection.confirmed).toBeLessThanOrEqual(exact);
          expect(exact - only.connection.confirmed).toBeLessThan(seq === sizes.length ? 1 : 2048 + 3000);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('a lagging socket is live again when it holds the head, and not before', async () => {
    const { connections, list, broadcast } = room(1);
    const [only] = list;
    if (only === undefined) throw new Error('one socket');
    for (let i = 0; i < 12; i++) broadcast('x'.repeat(100_000));
    connections.confirm(only.connection, 11, 12);
    expect(only.connection.lagging).toBe(true);
    connections.confirm(only.connection, 12, 12);
    expect(only.connection.lagging).toBe(false);
    broadcast('again');
    await arrived();
    expect(only.got.at(-1)).toBe('again');
  });

  it('a page that ends at the head makes it live, and counts against its credit', () => {
    const { connections, list, broadcast } = room(1);
    const [only] = list;
    if (only === undefined) throw new Error('one socket');
    for (let i = 0; i < 12; i++) broadcast('x'.repeat(100_000));
    connections.resume(only.connection, 900_000);
    broadcast('x'.repeat(100_000));
    expect(only.connection.lagging).toBe(false);
    broadcast('x'.repeat(100_000));
    expect(only.connection.lagging).toBe(true);
  });

  it('signals need none, but a lagging socket does without them', async () => {
    const { connections, list, broadcast } = room(2);
    const [slow, other] = list;
    if (slow === undefined || other === undefined) throw new Error('two sockets');
    for (let i = 0; i < 12; i++) {
      const head = broadcast('x'.repeat(100_000));
      connections.confirm(other.connection, head, head);
    }
    connections.signal('typing', now);
    connections.signal('not for the other', now, other.connection.identity.user_id);
    await arrived();
    expect([slow.got.at(-1), other.got.at(-1)]).toEqual([lag(), 'typing']);
  });
});

describe('the end of a token', () => {
  it('closes the socket at the next thing that would be sent to it, which it does not get', async () => {
    const { connections, list } = room(1, now + 1000);
    const [only] = list;
    connections.broadcast('before', 1, now + 999, lag);
    connections.broadcast('after', 2, now + 1000, lag);
    connections.signal('after', now + 1000);
    expect(await only?.closed).toEqual({ code: 4401, reason: 'token_expired' });
    expect(only?.got).toEqual(['before']);
    expect(connections.size).toBe(0);
  });
});

describe('ending', () => {
  it('closes those that match with the reason, and nothing reaches them any more', async () => {
    const { connections, list, broadcast } = room(3);
    const [first, second] = list;
    connections.end(({ identity: { user_id } }) => user_id === first?.connection.identity.user_id, 'forbidden');
    broadcast('later');
    expect(await first?.closed).toEqual({ code: 4403, reason: 'forbidden' });
    await arrived();
    expect([first?.got, second?.got]).toEqual([[], ['later']]);
  });

  it('a socket that has gone already is no fault', () => {
    const { connections, list, broadcast } = room(2);
    list[0]?.server.close(1000);
    broadcast('x');
    connections.end(() => true, 'forbidden');
    expect(connections.size).toBe(0);
  });
});

describe('answers', () => {
  it('go with the frame of their turn, ahead of it, and first of all', async () => {
    const { connections, list, broadcast } = room(3);
    const [one, two, three] = list;
    if (one === undefined || two === undefined || three === undefined) throw new Error('three sockets');
    const order: number[] = [];
    for (const [index, { server }] of list.entries()) {
      const send = server.send.bind(server);
      server.send = (text: string) => {
        order.push(index);
        send(text);
      };
    }
    connections.answer(three.connection, '{"a":1}');
    connections.answer(three.connection, '{"a":2}');
    broadcast('{"e":1}');
    connections.flush();
    broadcast('{"e":2}');
    await arrived();
    expect(order).toEqual([2, 0, 1, 0, 1, 2]);
    expect(one.got).toEqual(['{"e":1}', '{"e":2}']);
    expect(three.got).toEqual(['[{"a":1},{"a":2},{"e":1}]', '{"e":2}']);
  });

  it('reach whom nothing is broadcast to: one who lags, one whose token has ended, one who is alone', async () => {
    const { connections, list, broadcast } = room(2);
    const [slow, other] = list;
    if (slow === undefined || other === undefined) throw new Error('two sockets');
    connections.lag(slow.connection, lag());
    connections.answer(slow.connection, '{"a":1}');
    broadcast('{"e":1}');
    connections.answer(other.connection, '{"a":2}');
    connections.flush();
    connections.answer(other.connection, '{"a":3}');
    other.connection.identity.expires_at = now - 1;
    broadcast('{"e":2}');
    await arrived();
    expect(slow.got).toEqual([lag(), '{"a":1}']);
    expect(other.got).toEqual(['{"e":1}', '{"a":2}', '{"a":3}']);
    expect((await other.closed).reason).toBe('token_expired');
  });
});

describe('a message that comes alone in a room of many sockets', () => {
  /** A room whose commits end when they are told to. */
  function waiting(sockets: number) {
    const acts: (() => void)[] = [];
    const made = room(sockets, now + HOUR, { afterCommit: (act) => void acts.push(act) });
    const commit = () => {
      for (const act of acts.splice(0)) act();
    };
    /** Answers the first socket, and broadcasts. */
    const send = (text: string, answers = 1) => {
      const [first] = made.list;
      if (first === undefined) throw new Error('a socket');
      for (let i = 0; i < answers; i++) made.connections.answer(first.connection, `{"ack":${i}}`);
      made.broadcast(text);
      made.connections.flush();
    };
    const got = () => made.list.map((socket) => socket.got);
    return { ...made, acts, commit, send, got };
  }

  it('is first on its way to its sender, with the ack, and to the others when it is stored', async () => {
    const { send, commit, got } = waiting(17);
    send('{"n":1}');
    await arrived();
    expect(got()).toEqual([['[{"ack":0},{"n":1}]'], ...Array(16).fill([])]);
    commit();
    await arrived();
    expect(got().slice(1)).toEqual(Array(16).fill(['{"n":1}']));
    expect(got()[0]).toHaveLength(1);
  });

  it('is sent at once where sockets are few, with a batch, and when it answers nobody', async () => {
    const few = waiting(16);
    few.send('{"n":1}');
    const batch = waiting(17);
    batch.send('{"n":1}', 2);
    const quiet = waiting(17);
    quiet.broadcast('{"n":1}');
    await arrived();
    for (const { got, acts } of [few, batch, quiet]) {
      expect(got().slice(1)).toEqual(Array(got().length - 1).fill(['{"n":1}']));
      expect(acts).toHaveLength(0);
    }
  });

  it('comes before whatever else happens to a socket', async () => {
    const others: Record<string, (made: ReturnType<typeof waiting>) => void> = {
      'a broadcast': ({ broadcast }) => void broadcast('{"n":2}'),
      'a signal': ({ connections }) => connections.signal('{"n":2}', now),
      'an answer to what comes on it': ({ connections, list }) => {
        for (const { server } of list) connections.get(server)?.send('{"n":2}');
      },
      'its end': ({ connections }) => connections.end(() => true, 'forbidden'),
    };
    for (const [name, act] of Object.entries(others)) {
      const made = waiting(17);
      made.send('{"n":1}');
      act(made);
      await arrived();
      const [sender = [], ...rest] = made.got();
      const after = name === 'its end' ? [] : ['{"n":2}'];
      expect([name, rest]).toEqual([name, Array(16).fill(['{"n":1}', ...after])]);
      expect([name, sender]).toEqual([name, ['[{"ack":0},{"n":1}]', ...after]]);
      made.commit();
      await arrived();
      expect([name, made.got()]).toEqual([name, [sender, ...rest]]);
    }
  });

  it('is not sent again to a socket that comes before it is out: its greeting has it', async () => {
    const { connections, list, send, commit } = waiting(17);
    send('{"n":1}');
    const late = pair();
    connections.add(late.server, identity(newUser()));
    commit();
    await arrived();
    expect(late.got).toEqual([]);
    expect(list.every(({ got }) => got.length === 1)).toBe(true);
  });
});
