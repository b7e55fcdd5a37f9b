import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxEntry } from '../../src/outbox.ts';

const entry = (order: number, chat: string): OutboxEntry => ({
  client_id: `m${order}`,
  chat_id: chat,
  order,
  created_at: '2026-11-21T08:00:00.000Z',
  fields: { kind: 'text', content: `message ${order}` },
});

/** A room that takes each client_id once, in the order in which it arrives. */
class Server {
  readonly logs = new Map<string, string[]>();

  take(chat: string, clientId: string): void {
    const log = this.logs.get(chat) ?? [];
    this.logs.set(chat, log);
    if (!log.includes(clientId)) log.push(clientId);
  }
}

type Packet = { route: string; chat: string; clientId: string };

/** Two connections that can be cut with frames and acknowledgements under way; storage that may lag behind. */
class World {
  outbox = new Outbox();
  stored = new Map<string, OutboxEntry>();
  unsaved: OutboxEntry[] = [];
  readonly server = new Server();
  up = new Map<string, boolean>([
    ['room', false],
    ['inbox', false],
  ]);
  toServer: Packet[] = [];
  acks: Packet[] = [];
  now = 0;

  pump(): void {
    for (const chat of [...this.outbox.chats()]) {
      const due = this.outbox.due(chat, this.now, (current) => {
        if (current !== null && this.up.get(current)) return current;
        return ['room', 'inbox'].find((route) => this.up.get(route)) ?? null;
      });
      for (const {
        entry: { client_id, chat_id },
        route,
      } of due) {
        expect(this.stored.has(client_id), 'stored before it is sent').toBe(true);
        this.toServer.push({ route, chat: chat_id, clientId: client_id });
      }
    }
  }

  save(): void {
    for (const unsaved of this.unsaved.splice(0)) {
      this.stored.set(unsaved.client_id, unsaved);
      this.outbox.saved(unsaved.client_id);
    }
  }

  cut(route: string): void {
    this.up.set(route, false);
    this.toServer = this.toServer.filter((packet) => packet.route !== route);
    this.acks = this.acks.filter((packet) => packet.route !== route);
    this.outbox.lost(route);
  }

  /** The frames of one connection keep their order; those of the two interleave. */
  arrive(which: number): void {
    const routes = [...new Set(this.toServer.map((packet) => packet.route))];
    const route = routes[which % Math.max(1, routes.length)];
    const at = this.toServer.findIndex((packet) => packet.route === route);
    const packet = this.toServer[at];
    if (packet === undefined) return;
    this.toServer.splice(at, 1);
    this.server.take(packet.chat, packet.clientId);
    this.acks.push(packet);
  }

  acknowledge(): void {
    const packet = this.acks.shift();
    if (packet !== undefined && this.outbox.acked(packet.clientId) !== undefined) this.stored.delete(packet.clientId);
  }

  restart(): void {
    for (const route of [...this.up.keys()]) this.cut(route);
    this.unsaved = [];
    this.outbox = new Outbox();
    this.outbox.restore([...this.stored.values()]);
  }
}

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), chat: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('save' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('up' as const), route: fc.constantFrom('room', 'inbox') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), route: fc.constantFrom('room', 'inbox') }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('arrive' as const), which: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ack' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

describe('Outbox', () => {
  it('brings every stored message once and in order, through cuts at any point and restarts', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150, size: 'max' }), (operations) => {
        const world = new World();
        const written: OutboxEntry[] = [];
        for (const step of operations) {
          if (step.kind === 'send') {
            const made = entry(world.outbox.nextOrder(), `chat_${step.chat}`);
            // After a restart the order goes on from what was stored; what was lost unsaved may leave its name free.
            if (written.some((other) => other.client_id === made.client_id)) continue;
            world.outbox.add(made);
            world.unsaved.push(made);
            written.push(made);
          } else if (step.kind === 'save') world.save();
          else if (step.kind === 'up') world.up.set(step.route, true);
          else if (step.kind === 'cut') world.cut(step.route);
          else if (step.kind === 'arrive') world.arrive(step.which);
          else if (step.kind === 'ack') world.acknowledge();
          else {
            const lost = new Set(world.unsaved.map((unsaved) => unsaved.client_id));
            world.restart();
            for (let i = written.length - 1; i >= 0; i--)
              if (lost.has(written[i]?.client_id ?? '')) written.splice(i, 1);
          }
          world.pump();
        }
        world.save();
        for (let rounds = 0; world.outbox.size > 0; rounds++) {
          expect(rounds).toBeLessThan(1_000);
          world.up.set('inbox', true);
          world.pump();
          world.arrive(0);
          world.acknowledge();
        }
        for (const chat of ['chat_0', 'chat_1']) {
          const expected = written.filter((made) => made.chat_id === chat).map((made) => made.client_id);
          expect(world.server.logs.get(chat) ?? []).toEqual(expected);
        }
        expect(world.stored.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  const one = (...orders: number[]) => {
    const outbox = new Outbox();
    outbox.restore(orders.map((order) => entry(order, 'chat_0')));
    return outbox;
  };
  const send = (outbox: Outbox, now = 0) =>
    outbox.due('chat_0', now, () => 'inbox').map(({ entry: { client_id } }) => client_id);

  it('waits for what is not stored yet, so that nothing overtakes it', () => {
    const outbox = one(1);
    outbox.add(entry(2, 'chat_0'));
    outbox.add(entry(3, 'chat_0'));
    outbox.saved('m3');
    expect(send(outbox)).toEqual(['m1']);
    outbox.saved('m2');
    expect(send(outbox)).toEqual(['m2', 'm3']);
  });

  it('a refusal takes down that message alone', () => {
    const outbox = one(1, 2, 3);
    send(outbox);
    const failed = outbox.refused('m2', { code: 'conflict', message: 'other content' }, 0);
    expect(failed?.failure).toEqual({ code: 'conflict', message: 'other content' });
    outbox.lost('inbox');
    expect(send(outbox)).toEqual(['m1', 'm3']);
    expect(outbox.phase('m2')).toBe('failed');
  });

  it('told to wait, it waits that long, and a message that is never taken fails at last', () => {
    const outbox = one(1, 2);
    send(outbox);
    outbox.refused('m1', { code: 'rate_limited', message: 'slower', retryAfter: 5 }, 1_000);
    expect(outbox.nextPauseEnd(1_000)).toBe(6_000);
    expect(send(outbox, 5_999)).toEqual([]);
    expect(send(outbox, 6_000)).toEqual(['m1']);
    let failed: OutboxEntry | undefined;
    for (let now = 10_000; failed === undefined && now < 1e9; now += 60_000) {
      send(outbox, now);
      failed = outbox.refused('m1', { code: 'rate_limited', message: 'slower', retryAfter: 5 }, now);
    }
    expect(failed?.failure?.code).toBe('rate_limited');
  });

  it('a failed message goes again behind the others, and survives a restart as failed', () => {
    const outbox = one(1, 2);
    send(outbox);
    const failed = outbox.refused('m1', { code: 'forbidden', message: 'no' }, 0);
    const again = new Outbox();
    again.restore([failed ?? entry(0, ''), entry(2, 'chat_0')]);
    expect(send(again)).toEqual(['m2']);
    const retried = again.retry('m1');
    expect(retried?.order).toBe(3);
    expect(retried).not.toHaveProperty('failure');
    again.saved('m1');
    expect(send(again)).toEqual(['m1']);
  });

  it('keeps to the connection that has unanswered messages of the conversation', () => {
    const outbox = one(1);
    const picks: (string | null)[] = [];
    const on = (route: string) =>
      outbox.due('chat_0', 0, (current) => {
        picks.push(current);
        return current ?? route;
      });
    expect(on('inbox').map(({ route }) => route)).toEqual(['inbox']);
    outbox.add(entry(2, 'chat_0'));
    outbox.saved('m2');
    expect(on('room').map(({ route }) => route)).toEqual(['inbox']);
    expect(picks).toEqual([null, 'inbox']);
  });

  it('has a bounded number unanswered', () => {
    const outbox = one(...Array.from({ length: 300 }, (_, i) => i + 1));
    expect(send(outbox)).toHaveLength(128);
    expect(send(outbox)).toHaveLength(0);
    outbox.acked('m1');
    expect(send(outbox)).toEqual(['m129']);
  });
});
