import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ask } from '../../src/conversation/asks.ts';
import { greet, receive } from '../../src/conversation/exchange.ts';
import { catchUpPage, catchUpParts, messagePageJson, pageAfter, pageJson } from '../../src/conversation/pages.ts';
import { utf8Length } from '../../src/protocol/common.ts';
import { ChatEvent, EventPage } from '../../src/protocol/events.ts';
import { ServerFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { MessagePage } from '../../src/protocol/messages.ts';
import { identity, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada = '', bob = ''] = newUsers(2);
/** Contents that are long in one way or another: as text, in bytes, as JSON. All of them fit into a frame. */
const TEXTS = {
  short: 'hello',
  long: 'x'.repeat(LIMITS.contentBytes),
  wide: '世'.repeat(10_000),
  escaped: '\u0001'.repeat(10_000),
};
type Text = keyof typeof TEXTS;
const texts = fc.array(
  fc.record({
    sent: fc.constantFrom<Text>('short', 'long', 'wide', 'escaped'),
    edited: fc.option(fc.constant('escaped' as Text)),
  }),
  { minLength: 60, maxLength: 90 },
);
const limits = fc.integer({ min: 1, max: LIMITS.pageMax });

interface Said {
  sent: Text;
  edited: Text | null;
}

/** A conversation in which these things were said, and some of them edited. Its messages say `word` first. */
async function withMessages(said: Said[], thread: boolean, work: (test: TestRoom, seqs: number[]) => unknown) {
  await overStorage(async (storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob]);
    const { conversation } = test;
    const now = test.clock.now;
    const seqs: number[] = [];
    conversation.transaction(() => {
      const send = (content: string, fields = {}) => {
        const client_id = `c${conversation.log.head}`;
        return value(conversation.send(ada, { kind: 'text', content, client_id, ...fields }, now)).row.seq;
      };
      const root = thread ? send('the root') : undefined;
      for (const { sent, edited } of said) {
        const seq = send(TEXTS[sent], root === undefined ? {} : { thread_seq: root });
        seqs.push(seq);
        if (edited === null) continue;
        value(conversation.changeMessage(ada, { seq, change: { type: 'edit', content: TEXTS[edited] } }, now));
      }
    });
    await work(test, seqs);
  });
}
const bounded = (text: string): string => {
  expect(utf8Length(text)).toBeLessThanOrEqual(LIMITS.pageBytes + 1024);
  return text;
};
const member = (test: TestRoom, user: string) => value(test.conversation.actor(user));

describe('pages of long messages stay below their bytes, and are everything together', () => {
  const check = (name: string, thread: boolean, pages: (test: TestRoom, limit: number) => number[]) =>
    it(name, async () => {
      await fc.assert(
        fc.asyncProperty(texts, limits, (said, limit) =>
          withMessages(said, thread, (test, seqs) => {
            expect(pages(test, limit).filter((seq) => seqs.includes(seq))).toEqual(seqs);
          }),
        ),
        { numRuns: 3, endOnFailure: true },
      );
    });

  /** Follows pages until there is no more; each has to bring something. */
  const all = (page: (after: number) => { seqs: number[]; more: boolean }, backwards = false): number[] => {
    let got: number[] = [];
    for (let more = true, place = backwards ? Number.MAX_SAFE_INTEGER : 0; more; ) {
      const next = page(place);
      expect(next.seqs.length).toBeGreaterThan(0);
      got = backwards ? [...next.seqs, ...got] : [...got, ...next.seqs];
      place = (backwards ? next.seqs[0] : next.seqs.at(-1)) ?? place;
      more = next.more;
    }
    return got;
  };
  const messagesIn = (text: string) => {
    const { items, has_more } = MessagePage.parse(JSON.parse(bounded(text)));
    return { seqs: items.map(({ seq }) => seq), more: has_more };
  };
  const asked = (test: TestRoom, ask: Ask) => messagesIn(value(test.room.ask(bob, ask)));

  check('events', false, (test, limit) =>
    all((after) => {
      const text = pageJson(test.conversation, pageAfter(test.conversation, member(test, bob), { after, limit }));
      const { items, has_more } = EventPage.parse(JSON.parse(bounded(text)));
      return { seqs: items.map(({ seq }) => seq), more: has_more };
    }),
  );
  check('messages, on from the first', false, (test, limit) =>
    all((after) => messagesIn(messagePageJson(test.conversation, member(test, bob), { after, limit }))),
  );
  check('messages, back from the newest', false, (test, limit) =>
    all((before) => messagesIn(messagePageJson(test.conversation, member(test, bob), { before, limit })), true),
  );
  check('an export', false, (test, limit) => all((after) => asked(test, { type: 'export', after, limit })));
  check('a thread', true, (test, limit) => all((after) => asked(test, { type: 'thread', seq: 2, after, limit })));
  check('a thread, backwards', true, (test, limit) =>
    all((before) => asked(test, { type: 'thread', seq: 2, before, limit }), true),
  );
  check('what a search finds, the newest first', false, (test, limit) => found(test, limit, 'newest').toReversed());
  check('what a search finds, the best first', false, (test, limit) =>
    found(test, limit, 'relevance').toSorted((a, b) => a - b),
  );

  const found = (test: TestRoom, limit: number, sort: 'newest' | 'relevance'): number[] => {
    const got: number[] = [];
    for (let cursor: string | undefined, more = true; more; ) {
      const page = value(test.room.search(bob, { kind: 'text', limit, sort, cursor }));
      bounded(page.items.map(({ hit }) => hit).join(','));
      expect(page.items.length).toBeGreaterThan(0);
      got.push(...page.items.map(({ seq }) => seq));
      cursor = page.next ?? undefined;
      more = page.next !== null;
    }
    return got;
  };

  it('around a place: one page, with the place in it', async () => {
    const said = Array.from({ length: 90 }, (): Said => ({ sent: 'short', edited: 'escaped' }));
    await withMessages(said, false, (test, seqs) => {
      const place = seqs[45] ?? 0;
      const text = messagePageJson(test.conversation, member(test, bob), { around: place, limit: 500 });
      expect(messagesIn(text).seqs).toContain(place);
    });
  });

  it('of a catch-up: no more bytes than were asked for, but one event at least', async () => {
    const said = Array.from({ length: 20 }, (): Said => ({ sent: 'escaped', edited: null }));
    await withMessages(said, false, (test) => {
      const page = (bytes: number) => {
        const { events } = catchUpParts(test.conversation, catchUpPage(test.conversation, member(test, bob), 1, bytes));
        return { size: utf8Length(events), events: ChatEvent.array().parse(JSON.parse(events)) };
      };
      expect(page(200_000).size).toBeLessThanOrEqual(200_000);
      expect(page(200_000).events.length).toBeGreaterThan(1);
      expect(page(1000).events).toHaveLength(1);
    });
  });
});

describe('a message of the server on a socket stays below its bytes', () => {
  /** A socket of the room, with all the messages that it got. */
  const listen = (test: TestRoom, user: string) => {
    const { 0: client, 1: server } = new WebSocketPair();
    const got: string[] = [];
    client.addEventListener('message', ({ data }) => void got.push(String(data)));
    client.accept();
    server.accept();
    const frames = () =>
      got.flatMap((text) => {
        expect(utf8Length(text)).toBeLessThanOrEqual(LIMITS.serverMessageBytes);
        const parsed: unknown = JSON.parse(text);
        return ServerFrame.array().parse(Array.isArray(parsed) ? parsed : [parsed]);
      });
    return {
      connection: test.room.connections.add(server, identity(user, { expires_at: test.clock.now + 60_000 })),
      frames,
    };
  };
  const MANY = Array.from({ length: 40 }, (): Said => ({ sent: 'escaped', edited: null }));

  it('when many long messages are published at once: several frames, each with the head it leads to', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      test.create([ada, bob]);
      const { frames } = listen(test, bob);
      // The first goes out alone, the others together.
      await Promise.all(MANY.map(() => test.send(ada, TEXTS.escaped)));
      await scheduler.wait(50);
      const events = frames().filter((frame) => frame.t === 'events');
      let held = 1;
      for (const { events: list, head_seq } of events) {
        for (const { seq } of list) expect(seq).toBe(++held);
        expect(head_seq).toBe(held);
      }
      // Beyond its credit a socket gets a hint, and pulls.
      expect(frames().some(({ t }) => t === 'lag') || held === MANY.length + 1).toBe(true);
      expect(events.length).toBeGreaterThan(1);
      // Frames of notices go to inboxes, and from there to devices.
      for (const { frame = '' } of test.inboxes.told.get(bob) ?? []) {
        expect(utf8Length(frame)).toBeLessThanOrEqual(LIMITS.serverMessageBytes);
      }
    });
  });

  it('when a socket opens far behind, and when it pulls', async () => {
    await withMessages(MANY, false, async (test, seqs) => {
      const { connection, frames } = listen(test, bob);
      greet(test.room, connection, 0);
      const { id } = test.conversation.chat;
      await scheduler.wait(0);
      const held = () =>
        frames()
          .flatMap((frame) => (frame.t === 'events' ? frame.events : []))
          .at(-1)?.seq ?? 0;
      for (let pulls = 0; held() < test.conversation.log.head; pulls++) {
        if (pulls > seqs.length) throw new Error('it does not end');
        receive(test.room, connection, [{ t: 'pull', chat_id: id, after: held() }]);
        await scheduler.wait(0);
      }
    });
  });
});
