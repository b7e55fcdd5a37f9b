import type { SavedMessage } from '@tideline/sdk';
import { describe, expect, it } from 'vitest';
import { Bridge } from '../src/bridge/bridge.ts';
import type { MessageLine } from '../src/core/protocol.ts';
import { type ActionContext, messageActions } from '../src/messages/actions.tsx';
import { type MenuEntry, menu } from '../src/ui/overlays.ts';

const CHAT = 'chat_1';
const line = (fields: Partial<MessageLine['message']> = {}, status: MessageLine['status'] = 'sent'): MessageLine => ({
  type: 'message',
  key: 'usr_1/c1',
  message: {
    chat_id: CHAT,
    seq: 4,
    client_id: 'c1',
    sender_id: 'usr_1',
    kind: 'text',
    content: 'high water',
    created_at: '2026-01-01T00:00:00.000Z',
    ...fields,
  },
  status,
  failure: undefined,
});

function actions(context: Partial<ActionContext> = {}): MenuEntry[] {
  return messageActions({
    line: line(),
    own: false,
    chat: { id: CHAT, type: 'Group', role: 'member', forwards: 'allowed' },
    anchor: { x: 0, y: 0 },
    quoted: undefined,
    bridge: new Bridge({ postMessage: () => undefined }),
    t: ((key: string) => key) as ActionContext['t'],
    on: { reply: () => undefined, edit: () => undefined, thread: () => undefined },
    ...context,
  });
}
const ids = (context?: Partial<ActionContext>) => actions(context).map(({ id }) => id);

describe('what can be done with a message', () => {
  it('of somebody else leaves it as it is for others', () => {
    expect(ids()).toEqual(['react', 'reply', 'thread', 'forward', 'save', 'copy', 'pin', 'hide']);
  });
  it('of one’s own changes it', () => {
    expect(ids({ own: true })).toEqual(expect.arrayContaining(['edit', 'recall', 'hide']));
  });
  it('does not leave a conversation that lets nothing out', () => {
    expect(ids({ chat: { id: CHAT, type: 'Group', role: 'member', forwards: 'forbidden' } })).not.toContain('forward');
  });
  it('of a thread opens no thread', () => {
    expect(ids({ on: { reply: () => undefined, edit: () => undefined } })).not.toContain('thread');
  });
  it('with a selection quotes it', () => {
    const asked: unknown[] = [];
    const quoted = { offset: 5, length: 5 };
    const on = { reply: (...args: unknown[]) => asked.push(...args), edit: () => undefined };
    actions({ quoted, on })
      .find(({ id }) => id === 'quote')
      ?.run();
    expect(asked).toEqual([line(), quoted]);
  });
  it('that is saved already takes it out', () => {
    const calls: unknown[] = [];
    const bridge = new Bridge({ postMessage: (message) => calls.push(message) });
    const saved: SavedMessage = { chat_id: CHAT, seq: 4, note: null, saved_at: '2026-01-01T00:00:00.000Z' };
    const press = () =>
      actions({ bridge })
        .find(({ id }) => id === 'save')
        ?.run();
    press();
    bridge.receive({ t: 'items', all: false, changes: [{ type: 'saved', id: `${CHAT}/4`, value: saved }] });
    press();
    bridge.receive({ t: 'items', all: false, changes: [{ type: 'saved', id: `${CHAT}/4`, value: null }] });
    press();
    expect(calls).toMatchObject(
      ['save', 'unsave', 'save'].map((name) => ({ t: 'call', path: ['chat', CHAT, 'changes', name], args: [4] })),
    );
  });
  it('that was not sent, or was taken back, is little', () => {
    expect(ids({ line: line({ seq: null }, 'failed') })).toEqual(['retry', 'discard']);
    expect(ids({ line: line({ seq: null }, 'sending') })).toEqual([]);
    expect(ids({ line: line({ recalled: { user_id: 'usr_1', created_at: '2026-01-01T00:00:00.000Z' } }) })).toEqual([]);
    expect(menu.get()).toBeUndefined();
  });
});
