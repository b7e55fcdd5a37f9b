import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatListItem } from '../../../src/protocol/chats.ts';
import { applyChanges, type ChangePage, emptyList, itemsOf, type ListState } from '../../../src/protocol/reduce.ts';
import type { Change, ItemChange } from '../../../src/protocol/sync.ts';

const row = (id: string, head: number, muted: boolean): ChatListItem => ({
  id,
  name: id,
  type: 'Group',
  workspace_id: null,
  history: 'all',
  member_count: 2,
  fanout: 'small',
  epoch: 'e1',
  head_seq: head,
  created_by: 'usr_a',
  created_at: '2026-11-21T08:00:00.000Z',
  updated_at: '2026-11-21T08:00:00.000Z',
  messages: head,
  read_seq: 0,
  read_messages: 0,
  delivered_seq: 0,
  visible_from: 1,
  role: 'member',
  joined_at: '2026-11-21T08:00:00.000Z',
  unread: head,
  thread_unread: 0,
  hidden: 0,
  mentions: 0,
  last_message: null,
  muted,
  pinned: false,
  archived: false,
});

const friend = (id: string, remark: string | null): ItemChange => ({
  type: 'contact',
  id,
  value:
    remark === null
      ? null
      : {
          user_id: id,
          state: 'friend',
          request: null,
          since: '2026-11-21T08:00:00.000Z',
          remark,
          group_ids: [],
          blocked: false,
        },
});

/** The inbox of a server: a row per conversation or friend with the position of its last change. */
class Inbox {
  pos = 0;
  readonly rows = new Map<string, { pos: number; change: Change }>();

  change(chatId: string, change: Change): ChangePage {
    this.pos++;
    this.rows.set(chatId, { pos: this.pos, change });
    return { changes: [change], cursor: String(this.pos) };
  }

  page(cursor: string | null, limit: number): ChangePage & { has_more: boolean } {
    const after = cursor === null ? 0 : Number(cursor);
    const rows = [...this.rows.values()].filter(({ pos }) => pos > after).sort((a, b) => a.pos - b.pos);
    const taken = rows.slice(0, limit);
    return {
      changes: taken.map(({ change }) => change),
      cursor: String(taken.at(-1)?.pos ?? after),
      reset: cursor === null,
      has_more: rows.length > limit,
    };
  }
}

function sync(state: ListState, inbox: Inbox, limit: number): ListState {
  let next = state;
  for (let more = true; more; ) {
    const page = inbox.page(next.cursor, limit);
    next = applyChanges(next, page).state;
    more = page.has_more;
  }
  return next;
}

const operation = fc.oneof(
  fc.record({ kind: fc.constant('row' as const), chat: fc.nat(5), muted: fc.boolean() }),
  fc.record({ kind: fc.constant('gone' as const), chat: fc.nat(5) }),
  fc.record({ kind: fc.constant('friend' as const), friend: fc.nat(5), gone: fc.boolean() }),
  fc.record({ kind: fc.constant('connect' as const) }),
  fc.record({ kind: fc.constant('disconnect' as const) }),
  fc.record({ kind: fc.constant('deliver' as const), count: fc.nat(4) }),
  fc.record({ kind: fc.constant('sync' as const), limit: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('lose the cursor' as const) }),
);

describe('applyChanges', () => {
  it('applied to an old snapshot, changes give the fresh one, through pushes, cuts and syncs', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), (operations) => {
        const inbox = new Inbox();
        let state: ListState = emptyList;
        let wire: ChangePage[] | null = null;
        for (const [index, step] of operations.entries()) {
          if (step.kind === 'row' || step.kind === 'gone') {
            const id = `chat_${step.chat}`;
            const page =
              step.kind === 'row'
                ? inbox.change(id, { type: 'chat', chat_id: id, chat: row(id, index, step.muted) })
                : inbox.change(id, { type: 'chat.gone', chat_id: id, reason: 'left' });
            wire?.push(page);
          } else if (step.kind === 'friend') {
            const id = `usr_${step.friend}`;
            wire?.push(inbox.change(id, friend(id, step.gone ? null : `no ${index}`)));
          } else if (step.kind === 'disconnect') wire = null;
          else if (step.kind === 'lose the cursor') state = { ...state, cursor: null };
          else if (step.kind === 'deliver') {
            for (const page of wire?.splice(0, step.count) ?? []) state = applyChanges(state, page).state;
          } else {
            // Connecting, as syncing, ends with a sync that began after the socket was open.
            if (step.kind === 'connect') wire = [];
            state = sync(state, inbox, step.kind === 'sync' ? step.limit : 3);
          }
        }
        for (const page of wire ?? []) state = applyChanges(state, page).state;
        if (wire === null) state = sync(state, inbox, 2);
        const fresh = sync(emptyList, inbox, 1_000);
        expect([...state.chats].sort()).toEqual([...fresh.chats].sort());
        expect([...itemsOf(state, 'contact')].sort()).toEqual([...itemsOf(fresh, 'contact')].sort());
      }),
      { numRuns: 500 },
    );
  });

  it('says what changed and what went, each once', () => {
    const held = applyChanges(emptyList, {
      changes: [
        { type: 'chat', chat_id: 'chat_1', chat: row('chat_1', 1, false) },
        { type: 'chat', chat_id: 'chat_2', chat: row('chat_2', 1, false) },
      ],
      cursor: '2',
    });
    expect(held.changed.map(({ id }) => id)).toEqual(['chat_1', 'chat_2']);
    const step = applyChanges(held.state, {
      changes: [
        { type: 'chat', chat_id: 'chat_1', chat: row('chat_1', 2, false) },
        { type: 'chat', chat_id: 'chat_1', chat: row('chat_1', 3, true) },
        { type: 'chat.gone', chat_id: 'chat_2', reason: 'removed' },
        { type: 'chat.gone', chat_id: 'chat_9', reason: 'left' },
      ],
      cursor: '6',
    });
    expect(step.changed).toEqual([row('chat_1', 3, true)]);
    expect(step.gone).toEqual([{ chat_id: 'chat_2', reason: 'removed' }]);
    expect(step.state.cursor).toBe('6');
  });

  it('a reset drops what does not come again', () => {
    const held = applyChanges(emptyList, {
      changes: [
        { type: 'chat', chat_id: 'chat_1', chat: row('chat_1', 1, false) },
        { type: 'chat', chat_id: 'chat_2', chat: row('chat_2', 1, false) },
      ],
      cursor: '2',
    }).state;
    const step = applyChanges(held, {
      changes: [{ type: 'chat', chat_id: 'chat_2', chat: row('chat_2', 5, false) }],
      cursor: '1',
      reset: true,
    });
    expect(step.gone).toEqual([{ chat_id: 'chat_1', reason: 'absent' }]);
    expect([...step.state.chats.keys()]).toEqual(['chat_2']);
  });

  it('says which rows of other kinds changed, and keeps the maps of the others as they are', () => {
    const held = applyChanges(emptyList, { changes: [friend('usr_1', 'a'), friend('usr_2', 'b')], cursor: '2' }).state;
    const chat = { type: 'chat' as const, chat_id: 'chat_1', chat: row('chat_1', 1, false) };
    expect(applyChanges(held, { changes: [chat], cursor: '3' }).state.items).toBe(held.items);
    const step = applyChanges(held, {
      changes: [friend('usr_2', 'c'), friend('usr_1', null), friend('usr_2', 'd'), friend('usr_9', null)],
      cursor: '6',
    });
    expect(step.items).toEqual([friend('usr_2', 'd'), friend('usr_1', null)]);
    expect([...itemsOf(step.state, 'contact').keys()]).toEqual(['usr_2']);
    const reset = applyChanges(step.state, { changes: [friend('usr_1', 'e')], cursor: '1', reset: true });
    expect(reset.items).toEqual([friend('usr_1', 'e'), friend('usr_2', null)]);
  });

  it('keeps rows of kinds that it does not know, and passes over what is no row', () => {
    const strange = [
      { type: 'tide', id: 'x', value: { height: 3 } },
      { type: 'weather', wind: 9 },
    ] as unknown as Change[];
    const { state } = applyChanges(emptyList, { changes: strange, cursor: '1' });
    expect(state.items).toEqual(new Map([['tide', new Map([['x', { height: 3 }]])]]));
  });
});
