import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '../../../src/protocol/events.ts';
import { Conversation } from '../../src/conversation.ts';
import { HeldMessages } from '../../src/held.ts';

const [SELF, OTHER] = ['usr_self', 'usr_other'];
const CHAT = 'chat_a';
const AT = '2026-11-21T08:00:00.000Z';
const person = fc.constantFrom(SELF, OTHER);
const emoji = fc.constantFrom('👍', ':party:');

/** A log: messages, and changes of earlier ones. */
const logs = fc
  .array(
    fc.tuple(
      fc.constantFrom('message', 'thread.reply', 'edit', 'recall', 'react', 'unreact', 'pin', 'expire'),
      person,
      fc.nat(100),
      emoji,
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((steps) => {
    const events: ChatEvent[] = [];
    const said: number[] = [];
    for (const [what, actor_id, index, value] of steps) {
      const base = { seq: events.length + 1, actor_id, created_at: AT };
      const target = said[index % Math.max(1, said.length)];
      const fields = {
        ordinal: 1,
        client_id: `c${base.seq}`,
        kind: 'text' as const,
        content: 'x',
      };
      if (what === 'message' || target === undefined) {
        said.push(base.seq);
        events.push({ ...base, ...fields, type: 'message' });
      } else if (what === 'thread.reply') {
        said.push(base.seq);
        const thread_ordinal = events.filter((event) => event.type === 'thread.reply').length + 1;
        events.push({ ...base, ...fields, type: 'thread.reply', thread_seq: target, thread_ordinal });
      } else if (what === 'edit') events.push({ ...base, type: 'message.edited', target, content: `y${base.seq}` });
      else if (what === 'recall') events.push({ ...base, type: 'message.recalled', target });
      else if (what === 'react') events.push({ ...base, type: 'reaction.added', target, emoji: value });
      else if (what === 'unreact') events.push({ ...base, type: 'reaction.removed', target, emoji: value });
      else if (what === 'pin') events.push({ ...base, type: 'message.pinned', target });
      else events.push({ ...base, type: 'message.expired', targets: [target] });
    }
    return events;
  });

const page = (items: ChatEvent[], head: number) => ({ epoch: 'e', head_seq: head, items });
const contents = (conversation: Conversation) => [conversation.messages, conversation.held.all];

describe('messages held', () => {
  it('are the same, whether the events came at once, one by one, or the older ones later', () => {
    fc.assert(
      fc.property(logs, fc.nat(100), (events, cut) => {
        const head = events.length;
        const [whole, single, later] = [0, 1, 2].map(() => new Conversation(CHAT, () => SELF));
        if (!whole || !single || !later) throw new Error('three of them');
        whole.apply(page(events, head));
        for (const event of events) single.apply(page([event], event.seq));
        const at = cut % head;
        later.startAt('e', at);
        later.apply(page(events.slice(at), head));
        later.applyOlder(page(events.slice(0, at), head));
        expect(contents(single)).toEqual(contents(whole));
        expect(contents(later)).toEqual(contents(whole));
      }),
    );
  });

  it('show a change of one’s own until the log has it, and are then as without', () => {
    fc.assert(
      fc.property(logs, fc.nat(100), emoji, fc.boolean(), (events, index, value, answered) => {
        const [plain, eager] = [new HeldMessages(CHAT, () => SELF), new HeldMessages(CHAT, () => SELF)];
        for (const event of events) for (const held of [plain, eager]) held.apply(event);
        const target = plain.all[index % Math.max(1, plain.all.length)]?.seq;
        if (target === undefined) return;
        const event = { type: 'reaction.added' as const, seq: 0, actor_id: SELF, created_at: AT, target, emoji: value };
        const pending = { event };
        eager.show(pending);
        const done = { ...event, seq: events.length + 1 };
        plain.apply(done);
        expect(eager.get(target)).toEqual(plain.get(target));
        if (answered) Object.assign(pending, { at: done.seq });
        eager.apply(done);
        eager.reached(done.seq);
        expect(eager.all).toEqual(plain.all);
        eager.show(pending);
        eager.withdraw(pending);
        expect(eager.all).toEqual(plain.all);
      }),
    );
  });
});
