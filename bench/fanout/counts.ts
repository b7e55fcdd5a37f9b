/** What the objects of one kind, or one of them, have used. */
export interface Counts {
  /** Requests from outside: of the Worker. */
  requests: number;
  /** Calls that the objects made to others, as `inbox.notify`: each is a billed request of the one called. */
  calls: Record<string, number>;
  /** Alarms that went off: a billed request each. */
  alarms: number;
  /** Messages that came in on sockets: a twentieth of a billed request each. */
  messages: number;
  rowsRead: number;
  /** Rows and index entries written, and one for each alarm that was set. */
  rowsWritten: number;
  /** Rows by statement; `setAlarm` stands among them. */
  statements: Record<string, { runs: number; read: number; written: number }>;
  /** Time in ms in which a pause or a timer was to come: it keeps an object awake that has nothing else to do. */
  timerMs: number;
  /** Times at which an idle object became busy, and those of them in which it called another object. */
  spells: number;
  spellsWithCalls: number;
  /** How often an object was started. */
  starts: number;
  /** D1, queue: of the Worker. */
  d1Read: number;
  d1Written: number;
  queued: number;
  /** Objects of this kind that did anything. */
  objects: number;
  /** Size of their databases in bytes, as last seen. */
  stored: number;
  /** Bytes by which they have grown. */
  grown: number;
}

export const KINDS = ['room', 'inbox', 'relay', 'worker'] as const;
export type Kind = (typeof KINDS)[number];

export const noCounts = (): Counts => ({
  requests: 0,
  calls: {},
  alarms: 0,
  messages: 0,
  rowsRead: 0,
  rowsWritten: 0,
  statements: {},
  timerMs: 0,
  spells: 0,
  spellsWithCalls: 0,
  starts: 0,
  d1Read: 0,
  d1Written: 0,
  queued: 0,
  objects: 0,
  stored: 0,
  grown: 0,
});

const NUMBERS = [
  'requests',
  'alarms',
  'messages',
  'rowsRead',
  'rowsWritten',
  'timerMs',
  'spells',
  'spellsWithCalls',
  'starts',
  'd1Read',
  'd1Written',
  'queued',
  'objects',
  'stored',
  'grown',
] as const satisfies (keyof Counts)[];

/** Adds `more`, so many times, to `sum`. */
export function addCounts(sum: Counts, more: Counts, times = 1): Counts {
  for (const name of NUMBERS) sum[name] += more[name] * times;
  for (const [name, count] of Object.entries(more.calls)) sum.calls[name] = (sum.calls[name] ?? 0) + count * times;
  for (const [query, { runs, read, written }] of Object.entries(more.statements)) {
    sum.statements[query] ??= { runs: 0, read: 0, written: 0 };
    const statement = sum.statements[query];
    statement.runs += runs * times;
    statement.read += read * times;
    statement.written += written * times;
  }
  return sum;
}

export type GroupCounts = Record<Kind, Counts>;

/** What a group has used since it was counted as `before`. Sizes and numbers of objects are as they are now. */
export function usedSince(now: GroupCounts, before: GroupCounts): GroupCounts {
  const used = noGroup();
  for (const kind of KINDS) {
    const counts = addCounts(addCounts(used[kind], now[kind]), before[kind], -1);
    counts.stored = now[kind].stored;
    counts.objects = now[kind].objects;
  }
  return used;
}

export const callsOf = ({ calls }: Counts): number => Object.values(calls).reduce((sum, count) => sum + count, 0);

/** What the bench's Worker answers when asked for its counts. Its own stand in the group `front`. */
export interface Snapshot {
  groups: Record<string, GroupCounts>;
  /** Objects that are busy, or that have an alarm to come. */
  restless: { group: string; kind: Kind; name: string; why: 'busy' | 'alarm' }[];
}

export const noGroup = (): GroupCounts => ({
  room: noCounts(),
  inbox: noCounts(),
  relay: noCounts(),
  worker: noCounts(),
});

/**
 * How the inboxes of a room's members answer: as they are, for the first `real` members, and beyond them without being
 * called. The first `online` members are online.
 */
export interface Inboxes {
  real: number;
  online: number;
}

/** Members of one group: the objects of one group are counted together. */
const GROUP_SIZE = 1_000_000;

/** Members are numbered, so that either side can tell their group, and who is online, without asking. */
export const userId = (group: number, index: number): string =>
  `usr_${String(group * GROUP_SIZE + index).padStart(26, '0')}`;
/** null: a user who is in no group. */
export const groupOf = (user: string): string | null =>
  /^usr_\d{26}$/.test(user) ? String(Math.floor(Number(user.slice(4)) / GROUP_SIZE)) : null;
export const indexOf = (user: string): number => Number(user.slice(-6));
