import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { BOUNDS, canonical, check } from './check.ts';
import { type Entry, PROPERTIES, type Property, parseHistory, type SeenEvent } from './history.ts';
import { goodHistory } from './support/good.ts';

/*
 * The judge is judged: histories that keep every promise pass, and each way to break one is noticed, as the promise that
 * it breaks. A mutation returns undefined where the history has nothing for it to break.
 */

type Kind<E extends Entry['e']> = Extract<Entry, { e: E }>;
const all = <E extends Entry['e']>(history: Entry[], e: E): Kind<E>[] =>
  history.filter((entry): entry is Kind<E> => entry.e === e);

type Mutation = (history: Entry[], random: Random) => Entry[] | undefined;

const pick = <T>(random: Random, list: readonly T[]): T | undefined =>
  list.length === 0 ? undefined : random.pick(list);
const swap = (history: Entry[], from: Entry, to: Entry): Entry[] =>
  history.map((entry) => (entry === from ? to : entry));
const without = (history: Entry[], which: (entry: Entry) => boolean): Entry[] =>
  history.filter((entry) => !which(entry));

/** Changes the same event wherever it is told. */
const everywhere = (history: Entry[], chat: string, change: (events: SeenEvent[]) => SeenEvent[]): Entry[] =>
  history.map((entry) =>
    'events' in entry && entry.chat === chat ? { ...entry, events: change(entry.events) } : entry,
  );

const ackedSends = (history: Entry[]) => {
  const invoked = new Map(all(history, 'invoke').map((entry) => [entry.op, entry]));
  return all(history, 'ok').flatMap((ok) => {
    const invoke = invoked.get(ok.op);
    return invoke?.call.do === 'send' && ok.answer.seq !== undefined
      ? [{ ok, invoke, call: invoke.call, seq: ok.answer.seq }]
      : [];
  });
};

const ackedChanges = (history: Entry[]) => {
  const invoked = new Map(all(history, 'invoke').map((entry) => [entry.op, entry]));
  return all(history, 'ok').flatMap(({ op, answer }) => {
    const call = invoked.get(op)?.call;
    return call?.do === 'change' && answer.seq !== undefined ? [{ call, seq: answer.seq }] : [];
  });
};

/** Of one message nothing is left in the end but its place. */
const vanished = (history: Entry[], chat: string, seq: number): Entry[] => {
  const hole = { from_seq: seq, to_seq: seq, reason: 'expired' };
  const others = (messages: unknown[]) => messages.filter((message) => Reflect.get(Object(message), 'seq') !== seq);
  return history.map((entry) => {
    if (entry.e === 'log' && entry.chat === chat) {
      const events = entry.events.filter((event) => event.seq !== seq);
      const isTheirs = events.length < entry.events.length;
      return isTheirs ? { ...entry, events, holes: [...entry.holes, hole] } : entry;
    }
    if (entry.e === 'messages' && entry.chat === chat) return { ...entry, messages: others(entry.messages) };
    if (entry.e !== 'replica') return entry;
    return { ...entry, messages: { ...entry.messages, [chat]: others(entry.messages[chat] ?? []) } };
  });
};

const fuzzed = (status: number, code: string | null): Entry => {
  const about = { session: 'ada-1', user: 'ada', at: 0 };
  return { e: 'fuzz', request: 'GET /api/users/me', status, code, ...about };
};

const logs = (history: Entry[], least = 2) => all(history, 'log').filter(({ events }) => events.length >= least);

const MUTATIONS: Record<Property, Record<string, Mutation>> = {
  durable: {
    'an acknowledged message is gone': (history, random) => {
      const acked = pick(random, ackedSends(history));
      if (acked === undefined) return undefined;
      const gone = (event: SeenEvent) => event.client_id === acked.call.client_id;
      return everywhere(history, acked.call.chat, (events) => events.filter((event) => !gone(event)));
    },
    'an acknowledged message has other bytes': (history, random) => {
      const acked = pick(random, ackedSends(history));
      if (acked === undefined) return undefined;
      return everywhere(history, acked.call.chat, (events) =>
        events.map((event) =>
          event.client_id === acked.call.client_id ? { ...event, content: `${String(event.content)}\ufffd` } : event,
        ),
      );
    },
    'an acknowledged change is gone': (history, random) => {
      const changed = pick(random, ackedChanges(history));
      if (changed === undefined) return undefined;
      return history.map((entry) =>
        'events' in entry && entry.chat === changed.call.chat
          ? { ...entry, events: entry.events.filter(({ seq }) => seq !== changed.seq) }
          : entry,
      );
    },
    'what was recalled is there': (history, random) => {
      const recalled = pick(
        random,
        ackedChanges(history).filter(({ call }) => call.what === 'recall'),
      );
      if (recalled === undefined) return undefined;
      const { chat, target } = recalled.call;
      return everywhere(history, chat, (events) =>
        events.map((event) => (event.seq === target ? { ...event, recalled: undefined } : event)),
      );
    },
    'a message is recalled that nobody has recalled': (history, random) => {
      const asked = new Set(ackedChanges(history).map(({ call }) => `${call.chat} ${call.target}`));
      const acked = pick(
        random,
        ackedSends(history).filter(({ call, seq }) => !asked.has(`${call.chat} ${seq}`)),
      );
      if (acked === undefined) return undefined;
      return everywhere(history, acked.call.chat, (events) =>
        events.map((event) => (event.seq === acked.seq ? { ...event, content: '', recalled: {} } : event)),
      );
    },
    'a message has vanished that had to stay': (history, random) => {
      const acked = pick(random, ackedSends(history));
      return acked && vanished(history, acked.call.chat, acked.seq);
    },
    'the file of a message is gone': (history, random) => {
      const acked = pick(random, ackedSends(history));
      if (acked === undefined) return undefined;
      const { seq, call, invoke } = acked;
      const about = { session: invoke.session, user: invoke.user, at: acked.ok.at };
      return [...history, { e: 'file', chat: call.chat, seq, file: 'file-1', status: 404, ...about }];
    },
    'an ack names another seq': (history, random) => {
      const acked = pick(random, ackedSends(history));
      return acked && swap(history, acked.ok, { ...acked.ok, answer: { seq: acked.seq + 1 } });
    },
  },
  dense: {
    'a reading skips a seq': (history, random) => {
      const log = pick(random, logs(history, 3));
      return log && swap(history, log, { ...log, events: log.events.toSpliced(1, 1) });
    },
    'the log ends before its head': (history, random) => {
      const log = pick(random, logs(history));
      return log && swap(history, log, { ...log, head: log.head + 1 });
    },
    'two events share a seq': (history, random) => {
      const log = pick(random, logs(history));
      const last = log?.events.at(-1);
      return log && last && swap(history, log, { ...log, events: [...log.events, last] });
    },
  },
  once: {
    'a message stands in the log twice': (history, random) => {
      const log = pick(
        random,
        logs(history).filter(({ events }) => events.some(({ type }) => type === 'message')),
      );
      const message = log?.events.find(({ type }) => type === 'message');
      if (log === undefined || message === undefined) return undefined;
      return everywhere(history, log.chat, (events) => {
        const last = events.at(-1);
        return last === undefined || last.seq < log.head ? events : [...events, { ...message, seq: log.head + 1 }];
      });
    },
    'an invitation lets in more than it is for': (history) => {
      const about = { session: 'ben-1', user: 'ben', at: 0 };
      const redeemed = (op: number): Entry[] => [
        { e: 'invoke', op, call: { do: 'redeem', invitation: 'inv', uses: 1 }, ...about },
        { e: 'ok', op, answer: { joined: true }, ...about },
      ];
      return [...redeemed(1_000_003), ...redeemed(1_000_004), ...history];
    },
    'a resend is acknowledged with another seq': (history, random) => {
      const acked = pick(random, ackedSends(history));
      if (acked === undefined) return undefined;
      const op = 1_000_000;
      return [
        ...history,
        { ...acked.invoke, op },
        { ...acked.ok, op, answer: { seq: acked.seq + 1, duplicate: true } },
      ];
    },
  },
  agreement: {
    'somebody saw another body': (history, random) => {
      const seen = pick(
        random,
        all(history, 'push').filter(({ events }) => events.length > 0),
      );
      const [first] = seen?.events ?? [];
      if (seen === undefined || first === undefined) return undefined;
      return [...history, { ...seen, events: [{ ...first, content: 'forged' }] }];
    },
    'a body changes over time': (history, random) => {
      const log = pick(random, logs(history));
      const [first, ...rest] = log?.events ?? [];
      if (log === undefined || first === undefined) return undefined;
      return [...history, { ...log, events: [{ ...first, created_at: 'later' }, ...rest] }];
    },
  },
  inbox: {
    'a member lacks events at the end': (history, random) => {
      const other = (log: Kind<'log'>) => all(history, 'log').some((one) => one.chat === log.chat && one !== log);
      const log = pick(random, logs(history).filter(other));
      return log && swap(history, log, { ...log, events: log.events.slice(0, -1), head: log.head });
    },
    'somebody sees what was before they joined': (history, random) => {
      const log = pick(
        random,
        all(history, 'log').filter(({ holes }) => holes.length > 0),
      );
      const full = all(history, 'log').find(({ chat, holes }) => chat === log?.chat && holes.length === 0);
      const before = full?.events.find(({ seq }) => seq === log?.holes[0]?.from_seq);
      if (log === undefined || before === undefined) return undefined;
      const { session, user, chat, epoch, head } = log;
      // A member from the beginning who left and came back has seen it.
      const had = all(history, 'push').some((entry) => entry.user === user && entry.chat === chat && entry.at < log.at);
      if (had) return undefined;
      return [...history, { e: 'push', at: log.at + 1, session, user, chat, epoch, head, events: [before] }];
    },
    'a list lacks a conversation': (history, random) => {
      const fresh = pick(
        random,
        all(history, 'fresh').filter(({ rows }) => Object.keys(rows).length > 0),
      );
      return fresh && swap(history, fresh, { ...fresh, rows: {} });
    },
    'a list is behind the log': (history, random) => {
      const fresh = pick(
        random,
        all(history, 'fresh').filter(({ rows }) => Object.keys(rows).length > 0),
      );
      const [id] = Object.keys(fresh?.rows ?? {});
      return fresh === undefined || id === undefined
        ? undefined
        : swap(history, fresh, { ...fresh, rows: { ...fresh.rows, [id]: { head_seq: 0 } } });
    },
  },
  cursor: {
    'a page skips an event': (history, random) => {
      const page = pick(
        random,
        all(history, 'page').filter(({ events }) => events.length > 1),
      );
      return page && swap(history, page, { ...page, events: page.events.slice(1) });
    },
    'a page says that it is the last one, and is not': (history, random) => {
      const page = pick(
        random,
        all(history, 'page').filter(({ has_more }) => has_more),
      );
      return page && swap(history, page, { ...page, has_more: false });
    },
    'a frame has a gap': (history, random) => {
      const log = pick(random, logs(history, 3));
      const [first, , third] = log?.events ?? [];
      if (log === undefined || first === undefined || third === undefined) return undefined;
      const { session, user, chat, epoch, head, at } = log;
      return [...history, { e: 'push', at, session, user, chat, epoch, head, events: [first, third] }];
    },
  },
  monotonic: {
    'a head goes back': (history, random) => {
      const log = pick(random, logs(history));
      return log && [...history, { ...log, e: 'push', head: log.head - 1, events: [] }];
    },
    'a page is behind what its reader had been pushed': (history, random) => {
      const log = pick(random, logs(history));
      if (log === undefined) return undefined;
      const { session, user, chat, epoch, head, at } = log;
      const about = { session, user, chat, epoch, events: [], holes: [], reset: false, has_more: false };
      return [...history, { e: 'page', at: at + 2, asked: at + 1, head: head - 1, after: head - 1, ...about }];
    },
    'a session does not read what it was acknowledged': (history, random) => {
      const acked = pick(random, ackedSends(history));
      if (acked === undefined) return undefined;
      const { session, user } = acked.invoke;
      const at = acked.ok.at + 1;
      const index = history.indexOf(acked.ok) + 1;
      const page: Entry = {
        e: 'page',
        asked: at,
        at,
        session,
        user,
        chat: acked.call.chat,
        epoch: 'e1',
        head: acked.seq - 1,
        after: acked.seq - 1,
        events: [],
        has_more: false,
        reset: false,
        holes: [],
      };
      return history.toSpliced(index, 0, page);
    },
    'a read mark goes back': (history, random) => {
      const receipt = pick(
        random,
        all(history, 'receipt').filter(({ read }) => read > 0),
      );
      return receipt && [...history, { ...receipt, read: receipt.read - 1 }];
    },
    'a delivery mark goes back': (history, random) => {
      const receipt = pick(
        random,
        all(history, 'receipt').filter(({ delivered }) => delivered > 0),
      );
      return receipt && [...history, { ...receipt, delivered: 0 }];
    },
  },
  converge: {
    'a device holds an old row': (history, random) => {
      const replica = pick(
        random,
        all(history, 'replica').filter(({ rows }) => Object.keys(rows).length > 0),
      );
      const [id] = Object.keys(replica?.rows ?? {});
      return replica === undefined || id === undefined
        ? undefined
        : swap(history, replica, { ...replica, rows: { ...replica.rows, [id]: { unread: -1 } } });
    },
    'a device keeps a row that is gone': (history, random) => {
      const replica = pick(random, all(history, 'replica'));
      return replica && swap(history, replica, { ...replica, rows: { ...replica.rows, gone: {} } });
    },
    'the audit finds something': (history) => [...history, { e: 'audit', at: 0, findings: ['inbox.behind'] }],
    'a device lacks a message': (history, random) => {
      const replica = pick(
        random,
        all(history, 'replica').filter(({ messages }) => Object.values(messages).some((list) => list.length > 0)),
      );
      const [id, list] = Object.entries(replica?.messages ?? {}).find(([, messages]) => messages.length > 0) ?? [];
      if (replica === undefined || id === undefined || list === undefined) return undefined;
      return swap(history, replica, { ...replica, messages: { ...replica.messages, [id]: list.slice(1) } });
    },
  },
  authorised: {
    'somebody hears on after their removal': (history, random) => {
      const log = pick(
        random,
        all(history, 'log').filter(({ user }) => user === 'ada'),
      );
      const left = log?.events.findLast(({ type }) => type === 'member.left');
      const user = typeof left?.user_id === 'string' ? left.user_id : undefined;
      const back = log?.events.some(
        ({ seq, type, user_ids }) =>
          seq > (left?.seq ?? 0) && type === 'member.joined' && Array.isArray(user_ids) && user_ids.includes(user),
      );
      if (log === undefined || left === undefined || user === undefined || back) return undefined;
      const { chat, epoch, head, at } = log;
      return [...history, { e: 'push', at, session: `${user}-9`, user, chat, epoch, head, events: [left] }];
    },
    'an ended session hears what is sent later': (history, random) => {
      const end = all(history, 'invoke').find(({ call }) => call.do === 'end-session');
      if (end?.call.do !== 'end-session') return undefined;
      const ok = all(history, 'ok').find(({ op }) => op === end.op);
      const later = pick(
        random,
        all(history, 'push').filter(({ user, events, at }) => {
          const sent = all(history, 'invoke').find(
            ({ call }) => call.do === 'send' && call.client_id === events[0]?.client_id,
          );
          return user === end.user && sent !== undefined && sent.at > (ok?.at ?? at) + BOUNDS.revoked;
        }),
      );
      return later && [...history, { ...later, session: end.call.of }];
    },
    'an ended session is answered': (history, random) => {
      const end = pick(
        random,
        all(history, 'invoke').filter(({ call }) => call.do === 'end-session'),
      );
      if (end?.call.do !== 'end-session') return undefined;
      const about = { session: end.call.of, user: end.user, op: 1_000_001 };
      return [
        ...history,
        { e: 'invoke', at: end.at + 1_000_000, call: { do: 'other', what: 'GET /api/chats' }, ...about },
        { e: 'ok', at: end.at + 1_000_001, answer: {}, ...about },
      ];
    },
    'somebody suspended is answered': (history, random) => {
      const invoked = all(history, 'invoke');
      const suspended = pick(
        random,
        invoked.filter(({ call }) => call.do === 'suspend'),
      );
      if (suspended?.call.do !== 'suspend') return undefined;
      const { user } = suspended.call;
      const ok = all(history, 'ok').find(({ op }) => op === suspended.op);
      if (ok === undefined) return undefined;
      const about = { session: `${user}-1`, user, op: 1_000_002 };
      const at = ok.at + BOUNDS.revoked + 1;
      return history.toSpliced(
        history.indexOf(ok) + 1,
        0,
        { e: 'invoke', at, call: { do: 'other', what: 'GET /api/chats' }, ...about },
        { e: 'ok', at, answer: {}, ...about },
      );
    },
  },
  typed: {
    'a request is answered by a fault': (history) => [...history, fuzzed(500, 'internal')],
    'a refusal does not say why': (history) => [...history, fuzzed(404, null)],
    'a request is not answered': (history) => [...history, fuzzed(0, null)],
  },
  live: {
    'what is owed is never told': (history) => without(history, ({ e }) => e === 'drained'),
    'it takes too long': (history) =>
      history.map((entry) => (entry.e === 'drained' ? { ...entry, at: entry.at + BOUNDS.drain } : entry)),
  },
};

describe('the checker', () => {
  it('finds nothing wrong with a system that keeps its promises', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 120 }), (seed, steps) => {
        expect(check(goodHistory(seed, steps))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('lets messages vanish, and frames leave them out, where they have a timer', () => {
    for (let seed = 0; seed < 50; seed++) {
      const history = goodHistory(seed);
      const [acked] = ackedSends(history).filter(({ call, seq }) =>
        ackedChanges(history).every((change) => change.call.chat !== call.chat || change.call.target !== seq),
      );
      if (acked === undefined) continue;
      const { chat } = acked.call;
      const log = logs(history, 3).find((one) => one.chat === chat && one.events.some(({ seq }) => seq === acked.seq));
      const about = { session: 'ada-1', user: 'ada', at: 0 };
      const timer: Entry = { e: 'invoke', op: 1_000_005, call: { do: 'timer', chat, seconds: 1 }, ...about };
      const gone = vanished(history, chat, acked.seq);
      const frame = log?.events.filter(({ seq }) => seq !== acked.seq) ?? [];
      const push: Entry[] = log === undefined ? [] : [{ ...log, e: 'push', events: frame }];
      expect(check([timer, ...gone, ...push])).toEqual([]);
      expect([...new Set(check([...gone, ...push]).map(({ property }) => property))]).toEqual(['durable']);
    }
  });

  it('lets a client send once its user is let in again what it has kept', () => {
    const about = { session: 'operator', user: 'operator' };
    const kept = { session: 'ada-1', user: 'ada', op: 2 };
    const at = BOUNDS.revoked;
    const sent: Entry = { e: 'invoke', at: at + 1, call: { do: 'other', what: 'POST /api/chats' }, ...kept };
    const suspended: Entry[] = [
      { e: 'invoke', at: 0, op: 1, call: { do: 'suspend', user: 'ada' }, ...about },
      { e: 'ok', at: 0, op: 1, answer: {}, ...about },
      sent,
    ];
    const restored: Entry = { e: 'invoke', at: at + 2, op: 3, call: { do: 'restore', user: 'ada' }, ...about };
    const answered: Entry = { e: 'ok', at: at + 3, answer: {}, ...kept };
    expect(check([...suspended, restored, answered])).toEqual([]);
    expect(check([...suspended, answered, restored]).map(({ property }) => property)).toEqual(['authorised']);
  });

  it('lets an answer overtake what is pushed', () => {
    const history = goodHistory(1);
    const log = logs(history).find(({ user }) => user === 'ada');
    if (log === undefined) throw new Error('the first user reads everything');
    const { chat, epoch, head, user, events } = log;
    const about = { session: 'ada-9', user, chat, epoch };
    const before = events.filter(({ seq }) => seq < head);
    const page = { holes: [], reset: false, has_more: false, after: 0, asked: log.at, events: log.events, head };
    const answer: Kind<'page'> = { e: 'page', at: log.at + 1, ...page, ...about };
    const late: Kind<'push'> = { e: 'push', at: log.at + 2, head: head - 1, events: before.slice(-1), ...about };
    expect(check([...history, answer, late])).toEqual([]);
    const earlier: Kind<'push'> = { ...late, at: log.at - 1 };
    expect(check([...history, earlier, answer])).toEqual([]);
  });

  it('reads a history from its lines', () => {
    const history = goodHistory(1);
    const lines = history.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    expect(parseHistory(lines)).toEqual(history);
  });

  it('does not care for the order of keys', () => {
    expect(canonical({ b: [1, { d: 2, c: undefined }], a: null })).toBe(canonical({ a: null, b: [1, { d: 2 }] }));
  });

  describe.each(PROPERTIES)('%s', (property) => {
    it.each(Object.entries(MUTATIONS[property]))('notices when %s', (_, mutate) => {
      let mutated = 0;
      for (let seed = 0; seed < 150; seed++) {
        const broken = mutate(goodHistory(seed), new Random(seed));
        if (broken === undefined) continue;
        mutated += 1;
        const found = check(broken).map((violation) => violation.property);
        expect(found, `seed ${seed}`).toContain(property);
      }
      expect(mutated).toBeGreaterThan(5);
    });
  });
});
