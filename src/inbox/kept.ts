import { timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import type { PutDraft } from '../protocol/kept.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Item } from './items.ts';
import type { Timeline } from './timeline.ts';

/** What a user keeps for themself of a conversation. */
export type Keep =
  | { kind: 'draft'; chat_id: string; draft: PutDraft }
  | { kind: 'saved'; chat_id: string; seq: number; saved: { note: string | null } | null };

/** The row that follows. The inbox owns these facts itself: each row is one version after the one before. */
export function keptItem(timeline: Timeline, keep: Keep, now: number): Result<Item> {
  if (timeline.get(keep.chat_id)?.item == null) {
    return refuse('not_found', 'there is no such conversation in your list');
  }
  if (keep.kind === 'draft') {
    const { content, reply_to = null, thread_seq = null } = keep.draft;
    const id = thread_seq === null ? keep.chat_id : `${keep.chat_id}/${thread_seq}`;
    const draft = { chat_id: keep.chat_id, thread_seq, content, reply_to, updated_at: timestamp(now) };
    return ok({
      kind: 'draft',
      id,
      version: versionAfter(timeline, 'draft', id),
      value: content === '' ? null : draft,
    });
  }
  const id = `${keep.chat_id}/${keep.seq}`;
  const before = timeline.item('saved', id);
  if (keep.saved !== null && before?.value == null && timeline.itemCount('saved') >= LIMITS.savedMessages) {
    return refuse('conflict', `at most ${LIMITS.savedMessages} messages are saved: remove one first`);
  }
  const saved = keep.saved && { chat_id: keep.chat_id, seq: keep.seq, note: keep.saved.note, saved_at: timestamp(now) };
  return ok({ kind: 'saved', id, version: versionAfter(timeline, 'saved', id), value: saved });
}

const versionAfter = (timeline: Timeline, kind: Item['kind'], id: string): number =>
  (timeline.item(kind, id)?.version ?? 0) + 1;
