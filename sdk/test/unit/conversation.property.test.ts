import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '../../../src/protocol/events.ts';
import { Conversation } from '../../src/conversation.ts';

const EPOCH = 'e1';
const SELF = 'usr_a';
const at = '2026-11-21T08:00:00.000Z';

/** What may happen next: a message, or a change of an earlier event (which may be no message, or one that is gone). */
const step = fc.record({
  kind: fc.constantFrom('message', 'edit', 'recall', 'react', 'unreact', 'pin', 'unpin', 'expire', 'thread', 'joined'),
  back: fc.integer({ min: 1, max: 12 }),
  actor: fc.constantFrom(SELF, 'usr_b'),
});

function logOf(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): ChatEvent[] {
  let ordinal = 0;
  return steps.map(({ kind, back, actor }, i): ChatEvent => {
    const seq = i + 1;
    const base = { seq, actor_id: actor, created_at: at };
    const target = seq - back;
    const text = { client_id: `c${seq}`, kind: 'text' as const, content: `message ${seq}` };
    if (kind === 'joined') return { ...base, type: 'member.joined', user_ids: [actor] };
    if (kind === 'message' || target < 1) return { ...base, type: 'message', ordinal: ++ordinal, ...text };
    switch (kind) {
      case 'edit':
        return { ...base, type: 'message.edited', target, content: `edited ${seq}` };
      case 'recall':
        return { ...base, type: 'message.recalled', target };
      case 'react':
        return { ...base, type: 'reaction.added', target, emoji: '👍' };
      case 'unreact':
        return { ...base, type: 'reaction.removed', target, emoji: '👍' };
      case 'pin':
        return { ...base, type: 'message.pinned', target };
      case 'unpin':
        return { ...base, type: 'message.unpinned', target };
      case 'expire':
        return { ...base, type: 'message.expired', targets: [target] };
      default:
        return { ...base, type: 'thread.reply', ordinal, thread_seq: target, thread_ordinal: 1, ...text };
    }
  });
}

describe('the messages of a conversation', () => {
  it('are the same however the log came: all at once, piece by piece, and the older part later', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (steps, sizes, share) => {
          const log = logOf(steps);
          const whole = new Conversation('chat_1', () => SELF);
          whole.apply({ epoch: EPOCH, head_seq: log.length, items: log });

          const start = Math.floor(share * log.length);
          const parts = new Conversation('chat_1', () => SELF);
          parts.startAt(EPOCH, start);
          for (let from = start, i = 0; from < log.length; i++) {
            const items = log.slice(from, from + (sizes[i % sizes.length] ?? 1));
            from += items.length;
            parts.apply({ epoch: EPOCH, head_seq: log.length, items });
          }
          for (let upto = start, i = 0; upto > 0; i++) {
            const items = log.slice(Math.max(0, upto - (sizes[i % sizes.length] ?? 1)), upto);
            upto -= items.length;
            parts.applyOlder({ epoch: EPOCH, head_seq: log.length, items });
          }
          expect(parts.messages).toEqual(whole.messages);
        },
      ),
    );
  });
});
