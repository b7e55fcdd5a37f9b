import { type Counts, callsOf, type GroupCounts } from '../fanout/counts.ts';
import type { Unit, Used } from './measured.ts';

/** What one of `times` operations used. */
export function usedOf(counts: Counts, times: number): Used {
  return {
    requests: counts.requests / times,
    calls: callsOf(counts) / times,
    notices: (counts.calls['inbox.notify'] ?? 0) / times,
    alarms: counts.alarms / times,
    messages: counts.messages / times,
    rows_read: counts.rowsRead / times,
    rows_written: counts.rowsWritten / times,
    spells: counts.spells / times,
    spells_with_calls: counts.spellsWithCalls / times,
    timer_ms: counts.timerMs / times,
    d1_rows_read: counts.d1Read / times,
    d1_rows_written: counts.d1Written / times,
    queued: counts.queued / times,
  };
}

export const unitOf = (counts: GroupCounts, times: number): Unit => ({
  worker: usedOf(counts.worker, times),
  room: usedOf(counts.room, times),
  inbox: usedOf(counts.inbox, times),
  relay: usedOf(counts.relay, times),
});

const mapUsed = (used: Used, of: (name: keyof Used) => number): Used =>
  Object.fromEntries((Object.keys(used) as (keyof Used)[]).map((name) => [name, of(name)])) as Used;

/** What `more` uses beyond `less`, a `share` of it; nothing is less than nothing. */
export function beyond(more: Unit, less: Unit, share = 1): Unit {
  const one = (kind: keyof Unit) =>
    mapUsed(more[kind], (name) => Math.max(0, more[kind][name] - less[kind][name]) * share);
  return { worker: one('worker'), room: one('room'), inbox: one('inbox'), relay: one('relay') };
}

export const timesUsed = (used: Used, times: number): Used => mapUsed(used, (name) => used[name] * times);

/** A mean of two units, the first with the weight `share`. */
export function mix(first: Unit, second: Unit, share: number): Unit {
  const one = (kind: keyof Unit) =>
    mapUsed(first[kind], (name) => first[kind][name] * share + second[kind][name] * (1 - share));
  return { worker: one('worker'), room: one('room'), inbox: one('inbox'), relay: one('relay') };
}
