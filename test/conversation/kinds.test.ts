import { describe, expect, it } from 'vitest';
import { pageAfter } from '../../src/conversation/pages.ts';
import { ChatEvent } from '../../src/protocol/events.ts';
import type { SendableKind } from '../../src/protocol/kinds.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { Message, SendMessage } from '../../src/protocol/messages.ts';
import { messagesNow } from '../support/messages.ts';
import { codeOf, newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd] = [newUser(), newUser(), newUser()];
const inRoom = <T>(work: (test: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob, cyd]);
    return work(test);
  });

/** Kinds that bring files: `media.test.ts`. */
const MEDIA = { image: 1, video: 1, audio: 1, voice: 1, file: 1 };

type Fields = Omit<SendMessage, 'client_id'>;
const text = (content: string, fields: Partial<Fields> = {}): Fields => ({ kind: 'text', content, ...fields });

/** One message of each kind. A new kind does not compile without. */
const EXAMPLES: Record<Exclude<SendableKind, keyof typeof MEDIA>, Fields> = {
  text: text('Tide 🌊 table', {
    entities: [
      { type: 'bold', offset: 0, length: 7 },
      { type: 'italic', offset: 5, length: 2 },
      { type: 'link', offset: 8, length: 5, url: 'https://example.com/tides' },
    ],
  }),
  location: {
    kind: 'location',
    content: 'Here',
    location: { latitude: 53.87, longitude: 8.69, accuracy: 5, name: 'Alte Liebe', address: 'Cuxhaven' },
  },
  contact: {
    kind: 'contact',
    content: '',
    contact: { name: 'Ada', user_id: ada, phones: ['+49 4721 1234'], emails: ['ada@example.com'], organization: 'VTS' },
  },
  sticker: { kind: 'sticker', content: '', sticker: { emoji: '🌊', pack: 'sea', name: 'wave' } },
  poll: { kind: 'poll', content: 'When?', poll: { options: ['six', 'seven'], multiple: true, anonymous: true } },
  custom: { kind: 'custom', content: 'fallback', custom: { type: 'com.example.order', data: { items: [{ n: 1 }] } } },
};

describe.each(Object.entries(EXAMPLES))('a %s', (_kind, fields) => {
  it('is read as it was sent, by a device that was away too, and after the room has begun anew', async () => {
    await inRoom(async (test) => {
      const sent = SendMessage.parse({ ...fields, client_id: 'c' });
      const seq = await test.sent(ada, fields.content, sent);
      test.restart();
      const member = test.conversation.members.current(bob);
      if (member === undefined) throw new Error('bob is a member');
      const [json = ''] = pageAfter(test.conversation, member, { after: seq - 1, limit: 1 }).events;
      expect(ChatEvent.parse(JSON.parse(json))).toMatchObject({ type: 'message', actor_id: ada, ...fields });
      expect(messagesNow(test, bob).get(seq)).toMatchObject(fields);
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.last_message).toMatchObject(fields);
    });
  });

  it('is acknowledged again when it is sent again, and is another when one field is', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, fields.content, { ...fields, client_id: 'c' });
      test.restart();
      expect(value(await test.send(ada, fields.content, { ...fields, client_id: 'c' }))).toMatchObject({
        duplicate: true,
        row: { seq },
      });
      const other = { ...fields, reply_to: seq, client_id: 'c' };
      expect(codeOf(await test.send(ada, fields.content, other))).toBe('conflict');
    });
  });

  it('is refused from outside', async () => {
    await inRoom(async (test) => expect(codeOf(await test.send(newUser(), fields.content, fields))).toBe('not_found'));
  });

  it('has the fields of its kind and of no other', async () => {
    await inRoom(async (test) => {
      const field = Object.keys(fields).find((name) => name === fields.kind);
      const others = Object.entries(EXAMPLES).filter(([name]) => name !== fields.kind && name !== 'text');
      for (const [name, other] of others) {
        const mixed = { ...other, ...fields, entities: fields.entities };
        expect(codeOf(await test.send(ada, fields.content, mixed)), `with ${name}`).toBe('invalid');
      }
      if (field !== undefined) {
        expect(codeOf(await test.send(ada, 'x', { kind: fields.kind, content: 'x' })), 'without its own').toBe(
          'invalid',
        );
      }
    });
  });
});

describe('the schema', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  const bottomless = JSON.parse(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
  const custom = (data: unknown) => ({ kind: 'custom', content: '', custom: { type: 'com.example.x', data } });
  const poll = (fields: object) => ({ kind: 'poll', content: '?', poll: { options: ['a', 'b'], ...fields } });
  it.each<[string, unknown]>([
    ['a system message', { kind: 'system', content: 'x' }],
    ['a kind that nobody knows', { kind: 'hologram', content: 'x' }],
    ['an origin that the sender claims', { content: 'x', forwarded_from: { chat_id: 'x' } }],
    ['results that the sender claims', poll({ results: { counts: [1, 1], voters: 1 } })],
    [
      'a link that runs a script',
      text('x', { entities: [{ type: 'link', offset: 0, length: 1, url: 'javascript:1' }] }),
    ],
    ['an entity of no length', { content: 'x', entities: [{ type: 'bold', offset: 0, length: 0 }] }],
    ['a latitude beyond the pole', { kind: 'location', content: '', location: { latitude: 91, longitude: 0 } }],
    ['a location that is no number', { kind: 'location', content: '', location: { latitude: null, longitude: 0 } }],
    ['an empty name', { kind: 'contact', content: '', contact: { name: '  ' } }],
    ['a name with a control character', { kind: 'contact', content: '', contact: { name: 'a\u0000b' } }],
    ['half a sticker', { kind: 'sticker', content: '', sticker: { emoji: '🌊', pack: 'sea' } }],
    ['a sticker that is a word', { kind: 'sticker', content: '', sticker: { emoji: 'wave' } }],
    ['a poll of one option', poll({ options: ['a'] })],
    ['a poll of equal options', poll({ options: ['a', ' a '] })],
    ['a poll of too many options', poll({ options: Array.from({ length: LIMITS.pollOptions + 1 }, (_, i) => `${i}`) })],
    ['app data that is a list', custom([])],
    ['app data that is nested too deep', custom(deep(LIMITS.customDepth + 1))],
    ['app data without a bottom', custom(bottomless)],
    ['app data that is too long', custom({ a: 'x'.repeat(LIMITS.customBytes) })],
    ['app data with half a character in a value', custom({ a: ['\ud83c'] })],
    ['app data with half a character in a name', custom({ '\ud83c': 1 })],
    ['a type without a domain', { kind: 'custom', content: '', custom: { type: 'order', data: {} } }],
  ])('refuses %s', (_what, message) => {
    expect(SendMessage.safeParse(message).success).toBe(false);
  });

  it('takes app data to its limits', () => {
    expect(SendMessage.safeParse(custom(deep(LIMITS.customDepth))).success).toBe(true);
    expect(SendMessage.safeParse(custom({ a: 'x'.repeat(LIMITS.customBytes - 8) })).success).toBe(true);
    expect(SendMessage.safeParse(custom({ a: '\\ud83c' })).success).toBe(true);
  });
});

describe('entities', () => {
  const mention = { type: 'mention', offset: 0, length: 4, user_id: bob } as const;
  it.each<[string, Fields, boolean]>([
    [
      'beside each other',
      text('abcd', {
        entities: [
          { type: 'bold', offset: 0, length: 2 },
          { type: 'bold', offset: 2, length: 2 },
        ],
      }),
      true,
    ],
    [
      'within each other',
      text('abcd', {
        entities: [
          { type: 'bold', offset: 0, length: 4 },
          { type: 'italic', offset: 0, length: 4 },
        ],
      }),
      true,
    ],
    [
      'that overlap',
      text('abcd', {
        entities: [
          { type: 'bold', offset: 0, length: 3 },
          { type: 'italic', offset: 2, length: 2 },
        ],
      }),
      false,
    ],
    [
      'out of order',
      text('abcd', {
        entities: [
          { type: 'bold', offset: 2, length: 1 },
          { type: 'italic', offset: 0, length: 1 },
        ],
      }),
      false,
    ],
    ['that end beyond the text', text('abcd', { entities: [{ type: 'bold', offset: 0, length: 5 }] }), false],
    [
      'that begin in the middle of a character',
      text('🌊🌊', { entities: [{ type: 'bold', offset: 1, length: 1 }] }),
      false,
    ],
    [
      'that end in the middle of a character',
      text('🌊🌊', { entities: [{ type: 'bold', offset: 0, length: 3 }] }),
      false,
    ],
    ['around a character of two units', text('🌊🌊', { entities: [{ type: 'bold', offset: 2, length: 2 }] }), true],
    [
      'within themselves',
      text('abcd', {
        entities: [
          { type: 'bold', offset: 0, length: 4 },
          { type: 'bold', offset: 1, length: 1 },
        ],
      }),
      false,
    ],
    [
      'within code',
      text('abcd', {
        entities: [
          { type: 'code', offset: 0, length: 4 },
          { type: 'bold', offset: 1, length: 1 },
        ],
      }),
      false,
    ],
    ['in a caption', { ...EXAMPLES.location, entities: [{ type: 'bold', offset: 0, length: 4 }] }, true],
    ['where there is no text', { ...EXAMPLES.sticker, entities: [{ type: 'bold', offset: 0, length: 1 }] }, false],
    ['that mention whom the message mentions', text('@bob', { entities: [mention], mentions: [bob] }), true],
    ['that mention whom the message does not', text('@bob', { entities: [mention] }), false],
    ['that leave out whom the message mentions', text('@bob', { entities: [mention], mentions: [bob, cyd] }), false],
    [
      'of another sort beside a mention',
      text('@bob', { entities: [{ type: 'bold', offset: 0, length: 4 }], mentions: [bob] }),
      true,
    ],
    ['that call everyone alone', text('@all', { entities: [{ type: 'everyone', offset: 0, length: 4 }] }), false],
    [
      'that call everyone with the message',
      text('@all', { entities: [{ type: 'everyone', offset: 0, length: 4 }], everyone: 'all' }),
      true,
    ],
  ])('%s', async (_what, message, good) => {
    await inRoom(async (test) =>
      expect(codeOf(await test.send(ada, message.content, message))).toBe(good ? 'ok' : 'invalid'),
    );
  });
});

describe('hostile text', () => {
  it.each([
    ['written from right to left', '\u202eevil\u202c \u2066\u2069'],
    ['of no width', '\u200b\u200d\u2060\ufeff'],
    ['with NUL and other controls', 'a\u0000b\u0001\u001f\u007f\r\n\u2028\u2029'],
    ['that looks like a frame', '{"t":"ack"}\n]}\\"'],
    ['of combining marks', `z${'\u0351'.repeat(1000)}`],
    ['of as many bytes as there may be', '界'.repeat(Math.floor(LIMITS.contentBytes / 3))],
  ])('%s is kept byte for byte, wherever it stands', async (_what, content) => {
    await inRoom(async (test) => {
      const message = SendMessage.parse({ content, client_id: 'c' });
      const first = await test.sent(ada, content, message);
      const data = { '\u202e': content.slice(0, 100) };
      const second = await test.sent(
        ada,
        content,
        SendMessage.parse({ kind: 'custom', content, custom: { type: 'a.b', data } }),
      );
      const third = await test.sent(bob, content, {
        reply_to: first,
        quote: { offset: 0, length: Math.min(300, content.length) },
      });
      test.restart();
      const held = messagesNow(test, cyd);
      expect(held.get(first)?.content).toBe(content);
      expect(held.get(second)?.custom).toEqual({ type: 'a.b', data });
      expect(held.get(third)?.quote?.text).toBe(content.slice(0, 300));
      expect(value(await test.send(ada, content, message)).duplicate).toBe(true);
    });
  });

  it.each([
    ['half a character', 'a\ud83c'],
    ['the other half', '\udf0aa'],
    ['too many bytes', '界'.repeat(LIMITS.contentBytes / 3 + 1)],
  ])('with %s is refused', (_what, content) => {
    expect(SendMessage.safeParse({ content }).success).toBe(false);
  });
});

describe('a mention of everyone', () => {
  const counts = (test: TestRoom, user: string) => test.conversation.notice(user)?.mentions.length;

  it('is one row, and counts for every member but its sender until they have read it', async () => {
    await inRoom(async (test) => {
      const before = test.rows('mentions');
      const seq = await test.sent(ada, 'hey', { everyone: 'all' });
      expect(test.rows('mentions')).toBe(before);
      expect(test.storage.sql.exec('SELECT * FROM everyone').toArray()).toEqual([{ seq, users: null }]);
      expect([ada, bob, cyd].map((user) => counts(test, user))).toEqual([0, 1, 1]);
      test.room.mark({ user: bob, read: seq });
      await test.inboxes.settled();
      expect([bob, cyd].map((user) => counts(test, user))).toEqual([0, 1]);
      test.publish(test.conversation.membership.add(ada, [newUser()]));
    });
  });

  it('does not count twice for whom it names too, nor for who comes later', async () => {
    await inRoom(async (test) => {
      await test.sent(ada, 'hey', { everyone: 'all', mentions: [bob] });
      expect(counts(test, bob)).toBe(1);
      const late = newUser();
      test.publish(test.conversation.membership.add(ada, [late]));
      expect(counts(test, late)).toBe(0);
    });
  });

  it('does not count for who calls, also where they have not read: in a thread', async () => {
    await inRoom(async (test) => {
      const root = await test.sent(ada, 'root');
      await test.sent(bob, 'hey', { thread_seq: root, everyone: 'all' });
      expect([ada, bob, cyd].map((user) => counts(test, user))).toEqual([1, 0, 1]);
    });
  });

  it('who is here calls those who are known to be online', async () => {
    await inRoom(async (test) => {
      test.inboxes.devices.set(bob, 1);
      await test.sent(ada, 'wake');
      await test.inboxes.settled();
      await test.sent(ada, 'hey', { everyone: 'here' });
      expect([ada, bob, cyd].map((user) => counts(test, user))).toEqual([0, 1, 0]);
    });
  });

  it('needs permission: not in a Single, and in a channel not every member’s', async () => {
    for (const [type, user, code] of [
      ['Single', ada, 'forbidden'],
      ['PublicChannel', bob, 'forbidden'],
      ['PublicChannel', ada, 'ok'],
    ] as const) {
      await overStorage(async (storage) => {
        const test = new TestRoom(storage);
        test.create([ada, bob], { type });
        expect(codeOf(await test.send(user, 'hey', { everyone: 'all' }))).toBe(code);
        expect(codeOf(await test.send(user, 'hey', { everyone: 'here' }))).toBe(code);
      });
    }
  });

  it('is over when the message is recalled, or edited without it; an edit never begins one', async () => {
    await inRoom(async (test) => {
      const [first, second, third] = [
        await test.sent(ada, 'one', { everyone: 'all' }),
        await test.sent(ada, 'two', { everyone: 'all' }),
        await test.sent(ada, 'three'),
      ];
      await test.change(ada, first, { type: 'recall' });
      await test.change(ada, second, { type: 'edit', content: 'calm' });
      expect(counts(test, bob)).toBe(0);
      expect(codeOf(await test.change(ada, third, { type: 'edit', content: 'x', everyone: 'all' }))).toBe('invalid');
    });
  });
});

describe('a quote', () => {
  const quote = { offset: 2, length: 4 };
  it('is what the message answered says now, and stays when that is edited', async () => {
    await inRoom(async (test) => {
      const first = await test.sent(ada, 'a 好世界! b');
      const second = await test.sent(bob, 'yes', { reply_to: first, quote, client_id: 'q' });
      await test.change(ada, first, { type: 'edit', content: 'other' });
      expect(messagesNow(test, cyd).get(second)?.quote).toEqual({
        sender_id: ada,
        kind: 'text',
        text: '好世界!',
        ...quote,
      });
      expect(value(await test.send(bob, 'yes', { reply_to: first, quote, client_id: 'q' })).duplicate).toBe(true);
      const other = { reply_to: first, quote: { offset: 0, length: 1 }, client_id: 'q' };
      expect(codeOf(await test.send(bob, 'yes', other))).toBe('conflict');
    });
  });

  it('goes with the message that it is from', async () => {
    await inRoom(async (test) => {
      const first = await test.sent(ada, 'secret thing');
      const second = await test.sent(bob, 'yes', { reply_to: first, quote, client_id: 'q' });
      await test.change(ada, first, { type: 'recall' });
      test.restart();
      expect(messagesNow(test, cyd).get(second)?.quote?.text).toBe('');
      expect(JSON.stringify(test.storage.sql.exec('SELECT * FROM events').toArray())).not.toContain('cret');
      await test.inboxes.settled();
    });
  });

  it.each([
    ['of nothing', { quote }],
    ['beyond the text', { reply_to: 2, quote: { offset: 0, length: 6 } }],
    ['of half a character', { reply_to: 2, quote: { offset: 0, length: 4 } }],
  ])('%s is refused', async (_what, fields) => {
    await inRoom(async (test) => {
      await test.sent(ada, 'abc🌊');
      expect(codeOf(await test.send(bob, 'x', fields))).toBe('invalid');
    });
  });
});

describe('a message of the system', () => {
  it('comes from no member, counts as a message, and once', async () => {
    await inRoom(async (test) => {
      const say = () => test.room.placed(test.conversation.announce({ client_id: 'n', content: 'Closing at six' }));
      const { row } = value(say());
      expect(value(say())).toMatchObject({ duplicate: true, row: { seq: row.seq } });
      expect(codeOf(test.conversation.announce({ client_id: 'n', content: 'other' }))).toBe('conflict');
      expect(Message.parse(messagesNow(test, bob).get(row.seq))).toMatchObject({ kind: 'system', ordinal: 1 });
      expect(test.conversation.notice(ada)).toMatchObject({ messages: 1, member: { read_messages: 0 } });
      expect(codeOf(await test.change(ada, row.seq, { type: 'edit', content: 'x' }))).toBe('forbidden');
      test.restart();
      await test.ringUntilQuiet();
    });
  });
});

describe('a forward', () => {
  it('is a copy with its origin, calls nobody, and keeps the first origin when it is forwarded on', async () => {
    const entities = [
      { type: 'mention' as const, offset: 0, length: 4, user_id: bob },
      { type: 'bold' as const, offset: 5, length: 2 },
    ];
    const { attested, gone, origin } = await inRoom(async (test) => {
      const seq = await test.sent(ada, '@bob hi', { mentions: [bob], entities });
      const before = test.conversation.attest(bob, seq);
      await test.change(ada, seq, { type: 'recall' });
      const after = test.conversation.attest(bob, seq);
      return { attested: before, gone: after, origin: { chat_id: test.conversation.chat.id, seq, sender_id: ada } };
    });
    expect(codeOf(gone)).toBe('not_found');
    await inRoom(async (test) => {
      const forward = (user: string, client_id: string, what = attested) =>
        test.room.placed(test.conversation.forward(user, { client_id, attested: what, tickets: [] }));
      const { row } = value(forward(cyd, 'f'));
      const held = messagesNow(test, ada).get(row.seq);
      expect(held).toMatchObject({
        sender_id: cyd,
        content: '@bob hi',
        entities: [entities[1]],
        forwarded_from: origin,
      });
      expect(held).not.toHaveProperty('mentions');
      expect(value(test.conversation.attest(ada, row.seq)).forwarded_from).toEqual(held?.forwarded_from);

      // Sent again it is the same one, even when the original is gone; under another name it is refused.
      expect(value(forward(cyd, 'f'))).toMatchObject({ duplicate: true, row: { seq: row.seq } });
      expect(value(forward(cyd, 'f', gone)).duplicate).toBe(true);
      expect(codeOf(forward(cyd, 'g', gone))).toBe('not_found');
      await test.sent(cyd, 'mine', { client_id: 'h' });
      expect(codeOf(forward(cyd, 'h'))).toBe('conflict');
      expect(codeOf(forward(newUser(), 'f'))).toBe('not_found');
    });
  });

  it('is not of what the caller cannot see, of what stays in its conversation, nor out of one that forbids it', async () => {
    await overStorage(async (storage) => {
      const test = new TestRoom(storage);
      test.create([ada, bob], { history: 'joined' });
      const early = await test.sent(ada, 'early');
      test.publish(test.conversation.membership.add(ada, [cyd]));
      const seq = await test.sent(ada, 'late');
      const poll = await test.sent(ada, '?', { kind: 'poll', poll: { options: ['a', 'b'] } });
      const code = (user: string, which: number) => codeOf(test.conversation.attest(user, which));
      expect([code(cyd, early), code(cyd, seq), code(newUser(), seq)]).toEqual(['not_found', 'ok', 'not_found']);
      expect([code(ada, 1), code(ada, 99), code(ada, poll)]).toEqual(['not_found', 'not_found', 'invalid']);
      test.publish(test.conversation.membership.update(ada, { forwards: 'forbidden' }));
      test.restart();
      expect(code(ada, seq)).toBe('forbidden');
      expect(test.conversation.describe().forwards).toBe('forbidden');
    });
  });
});
