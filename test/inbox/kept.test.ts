import { describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import type { Keep } from '../../src/inbox/kept.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { notice, withInbox } from '../support/inbox.ts';
import { codeOf } from '../support/objects.ts';

const chat_id = newId('chat');
const draft = (content: string, fields: { thread_seq?: number } = {}): Keep => ({
  kind: 'draft',
  chat_id,
  draft: { content, ...fields },
});
const saved = (seq: number, note: string | null = null): Keep => ({ kind: 'saved', chat_id, seq, saved: { note } });

describe('what a user keeps', () => {
  it('comes to every device that was away as it is now, and goes when it is gone', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice({ chat_id }));
      const { cursor } = await test.sync();
      for (const keep of [
        draft('a'),
        draft('ab'),
        draft('in a thread', { thread_seq: 2 }),
        saved(1),
        saved(1, 'why'),
      ]) {
        expect(codeOf(test.inbox.keep(keep))).toBe('ok');
      }
      const first = await test.sync({ cursor });
      expect(first.changes).toEqual([
        { type: 'draft', id: chat_id, value: expect.objectContaining({ content: 'ab', thread_seq: null }) },
        { type: 'draft', id: `${chat_id}/2`, value: expect.objectContaining({ content: 'in a thread' }) },
        { type: 'saved', id: `${chat_id}/1`, value: expect.objectContaining({ seq: 1, note: 'why' }) },
      ]);
      test.inbox.keep(draft(''));
      test.inbox.keep({ kind: 'saved', chat_id, seq: 1, saved: null });
      expect((await test.sync({ cursor: first.cursor })).changes).toEqual([
        { type: 'draft', id: chat_id, value: null },
        { type: 'saved', id: `${chat_id}/1`, value: null },
      ]);
    });
  });

  it('that was never kept is let go of without a trace', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice({ chat_id }));
      const { cursor } = await test.sync();
      expect(codeOf(test.inbox.keep(draft('', { thread_seq: 7 })))).toBe('ok');
      expect(codeOf(test.inbox.keep({ kind: 'saved', chat_id, seq: 7, saved: null }))).toBe('ok');
      expect((await test.sync({ cursor })).changes).toEqual([]);
    });
  });

  it('can be let go of when its conversation is left, and nothing more is kept of that', async () => {
    await withInbox(async (test) => {
      test.inbox.notify(notice({ chat_id }));
      test.inbox.keep(draft('half'));
      test.inbox.keep(saved(1));
      test.inbox.notify(notice({ chat_id, head: 2, member_seq: 2, gone: 'left' }));
      const { cursor } = await test.sync();
      for (const keep of [draft('more'), saved(2)]) {
        expect(codeOf(test.inbox.keep(keep))).toBe('not_found');
      }
      expect(codeOf(test.inbox.keep(draft('')))).toBe('ok');
      expect(codeOf(test.inbox.keep({ kind: 'saved', chat_id, seq: 1, saved: null }))).toBe('ok');
      expect((await test.sync({ cursor })).changes).toMatchObject([
        { type: 'draft', id: chat_id, value: null },
        { type: 'saved', id: `${chat_id}/1`, value: null },
      ]);
    });
  });

  it('is of conversations in the list, and of a limited number', async () => {
    await withInbox(async (test) => {
      expect(codeOf(test.inbox.keep(draft('x')))).toBe('not_found');
      test.inbox.notify(notice({ chat_id }));
      for (let seq = 1; seq <= LIMITS.savedMessages; seq++) test.inbox.keep(saved(seq));
      expect(codeOf(test.inbox.keep(saved(0)))).toBe('conflict');
      expect(codeOf(test.inbox.keep(saved(1, 'changed')))).toBe('ok');
      test.inbox.keep({ kind: 'saved', chat_id, seq: 1, saved: null });
      expect(codeOf(test.inbox.keep(saved(0)))).toBe('ok');
      for (let seq = 1; seq <= LIMITS.drafts; seq++) test.inbox.keep(draft('x', { thread_seq: seq }));
      expect(codeOf(test.inbox.keep(draft('x')))).toBe('conflict');
      expect(codeOf(test.inbox.keep(draft('other', { thread_seq: 1 })))).toBe('ok');
      test.inbox.keep(draft('', { thread_seq: 1 }));
      expect(codeOf(test.inbox.keep(draft('x')))).toBe('ok');
    });
  });
});
