import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '../../../sdk/src/index.ts';
import { Ledger, SharedLog } from '../../demo/ledger.ts';
import { checkHolders, checkLog, type Expected, membership } from '../../demo/proof.ts';

const base = { actor_id: 'usr_a', created_at: '2026-11-21T08:00:00.000Z' };
const said = (seq: number, content: string, more: { actor_id?: string; reply_to?: number } = {}): ChatEvent => ({
  ...base,
  seq,
  type: 'message',
  ordinal: seq - 1,
  client_id: `c${seq}`,
  kind: 'text',
  content,
  ...more,
});
const sent = (acked: number, content: string, reply_to?: number): Expected => ({
  type: 'message',
  sender_id: 'usr_a',
  content,
  reply_to,
  acked,
});

/** A log in which b comes, goes and comes again. */
const EVENTS: ChatEvent[] = [
  { ...base, seq: 1, type: 'chat.created', name: 'x', members: [{ user_id: 'usr_a', role: 'owner' }] },
  said(2, 'one'),
  { ...base, seq: 3, type: 'member.joined', user_ids: ['usr_b'] },
  said(4, 'two', { reply_to: 2 }),
  { ...base, seq: 5, type: 'member.left', user_id: 'usr_b', removed: false },
  said(6, 'three'),
  { ...base, seq: 7, type: 'member.joined', user_ids: ['usr_b'] },
  said(8, 'four'),
];
const EXPECTED: Expected[] = [
  { type: 'chat.created', members: ['usr_a'] },
  sent(2, 'one'),
  { type: 'member.joined', user_ids: ['usr_b'] },
  sent(4, 'two', 2),
  { type: 'member.left', user_id: 'usr_b' },
  sent(6, 'three'),
  { type: 'member.joined', user_ids: ['usr_b'] },
  sent(8, 'four'),
];
const event = (seq: number): ChatEvent => {
  const found = EVENTS[seq - 1];
  if (found === undefined) throw new Error(`no event ${seq}`);
  return found;
};
const from = (first: number, last: number): ChatEvent[] => EVENTS.slice(first - 1, last);

function holders() {
  const log = new SharedLog();
  const a = new Ledger(log);
  const b = new Ledger(log);
  a.add(EVENTS);
  b.add(from(3, 4));
  b.add(from(7, 8));
  return {
    log,
    a,
    b,
    list: [
      { name: 'a', user_id: 'usr_a', ledger: a },
      { name: 'b', user_id: 'usr_b', ledger: b },
    ],
  };
}

describe('a ledger', () => {
  it('keeps intervals, and joins loaded history on', () => {
    const ledger = new Ledger(new SharedLog());
    ledger.add(from(4, 4));
    ledger.addOlder(from(3, 4));
    expect(ledger.intervals).toEqual([{ from: 3, upto: 4 }]);
    ledger.add(from(8, 8));
    // What was held before is no history of the new interval.
    ledger.addOlder([...from(3, 4), ...from(7, 8)]);
    expect(ledger.intervals).toEqual([
      { from: 3, upto: 4 },
      { from: 7, upto: 8 },
    ]);
    expect(ledger.faults).toEqual([]);
  });

  it('faults what comes twice, or is another event than others hold', () => {
    const { a, b } = holders();
    a.add(from(8, 8));
    expect(a.faults).toEqual(['seq 8 came again, after 8']);
    b.add([said(9, 'nine')]);
    a.add([said(9, 'other')]);
    expect(a.faults[1]).toBe('seq 9 is not what others hold there');
  });

  it('faults history with a gap', () => {
    const ledger = new Ledger(new SharedLog());
    ledger.add(from(6, 6));
    ledger.addOlder([event(2), event(4), event(5)]);
    expect(ledger.faults).toEqual(['loaded history goes from 2 to 4']);
  });

  it('says when a seq is reached, and when it is not', async () => {
    const ledger = new Ledger(new SharedLog());
    const reached = ledger.reached(4, 1000);
    ledger.add(from(3, 4));
    await reached;
    await ledger.reached(2, 1);
    await expect(ledger.reached(5, 1)).rejects.toThrow('held up to 4 only, seq 5');
  });
});

describe('the proof', () => {
  it('holds when everything is there', () => {
    const { log, list } = holders();
    expect(checkLog(log, EXPECTED)).toEqual([]);
    expect(checkHolders(list, EXPECTED)).toEqual([]);
  });

  it('membership is from coming to the seq before leaving, or the head', () => {
    expect(membership(EXPECTED)).toEqual(
      new Map([
        ['usr_a', [{ from: 1, upto: 8 }]],
        [
          'usr_b',
          [
            { from: 3, upto: 4 },
            { from: 7, upto: 8 },
          ],
        ],
      ]),
    );
  });

  it.each<[string, (entry: Expected) => Expected]>([
    ['another text', (entry) => ({ ...entry, content: 'twо' })],
    ['another answer', (entry) => ({ ...entry, reply_to: 3 })],
    ['no answer', (entry) => ({ ...entry, reply_to: undefined })],
    ['another sender', (entry) => ({ ...entry, sender_id: 'usr_b' })],
    ['another seq', (entry) => ({ ...entry, acked: 5 })],
    ['another type', () => ({ type: 'member.left', user_id: 'usr_b' })],
  ])('fails with %s', (_, change) => {
    const { log } = holders();
    const expected = EXPECTED.map((entry, index) => (index === 3 ? change(entry) : entry));
    expect(checkLog(log, expected)).toHaveLength(1);
  });

  it('fails with other members', () => {
    const { log } = holders();
    const others: Expected[] = [{ type: 'chat.created', members: ['usr_c'] }, ...EXPECTED.slice(1)];
    expect(checkLog(log, others)).toEqual(['seq 1 has other members']);
    const joined = EXPECTED.with(2, { type: 'member.joined', user_ids: ['usr_c'] });
    expect(checkLog(log, joined)).toEqual(['seq 3 has other members joining']);
    const left = EXPECTED.with(4, { type: 'member.left', user_id: 'usr_c' });
    expect(checkLog(log, left)).toEqual(['seq 5 has somebody else leaving']);
  });

  it('fails with an event too many, or too few', () => {
    const { log } = holders();
    expect(checkLog(log, EXPECTED.slice(0, 7))).toEqual(['the log has 8 events, 7 were expected']);
    expect(checkLog(log, [...EXPECTED, sent(9, 'five')])).toContain('seq 9 is held by nobody');
  });

  it('fails when a client holds less, or more, than its membership', () => {
    const log = new SharedLog();
    const less = new Ledger(log);
    less.add([...from(1, 3), ...from(5, 8)]);
    const more = new Ledger(log);
    more.add(from(3, 8));
    const list = [
      { name: 'a', user_id: 'usr_a', ledger: less },
      { name: 'b', user_id: 'usr_b', ledger: more },
    ];
    expect(checkHolders(list, EXPECTED)).toEqual([
      'a: holds 1 to 3, 5 to 8, was a member for 1 to 8',
      'b: holds 3 to 8, was a member for 3 to 4, 7 to 8',
    ]);
  });

  it('fails when a client holds nothing', () => {
    const { list } = holders();
    const none = { name: 'c', user_id: 'usr_a', ledger: new Ledger(new SharedLog()) };
    expect(checkHolders([...list, none], EXPECTED)).toEqual(['c: holds nothing, was a member for 1 to 8']);
  });
});
