import type { SeenEvent } from './history.ts';

/** Seqs from `from` up to, and without, `to` that a user may see. */
export interface Interval {
  from: number;
  to: number;
}

interface Memberships {
  /** By user, in order. */
  intervals: Map<string, Interval[]>;
  /** The conversation was deleted by the event with this seq. */
  deleted: number | undefined;
}

const texts = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.flatMap((one: unknown) => {
        if (typeof one === 'string') return [one];
        const id: unknown = Reflect.get(Object(one), 'user_id');
        return typeof id === 'string' ? [id] : [];
      })
    : [];

/**
 * Who was a member when, from the log alone. An event that ends a membership is not seen by the one who leaves: their
 * sockets close before it is published.
 */
export function memberships(log: Iterable<SeenEvent>, policy: 'all' | 'joined'): Memberships {
  const intervals = new Map<string, Interval[]>();
  let history = policy;
  let deleted: number | undefined;
  const enter = (user: string, seq: number) => {
    const list = intervals.get(user) ?? [];
    intervals.set(user, list);
    if (list.at(-1)?.to === Number.POSITIVE_INFINITY) return;
    list.push({ from: history === 'all' ? 1 : seq, to: Number.POSITIVE_INFINITY });
  };
  const leave = (user: string, seq: number) => {
    const open = intervals.get(user)?.at(-1);
    if (open !== undefined && open.to === Number.POSITIVE_INFINITY) open.to = seq;
  };
  for (const event of log) {
    if (event.type === 'chat.created') for (const user of texts(event.members)) enter(user, event.seq);
    if (event.type === 'chat.updated' && (event.history === 'all' || event.history === 'joined')) {
      history = event.history;
    }
    if (event.type === 'member.joined') for (const user of texts(event.user_ids)) enter(user, event.seq);
    if (event.type === 'member.left') for (const user of texts([event.user_id])) leave(user, event.seq);
    if (event.type === 'chat.deleted') deleted = event.seq;
  }
  return { intervals, deleted };
}

export const isIn = (intervals: readonly Interval[], seq: number): boolean =>
  intervals.some(({ from, to }) => seq >= from && seq < to);
