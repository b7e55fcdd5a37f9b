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

/** The row that follows; null: it is so already. The inbox owns these facts itself: each row is one version after the one before. */
export function keptItem(timeline: Timeline, keep: Keep, now: number): Result<Item | null> {
  const id = `${keep.chat_id}${suffixOf(keep)}`;
  const before = timeline.itemAt(keep.kind, id);
  const version = (before?.version ?? 0) + 1;
  const isNew = before?.value == null;
  const ends = keep.kind === 'draft' ? keep.draft.content === '' : keep.saved === null;
  // What was kept of a conversation that the user has left can be let go of.
  if ((isNew || !ends) && timeline.get(keep.chat_id)?.item == null) {
    return refuse('not_found', 'there is no such conversation in your list');
  }
  if (isNew && ends) return ok(null);
  const most = { draft: LIMITS.drafts, saved: LIMITS.savedMessages }[keep.kind];
  if (isNew && timeline.itemCount(keep.kind) >= most) {
    const what = { draft: 'drafts are kept', saved: 'messages are saved' }[keep.kind];
    return refuse('conflict', `at most ${most} ${what}: remove one first`);
  }
  if (keep.kind === 'draft') {
    const { content, reply_to = null, thread_seq = null } = keep.draft;
    const draft = { chat_id: keep.chat_id, thread_seq, content, reply_to, updated_at: timestamp(now) };
    return ok({ kind: 'draft', id, version, value: content === '' ? null : draft });
  }
  const saved = keep.saved && { chat_id: keep.chat_id, seq: keep.seq, note: keep.saved.note, saved_at: timestamp(now) };
  return ok({ kind: 'saved', id, version, value: saved });
}

/** The id of a row behind that of its conversation: a draft of the conversation itself has none. */
function suffixOf(keep: Keep): string {
  const seq = keep.kind === 'draft' ? keep.draft.thread_seq : keep.seq;
  return seq === undefined ? '' : `/${seq}`;
}
