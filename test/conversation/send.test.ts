import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/protocol/limits.ts';
import { SendMessage } from '../../src/protocol/messages.ts';
import { codeOf, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
const inRoom = <T>(work: (room: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob, cyd]);
    return work(test);
  });

describe('seq', () => {
  it('is contiguous under senders who do not wait for each other, each of whom keeps their order', async () => {
    await inRoom(async (test) => {
      const sends = Array.from({ length: 300 }, (_, i) => ({ user: [ada, bob, cyd][i % 3] ?? ada, text: `${i}` }));
      const results = await Promise.all(sends.map(({ user, text }) => test.send(user, text)));
      const rows = results.map((result) => value(result).row);
      expect(rows.map((row) => row.seq).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 300 }, (_, i) => i + 2),
      );
      for (const user of [ada, bob, cyd]) {
        const own = rows.filter((row) => row.actor_id === user);
        expect(own.map((row) => row.seq)).toEqual(own.map((row) => row.seq).toSorted((a, b) => a - b));
      }
      expect(test.rows('events')).toBe(301);
    });
  });

  it('is given in the tick of the send when the room is idle', async () => {
    await inRoom(async (test) => {
      const sending = test.send(ada);
      expect(test.conversation.log.head).toBe(2);
      await sending;
    });
  });
});

describe('a resend', () => {
  const resends: [string, (test: TestRoom) => Promise<void>][] = [
    ['at once, in the same batch', async () => undefined],
    ['later', async (test) => void (await test.sent(bob))],
    ['after the room has begun anew', async (test) => test.restart()],
    [
      'after the sender has left and come back',
      async (test) => {
        test.room.publish(value(test.conversation.membership.remove(bob, bob)));
        test.room.publish(value(test.conversation.membership.add(ada, [bob])));
      },
    ],
    [
      'after who was mentioned has left',
      async (test) => test.room.publish(value(test.conversation.membership.remove(cyd, cyd))),
    ],
  ];
  it.each(resends)('%s is acknowledged with the seq it got, and burns none', async (_when, between) => {
    await inRoom(async (test) => {
      const fields = { client_id: 'the-same', mentions: [cyd] };
      const first = test.send(bob, 'once', fields);
      const early = test.send(bob, 'once', fields);
      await Promise.all([first, early]);
      await between(test);
      const head = test.conversation.log.head;
      const [one, two, three] = [await first, await early, await test.send(bob, 'once', fields)].map(value);
      expect([one?.duplicate, two?.duplicate, three?.duplicate]).toEqual([false, true, true]);
      expect([two?.row.seq, three?.row.seq]).toEqual([one?.row.seq, one?.row.seq]);
      expect(three?.row.created_at).toBe(one?.row.created_at);
      expect(test.conversation.log.head).toBe(head);
      expect(await test.sent(ada)).toBe(head + 1);
    });
  });

  it.each([
    ['another text', 'other', {}],
    ['another reply', 'once', { reply_to: 2 }],
    ['another mention', 'once', { mentions: [ada] }],
  ])('with %s is a conflict that names the seq, and changes nothing', async (_what, content, fields) => {
    await inRoom(async (test) => {
      await test.sent(ada, 'first');
      const seq = await test.sent(bob, 'once', { client_id: 'x' });
      const result = await test.send(bob, content, { client_id: 'x', ...fields });
      expect(result).toMatchObject({
        ok: false,
        refusal: { code: 'conflict', message: expect.stringContaining(`seq ${seq}`) },
      });
      expect(test.conversation.log.at(seq)?.content).toBe('once');
      expect(test.conversation.log.head).toBe(seq);
    });
  });

  it('of one person is nothing to another who chose the same client_id', async () => {
    await inRoom(async (test) => {
      const seqs = [await test.sent(ada, 'a', { client_id: 'x' }), await test.sent(bob, 'b', { client_id: 'x' })];
      expect(seqs).toEqual([2, 3]);
    });
  });

  it('finds its message among any mixture of new and repeated sends', async () => {
    const plans = fc.array(
      fc.record({ id: fc.nat(6), text: fc.constantFrom('a', 'b'), pause: fc.boolean(), crash: fc.nat(9) }),
      {
        maxLength: 25,
      },
    );
    await fc.assert(
      fc.asyncProperty(plans, (plan) =>
        inRoom(async (test) => {
          const model = new Map<number, { text: string; seq: number }>();
          let head = test.conversation.log.head;
          const running: Promise<void>[] = [];
          for (const { id, text, pause, crash } of plan) {
            const known = model.get(id);
            const expected = known ?? { text, seq: head + 1 };
            if (known === undefined) {
              head += 1;
              model.set(id, expected);
            }
            running.push(
              test.send(ada, text, { client_id: `id${id}` }).then((result) => {
                if (expected.text !== text) expect(codeOf(result)).toBe('conflict');
                else
                  expect(value(result)).toMatchObject({ row: { seq: expected.seq }, duplicate: known !== undefined });
              }),
            );
            if (pause || crash === 0) await Promise.all(running);
            if (crash === 0) test.restart();
          }
          await Promise.all(running);
          expect(test.conversation.log.head).toBe(head);
        }),
      ),
      { numRuns: 25 },
    );
  });
});

describe('a batch', () => {
  it('loses only the messages that fail', async () => {
    await inRoom(async (test) => {
      const stranger = newUser();
      const results = await Promise.all([
        test.send(ada, 'opens the batch'),
        test.send(ada, 'good 1'),
        test.send(stranger, 'not a member'),
        test.send(ada, ''),
        test.send(bob, 'answers nothing', { reply_to: 999 }),
        test.send(bob, 'mentions a stranger', { mentions: [stranger] }),
        test.send(cyd, 'good 2'),
        test.send(ada, 'good 1 again', { client_id: 'c2' }),
      ]);
      expect(results.map(codeOf)).toEqual(['ok', 'ok', 'not_found', 'invalid', 'invalid', 'invalid', 'ok', 'conflict']);
      expect(results.flatMap((result) => (result.ok ? result.value.row.seq : []))).toEqual([2, 3, 4]);
    });
  });

  it('loses only the message that the storage itself refuses', async () => {
    await inRoom(async (test) => {
      test.storage.sql.exec(`CREATE TRIGGER bad BEFORE INSERT ON events WHEN new.content = 'poison'
        BEGIN SELECT raise(ABORT, 'no'); END`);
      test.storage.sql.exec(`CREATE TRIGGER worse BEFORE INSERT ON mentions WHEN new.user_id = '${cyd}'
        BEGIN SELECT raise(ABORT, 'no'); END`);
      const results = await Promise.all([
        test.send(ada, 'opens the batch'),
        test.send(ada, 'one'),
        test.send(bob, 'poison'),
        test.send(bob, 'half written', { mentions: [ada, cyd] }),
        test.send(bob, 'two'),
      ]);
      expect(results.map(codeOf)).toEqual(['ok', 'ok', 'unavailable', 'unavailable', 'ok']);
      expect(results.flatMap((result) => (result.ok ? result.value.row.seq : []))).toEqual([2, 3, 4]);
      expect(test.rows('mentions')).toBe(0);
      expect(test.conversation.members.current(bob)?.read_seq).toBe(4);
      expect(await test.sent(bob, 'half written', { client_id: 'c4' })).toBe(5);
    });
  });

  it('that cannot be stored at all is answered, told to nobody, and can be sent again', async () => {
    await inRoom(async (test) => {
      await test.inboxes.settled();
      const [fault] = [new Error('disk full')];
      const { transactionSync } = test.storage;
      Object.defineProperty(test.storage, 'transactionSync', {
        configurable: true,
        value: () => {
          throw fault;
        },
      });
      const head = test.conversation.log.head;
      // The first goes alone, and needs no transaction of its own; the others are a batch.
      const results = await Promise.all([
        test.send(ada, 'first'),
        test.send(ada, 'lost', { client_id: 'x' }),
        test.send(ada, 'lost too'),
      ]);
      Object.defineProperty(test.storage, 'transactionSync', { configurable: true, value: transactionSync });
      expect(results.map(codeOf)).toEqual(['ok', 'unavailable', 'unavailable']);
      await test.inboxes.settled();
      expect(test.conversation.log.head).toBe(head + 1);
      expect(test.inboxes.head(bob)).toBe(head + 1);
      expect(value(await test.send(ada, 'lost', { client_id: 'x' })).duplicate).toBe(false);
    });
  });

  it('beyond what the room can hold asks for patience, and nothing of it is stored', async () => {
    await inRoom(async (test) => {
      const content = 'x'.repeat(LIMITS.contentBytes);
      const results = await Promise.all(Array.from({ length: 700 }, () => test.send(ada, content)));
      const codes = results.map(codeOf);
      const taken = codes.filter((code) => code === 'ok').length;
      expect(taken).toBeGreaterThan(400);
      expect(codes.slice(taken)).toEqual(codes.slice(taken).map(() => 'rate_limited'));
      expect(codes.length).toBeGreaterThan(taken);
      expect(test.conversation.log.messages).toBe(taken);
      expect(await test.sent(ada)).toBe(taken + 2);
    });
  });
});

describe('a reply', () => {
  it('points at a message that its sender may see', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada);
      const answer = value(await test.send(bob, 'yes', { reply_to: seq }));
      expect(JSON.parse(answer.row.extra ?? '')).toEqual({ reply_to: seq });
    });
  });

  it.each([
    ['an event that is no message', 1],
    ['itself', 2],
    ['a seq beyond the head', 2 ** 52],
  ])('cannot point at %s', async (_what, reply_to) => {
    await inRoom(async (test) => {
      expect(await test.send(ada, 'hm', { reply_to })).toMatchObject({
        ok: false,
        refusal: { code: 'invalid', message: expect.stringContaining('reply_to') },
      });
    });
  });

  it('cannot point at what was said before its sender joined', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      test.create([ada], { history: 'joined' });
      const seq = await test.sent(ada);
      test.room.publish(value(test.conversation.membership.add(ada, [bob])));
      expect(codeOf(await test.send(bob, 'I was there', { reply_to: seq }))).toBe('invalid');
      expect(codeOf(await test.send(ada, 'I was there', { reply_to: seq }))).toBe('ok');
    });
  });
});

describe('a mention', () => {
  it('names members only', async () => {
    await inRoom(async (test) => {
      test.room.publish(value(test.conversation.membership.remove(ada, cyd)));
      expect(codeOf(await test.send(ada, 'hey', { mentions: [bob] }))).toBe('ok');
      expect(codeOf(await test.send(ada, 'hey', { mentions: [bob, cyd] }))).toBe('invalid');
    });
  });

  it('counts once however often it is named, not for the sender, and no longer once it is read', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'hey', { mentions: [bob, bob, ada] });
      expect(test.conversation.notice(bob)?.mentions).toEqual([seq]);
      expect(test.conversation.notice(ada)?.mentions).toEqual([]);
      test.room.mark({ user: bob, read: seq });
      expect(test.conversation.notice(bob)?.mentions).toEqual([]);
    });
  });

  it('thousands of them do not make a notice grow without end: the newest are told', async () => {
    await inRoom(async (test) => {
      await Promise.all(Array.from({ length: 1500 }, () => test.send(ada, 'hey', { mentions: [bob] })));
      const { mentions = [], mentioned = [] } = test.conversation.notice(bob) ?? {};
      const newest = mentioned.map(({ seq }) => seq);
      expect(newest).toEqual(mentions.slice(-LIMITS.mentionNotifications).toReversed());
      expect(newest).toHaveLength(LIMITS.mentionNotifications);
      expect(mentions).toHaveLength(LIMITS.unreadMentions);
      expect(mentions.at(-1)).toBe(test.conversation.log.head);
      expect(mentions).toEqual(mentions.toSorted((a, b) => a - b));
    });
  });
});

describe('content', () => {
  it.each([
    ['NUL', '\u0000a\u0000'],
    ['text from right to left and its controls', '\u202eabc\u202c אבג'],
    ['zero-width characters', 'a\u200b\u200c\u200d\ufeffb'],
    ['emoji of many parts', '👩🏽‍🚀👨‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿'],
    ['combining marks, not normalised', 'e\u0301 \u00e9'],
    ['line separators and control characters', '\u2028\u2029\r\n\t\u0007\u001b[31m'],
    ['what looks like the wire', '"},{"t":"ack","seq":1}]'],
    ['spaces only', '   '],
    ['32 KiB', '好'.repeat(LIMITS.contentBytes / 3)],
  ])('is kept byte for byte: %s', async (_what, content) => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, content);
      test.restart();
      expect(test.conversation.log.at(seq)?.content).toBe(content);
      expect(test.conversation.notice(bob)?.last_message?.content).toBe(content);
      expect(value(await test.send(ada, content, { client_id: 'c1' })).duplicate).toBe(true);
    });
  });

  it('that has no UTF-8 form, is empty or is too long is refused', async () => {
    const read = (content: string) => SendMessage.safeParse({ content }).success;
    expect([read('\ud800'), read('a\udc00b'), read('😀'), read('\u{10ffff}')]).toEqual([false, false, true, true]);
    expect([read('é'.repeat(LIMITS.contentBytes / 2)), read(`${'é'.repeat(LIMITS.contentBytes / 2)}a`)]).toEqual([
      true,
      false,
    ]);
    expect(codeOf(await inRoom((test) => test.send(ada, '')))).toBe('invalid');
  });
});

it('a stream costs at most three written rows a message, in a room of two and of thirty', async () => {
  for (const size of [2, 30]) {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      const users = newUsers(size);
      test.create(users);
      await test.ringUntilQuiet();
      let written = 0;
      const { sql } = storage;
      const exec = sql.exec.bind(sql);
      const counting = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]) => {
        const cursor = exec<T>(query, ...bindings);
        written += cursor.rowsWritten;
        return cursor;
      };
      Object.defineProperty(sql, 'exec', { configurable: true, value: counting });
      let alarms = 0;
      const { setAlarm } = test.inboxes.ports;
      test.inboxes.ports.setAlarm = (at) => {
        alarms += 1;
        setAlarm(at);
      };
      const messages = 400;
      for (let i = 0; i < messages; i++) {
        await test.sent(users[i % 2] ?? '');
        test.clock.pass(50);
        if ((test.inboxes.alarmAt ?? Number.POSITIVE_INFINITY) <= test.clock.now) test.ring();
      }
      await test.ringUntilQuiet();
      expect((written + alarms) / messages).toBeLessThanOrEqual(3);
      expect(written / messages).toBeGreaterThanOrEqual(1);
    });
  }
});
