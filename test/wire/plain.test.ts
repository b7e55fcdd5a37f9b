import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { ClientFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { plainFrame } from '../../src/wire/plain.ts';

const chat = newId('chat');
const odd = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constant('\ud800'), fc.double());
const chatId = fc.oneof(
  { weight: 4, arbitrary: fc.constant(chat) },
  fc.constantFrom(`${chat}\n`, ` ${chat}`, chat.toUpperCase(), newId('usr'), chat.slice(0, -1)),
  odd,
);
const clientId = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 130, unit: 'grapheme-ascii' }) },
  fc.constantFrom('c1', 'x'.repeat(128), 'x'.repeat(129), 'c1\n'),
  odd,
);
const content = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme' }) },
  fc.integer({ min: -2, max: 2 }).map((more) => 'é'.repeat(Math.floor(LIMITS.contentBytes / 3) + more)),
  fc.integer({ min: -2, max: 2 }).map((more) => 'a'.repeat(LIMITS.contentBytes + more)),
  odd,
);
const seq = fc.oneof(
  { weight: 4, arbitrary: fc.nat() },
  fc.constantFrom(-0, -1, 0.5, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1, '1', null),
  odd,
);
const more = fc.dictionary(fc.constantFrom('reply_to', 'mentions', 'seq', 'content', 'kind', '__proto__', 'x'), odd, {
  maxKeys: 2,
});
const frame = fc
  .tuple(
    fc.oneof(
      fc.record(
        {
          t: fc.constant('send'),
          client_id: clientId,
          chat_id: chatId,
          content,
          kind: fc.oneof(fc.constant('text'), odd),
        },
        { requiredKeys: ['t'] },
      ),
      fc.record({ t: fc.constantFrom('got', 'read', 'typing', 'pull', 'auth'), chat_id: chatId, seq }),
      odd,
    ),
    fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, more),
  )
  // Through JSON, as a frame comes.
  .map(([fields, others]): unknown =>
    JSON.parse(JSON.stringify(typeof fields === 'object' ? { ...fields, ...others } : fields)),
  );

it('what is taken for a plain frame is what the schema makes of it, key for key', () => {
  fc.assert(
    fc.property(frame, (value) => {
      const plain = plainFrame(value);
      if (plain !== undefined) expect(JSON.stringify(plain)).toBe(JSON.stringify(ClientFrame.parse(value)));
    }),
    { numRuns: 3000 },
  );
});

it('the commonest frames are plain', () => {
  const values = [
    { t: 'send', client_id: 'c1', chat_id: chat, content: 'hello 🌊' },
    { t: 'send', client_id: 'c1', chat_id: chat, kind: 'text', content: 'hello' },
    { t: 'got', chat_id: chat, seq: 7 },
    { t: 'read', chat_id: chat, seq: 0 },
  ];
  for (const value of values) expect(JSON.stringify(plainFrame(value))).toBe(JSON.stringify(ClientFrame.parse(value)));
});
