import type { DraftRow, User } from '@tideline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bridge } from '../src/bridge/bridge.ts';
import { syncDrafts } from '../src/chat/draft-sync.ts';
import { draftOf, isUntold, keepDraft, onAdopted, placeOf } from '../src/chat/drafts.ts';
import type { ToCore } from '../src/core/protocol.ts';

/** What of the browser the drafts need. */
class FakeStorage {
  [name: string]: unknown;
  getItem(key: string) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }
  setItem(key: string, value: string) {
    this[key] = value;
  }
  removeItem(key: string) {
    delete this[key];
  }
}

const user: User = {
  id: 'usr_1',
  fullname: 'Ada',
  email: 'ada@example.com',
  handle: null,
  avatar: null,
  status: 'Active',
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};
let asked: Extract<ToCore, { t: 'call' }>[];
let bridge: Bridge;
const CHAT = 'chat_1';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('localStorage', new FakeStorage());
  asked = [];
  bridge = new Bridge({ postMessage: (message) => void (message.t === 'call' && asked.push(message)) });
  bridge.session.set({ user, ended: undefined });
  syncDrafts(bridge);
  bridge.receive({ t: 'connection', state: 'online' });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The row of a draft arrives, as another device or this one has kept it. */
function arrives(content: string | null, place = CHAT) {
  const value: DraftRow | null =
    content === null
      ? null
      : { chat_id: CHAT, thread_seq: null, content, reply_to: null, updated_at: '2026-01-01T00:00:00.000Z' };
  bridge.receive({ t: 'items', all: false, changes: [{ type: 'draft', id: place, value }] });
}

/** The server answers what was asked last. */
async function answered(failure?: 'network' | 'not_found') {
  const call = asked.at(-1);
  if (call === undefined) throw new Error('nothing was asked');
  if (failure === undefined) bridge.receive({ t: 'result', id: call.id, value: undefined });
  else {
    const told = { name: 'E', code: failure, message: '', retryAfter: undefined, errors: [] };
    bridge.receive({ t: 'refused', id: call.id, failure: told });
  }
  await vi.advanceTimersByTimeAsync(0);
}

describe('drafts', () => {
  it('are told to the server when nobody has typed for a while, each with its thread', async () => {
    keepDraft(CHAT, 'hig');
    keepDraft(CHAT, 'high');
    keepDraft(placeOf(CHAT, 7), 'low');
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked.map(({ path, args }) => [path.slice(1), args])).toEqual([
      [[CHAT, 'changes', 'saveDraft'], [{ content: 'high' }]],
      [[CHAT, 'changes', 'saveDraft'], [{ content: 'low', thread_seq: 7 }]],
    ]);
  });

  it('that another device has kept are shown here, and go when they are gone there', () => {
    const shown: string[] = [];
    const stop = onAdopted(CHAT, (text) => shown.push(text));
    arrives('from the phone');
    expect(draftOf(CHAT)).toBe('from the phone');
    arrives(null);
    expect(draftOf(CHAT)).toBe('');
    expect(shown).toEqual(['from the phone', '']);
    expect(asked).toEqual([]);
    stop();
  });

  it('that are being written here are not replaced', async () => {
    keepDraft(CHAT, 'mine');
    arrives('from the phone');
    expect(draftOf(CHAT)).toBe('mine');
    await vi.advanceTimersByTimeAsync(2_000);
    await answered();
    // What was kept before it comes late: it is older than what was told.
    arrives('later from the phone');
    expect(draftOf(CHAT)).toBe('mine');
    arrives('mine');
    arrives('and now from the phone');
    expect(draftOf(CHAT)).toBe('and now from the phone');
  });

  it('that could not be told are told when the network is back; what is refused is not', async () => {
    keepDraft(CHAT, 'offline');
    await vi.advanceTimersByTimeAsync(2_000);
    await answered('network');
    expect(isUntold(CHAT)).toBe(true);
    bridge.receive({ t: 'connection', state: 'connecting' });
    bridge.receive({ t: 'connection', state: 'online' });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toHaveLength(2);
    await answered('not_found');
    expect(isUntold(CHAT)).toBe(false);
    expect(draftOf(CHAT)).toBe('offline');
  });

  it('are left alone until the client has caught up', () => {
    bridge.receive({ t: 'connection', state: 'connecting' });
    arrives('as the list was stored');
    expect(draftOf(CHAT)).toBe('');
    bridge.receive({ t: 'connection', state: 'online' });
    expect(draftOf(CHAT)).toBe('as the list was stored');
  });
});
