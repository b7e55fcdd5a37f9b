import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent, Hole } from '../../../src/protocol/events.ts';
import {
  applyEvents,
  applyOlder,
  hintHead,
  isBehind,
  type LogPage,
  type LogState,
  startLog,
  trimLog,
} from '../../../src/protocol/reduce.ts';

const EPOCH = 'e1';

const message = (seq: number): ChatEvent => ({
  type: 'message',
  seq,
  ordinal: seq,
  actor_id: 'usr_a',
  client_id: `c${seq}`,
  kind: 'text',
  content: `message ${seq}`,
  created_at: '2026-11-21T08:00:00.000Z',
});

/** A log as the server has it: 1..head, of which `hidden` seqs answer with a hole. */
interface ServerLog {
  head: number;
  hidden: ReadonlySet<number>;
}

/** What a page over (after, upto] holds, the holes merged as a server may or may not do. */
function pageOf(log: ServerLog, after: number, upto: number, head = log.head): LogPage {
  const items: ChatEvent[] = [];
  const holes: Hole[] = [];
  for (let seq = after + 1; seq <= upto; seq++) {
    const last = holes.at(-1);
    if (!log.hidden.has(seq)) items.push(message(seq));
    else if (last?.to_seq === seq - 1) last.to_seq = seq;
    else holes.push({ from_seq: seq, to_seq: seq, reason: 'erased' });
  }
  return { epoch: EPOCH, head_seq: head, items, ...(holes.length > 0 ? { holes } : {}) };
}

/** A client that keeps what the reducer gives it. */
class Replica {
  state: LogState;
  events: ChatEvent[] = [];
  resets = 0;

  constructor(start: LogState) {
    this.state = start;
  }

  apply(page: LogPage): void {
    const step = applyEvents(this.state, page);
    if (step.reset) {
      this.resets++;
      this.events = [];
    }
    for (const event of step.added) {
      const last = this.events.at(-1);
      if (last !== undefined) expect(event.seq).toBeGreaterThan(last.seq);
      expect(event.seq).toBeGreaterThan(step.reset ? step.state.from : this.state.upto);
      this.events.push(event);
    }
    if (step.state.epoch === this.state.epoch) expect(step.state.head).toBeGreaterThanOrEqual(this.state.head);
    this.state = step.state;
    expect(this.state.from).toBeLessThanOrEqual(this.state.upto);
    expect(this.state.upto).toBeLessThanOrEqual(this.state.head);
  }

  /** What a client does about a gap, until there is none. */
  repair(log: ServerLog, pageSize: number): void {
    for (let rounds = 0; isBehind(this.state); rounds++) {
      expect(rounds).toBeLessThan(1_000);
      this.apply(pageOf(log, this.state.upto, Math.min(log.head, this.state.upto + pageSize)));
    }
  }
}

/** What a client holds that read the log straight from `from`. */
const straight = (log: ServerLog, from: number) => pageOf(log, from, log.head).items;

const serverLog = fc
  .record({
    head: fc.integer({ min: 1, max: 60 }),
    hidden: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 15 }),
  })
  .map(({ head, hidden }) => ({ head, hidden: new Set(hidden) }));

const action = fc.oneof(
  // A page or a push anywhere in the log: late, repeated, overlapping, ahead of a gap.
  fc.record({
    kind: fc.constant('page' as const),
    after: fc.nat(60),
    size: fc.integer({ min: 0, max: 12 }),
    head: fc.nat(60),
  }),
  fc.record({ kind: fc.constant('hint' as const), head: fc.nat(60) }),
  fc.record({ kind: fc.constant('pull' as const), size: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('reset' as const), size: fc.integer({ min: 1, max: 10 }) }),
);

describe('applyEvents', () => {
  it('ends with what a straight read gives, whatever came in which order', () => {
    fc.assert(
      fc.property(serverLog, fc.array(action, { maxLength: 40, size: 'max' }), fc.nat(60), (log, actions, start) => {
        const replica = new Replica(startLog(EPOCH, Math.min(start, log.head)));
        for (const step of actions) {
          if (step.kind === 'hint') replica.state = hintHead(replica.state, Math.min(step.head, log.head));
          else if (step.kind === 'pull') {
            replica.apply(pageOf(log, replica.state.upto, Math.min(log.head, replica.state.upto + step.size)));
          } else if (step.kind === 'reset') {
            replica.apply({ ...pageOf(log, Math.max(0, log.head - step.size), log.head), reset: true });
          } else {
            const after = Math.min(step.after, log.head);
            const upto = Math.min(after + step.size, log.head);
            replica.apply(pageOf(log, after, upto, Math.max(upto, Math.min(step.head, log.head))));
          }
        }
        replica.state = hintHead(replica.state, log.head);
        replica.repair(log, 7);
        expect(replica.state.upto).toBe(log.head);
        expect(replica.state.ahead).toEqual([]);
        expect(replica.events).toEqual(straight(log, replica.state.from));
      }),
      { numRuns: 500 },
    );
  });

  it('does not change the state it is given, and gives the same for the same', () => {
    fc.assert(
      fc.property(serverLog, fc.nat(60), fc.nat(60), (log, after, size) => {
        const state = Object.freeze(startLog(EPOCH, Math.min(after, log.head)));
        const page = pageOf(log, Math.min(size, log.head), log.head);
        Object.freeze(page.items);
        expect(applyEvents(state, page)).toEqual(applyEvents(state, page));
      }),
    );
  });

  it('applied twice, a page adds nothing the second time', () => {
    fc.assert(
      fc.property(serverLog, fc.nat(60), fc.nat(60), (log, start, after) => {
        const page = pageOf(log, Math.min(after, log.head), log.head);
        const once = applyEvents(startLog(EPOCH, Math.min(start, log.head)), page);
        const twice = applyEvents(once.state, page);
        expect(twice).toEqual({ state: once.state, reset: false, added: [], holes: [] });
      }),
    );
  });

  it('begins with its first page when nothing is known, and says nothing of a reset', () => {
    const log = { head: 9, hidden: new Set<number>() };
    const step = applyEvents(startLog(null), pageOf(log, 6, 8, 9));
    expect(step).toMatchObject({ reset: false, state: { epoch: EPOCH, from: 6, upto: 8, head: 9 } });
    expect(applyEvents(startLog(null), { epoch: EPOCH, head_seq: 9, items: [] }).state).toMatchObject({
      from: 9,
      upto: 9,
    });
  });

  it('keeps what lies beyond a gap until the gap closes', () => {
    const log = { head: 9, hidden: new Set<number>() };
    const gap = applyEvents(startLog(EPOCH, 3), pageOf(log, 6, 9));
    expect(gap).toMatchObject({ added: [], state: { upto: 3, head: 9 } });
    const closed = applyEvents(gap.state, pageOf(log, 3, 6));
    expect(closed.added.map((event) => event.seq)).toEqual([4, 5, 6, 7, 8, 9]);
  });

  it('passes over a hole with its reason, never silently', () => {
    const page: LogPage = {
      epoch: EPOCH,
      head_seq: 9,
      items: [message(6), message(9)],
      holes: [
        { from_seq: 1, to_seq: 5, reason: 'before_join' },
        { from_seq: 7, to_seq: 8, reason: 'erased' },
      ],
    };
    const step = applyEvents(startLog(EPOCH, 2), page);
    expect(step.state.upto).toBe(9);
    expect(step.added.map((event) => event.seq)).toEqual([6, 9]);
    expect(step.holes.map((hole) => hole.reason)).toEqual(['before_join', 'erased']);
  });

  it('a reset page begins where its newest run begins, though a hole before the join comes with it', () => {
    const page: LogPage = {
      epoch: EPOCH,
      head_seq: 50,
      items: [message(48), message(49), message(50)],
      holes: [{ from_seq: 1, to_seq: 10, reason: 'before_join' }],
      reset: true,
    };
    const step = applyEvents(startLog(EPOCH, 12), page);
    expect(step).toMatchObject({ reset: true, state: { from: 47, upto: 50 } });
    expect(step.added.map((event) => event.seq)).toEqual([48, 49, 50]);
  });

  it('a reset page that joins on to what is held voids nothing', () => {
    const log = { head: 20, hidden: new Set<number>() };
    const step = applyEvents(startLog(EPOCH, 15), { ...pageOf(log, 10, 20), reset: true });
    expect(step.reset).toBe(false);
    expect(step.added.map((event) => event.seq)).toEqual([16, 17, 18, 19, 20]);
  });

  it('another epoch voids everything; a late page of the old one is not applied', () => {
    const log = { head: 20, hidden: new Set<number>() };
    const before = applyEvents(startLog(EPOCH, 10), pageOf(log, 10, 20)).state;
    const restored: LogPage = { epoch: 'e2', head_seq: 12, items: [message(11), message(12)] };
    const step = applyEvents(before, restored);
    expect(step).toMatchObject({ reset: true, state: { epoch: 'e2', from: 10, upto: 12, head: 12, past: [EPOCH] } });
    expect(applyEvents(step.state, pageOf(log, 12, 20))).toEqual({
      state: step.state,
      reset: false,
      added: [],
      holes: [],
    });
  });

  it('random changes of epoch end with a straight read of the last one', () => {
    const epochs = fc.array(
      fc.record({ head: fc.integer({ min: 1, max: 30 }), pages: fc.array(fc.tuple(fc.nat(30), fc.nat(8))) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(epochs, fc.array(fc.tuple(fc.nat(3), fc.nat(30)), { maxLength: 5 }), (histories, late) => {
        const replica = new Replica(startLog(null));
        const inEpoch = (index: number, page: LogPage): LogPage => ({ ...page, epoch: `e${index}` });
        for (const [index, { head, pages }] of histories.entries()) {
          const log = { head, hidden: new Set<number>() };
          replica.apply(inEpoch(index, { ...pageOf(log, head, head), items: [] }));
          for (const [after, size] of pages) {
            const from = Math.min(after, head);
            replica.apply(inEpoch(index, pageOf(log, from, Math.min(head, from + size))));
            for (const [which, seq] of late) {
              const old = histories[which];
              if (old === undefined || which >= index) continue;
              const at = Math.min(seq, old.head);
              replica.apply(inEpoch(which, pageOf({ head: old.head, hidden: new Set() }, Math.max(0, at - 3), at)));
            }
          }
        }
        const log = { head: histories.at(-1)?.head ?? 0, hidden: new Set<number>() };
        for (let rounds = 0; isBehind(replica.state); rounds++) {
          expect(rounds).toBeLessThan(100);
          replica.apply(inEpoch(histories.length - 1, pageOf(log, replica.state.upto, log.head)));
        }
        expect(replica.events).toEqual(straight(log, replica.state.from));
        expect(replica.state.upto).toBe(log.head);
      }),
    );
  });
});

describe('applyOlder and trimLog', () => {
  it('a window that grows backwards and is cut stays a run of the log', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('older' as const), size: fc.integer({ min: 1, max: 15 }) }),
      fc.record({ kind: fc.constant('trim' as const), to: fc.nat(60) }),
    );
    fc.assert(
      fc.property(serverLog, fc.array(step, { maxLength: 20, size: 'max' }), (log, steps) => {
        let state = startLog(EPOCH, log.head);
        let events: ChatEvent[] = [];
        for (const action of steps) {
          if (action.kind === 'trim') {
            state = trimLog(state, action.to);
            events = events.filter((event) => event.seq > state.from);
          } else {
            const result = applyOlder(state, pageOf(log, Math.max(0, state.from - action.size), state.from));
            expect(result.state.from).toBe(Math.max(0, state.from - action.size));
            state = result.state;
            events = [...result.older, ...events];
          }
          expect(events).toEqual(straight(log, state.from));
        }
      }),
    );
  });

  it('takes nothing from a page that does not reach up to what is held, or of another epoch', () => {
    const log = { head: 30, hidden: new Set<number>() };
    const state = startLog(EPOCH, 20);
    expect(applyOlder(state, pageOf(log, 5, 18))).toEqual({ state, older: [], holes: [] });
    expect(applyOlder(state, { ...pageOf(log, 5, 20), epoch: 'e2' })).toEqual({ state, older: [], holes: [] });
  });
});
