import type { ChatListItem } from './chats.ts';
import type { ChatEvent, Hole } from './events.ts';
import type { Change, ItemChange, ItemKind, ItemValue } from './sync.ts';

/**
 * How a client keeps up: what it holds, and a page of the wire, give what it holds then. Pure, and free of the order
 * in which pages come: pushes, answers to pulls and pages of a sync may overlap, repeat and overtake one another.
 */

/** Events beyond a gap that are kept until it closes; the rest is pulled again. */
const AHEAD_MAX = 1_000;

/** Which part of one conversation's log is held: every seq in (from, upto] is an event that was seen or a hole. */
export interface LogState {
  /** null until the first page. */
  readonly epoch: string | null;
  /** Epochs that were replaced. A late page of one of them is not applied. */
  readonly past: readonly string[];
  readonly from: number;
  readonly upto: number;
  /** The highest seq that is known to exist. More than `upto`: events are missing. */
  readonly head: number;
  /** Events beyond a gap, ascending. */
  readonly ahead: readonly ChatEvent[];
}

/** A page of the log, from a socket (`events` as `items`) or over REST. */
export interface LogPage {
  readonly epoch: string;
  readonly head_seq: number;
  readonly items: readonly ChatEvent[];
  readonly holes?: readonly Hole[] | undefined;
  readonly reset?: boolean | undefined;
}

export interface LogStep {
  readonly state: LogState;
  /** The log held before is void; it begins again with `added`. */
  readonly reset: boolean;
  /** New events, ascending, right behind those held before. */
  readonly added: readonly ChatEvent[];
  /** Holes that were passed on the way. */
  readonly holes: readonly Hole[];
}

/** A log that holds nothing and goes on after `seq`. Without an epoch it begins wherever the first page does. */
export function startLog(epoch: string | null, seq = 0): LogState {
  return { epoch, past: [], from: seq, upto: seq, head: seq, ahead: [] };
}

const bySeq = (a: ChatEvent, b: ChatEvent): number => a.seq - b.seq;

function ascending(events: readonly ChatEvent[]): readonly ChatEvent[] {
  for (let i = 1; i < events.length; i++) {
    if ((events[i]?.seq ?? 0) < (events[i - 1]?.seq ?? 0)) return [...events].sort(bySeq);
  }
  return events;
}

/** The highest seq that a page speaks of; 0 when it holds nothing. */
function lastOf(page: LogPage): number {
  let last = 0;
  for (const { seq } of page.items) last = Math.max(last, seq);
  for (const { to_seq } of page.holes ?? []) last = Math.max(last, to_seq);
  return last;
}

/** Walks from `upto` over events and holes as far as they are contiguous. */
function walk(upto: number, events: readonly ChatEvent[], holes: readonly Hole[]) {
  const added: ChatEvent[] = [];
  const passed: Hole[] = [];
  const sorted = [...holes].sort((a, b) => a.from_seq - b.from_seq);
  let end = upto;
  let e = 0;
  let h = 0;
  for (;;) {
    const hole = sorted[h];
    if (hole && hole.from_seq <= end + 1) {
      if (hole.to_seq > end) {
        passed.push(hole);
        end = hole.to_seq;
      }
      h++;
      continue;
    }
    const event = events[e];
    if (!event || event.seq > end + 1) break;
    if (event.seq === end + 1) {
      added.push(event);
      end = event.seq;
    }
    e++;
  }
  return { upto: end, added, holes: passed, rest: events.slice(e) };
}

/** Walks down from `from` (which is the first seq taken) over events and holes as far as they are contiguous. */
function walkDown(from: number, events: readonly ChatEvent[], holes: readonly Hole[]) {
  const taken: ChatEvent[] = [];
  const passed: Hole[] = [];
  const sorted = [...holes].sort((a, b) => a.from_seq - b.from_seq);
  let start = from;
  let e = events.length - 1;
  let h = sorted.length - 1;
  while (start > 0) {
    const hole = sorted[h];
    if (hole && hole.to_seq >= start) {
      if (hole.from_seq <= start) {
        passed.unshift(hole);
        start = hole.from_seq - 1;
      }
      h--;
      continue;
    }
    const event = events[e];
    if (!event || event.seq < start) break;
    if (event.seq === start) {
      taken.push(event);
      start--;
    }
    e--;
  }
  return { from: start, events: taken.reverse(), holes: passed };
}

function merge(a: readonly ChatEvent[], b: readonly ChatEvent[]): readonly ChatEvent[] {
  return b.length === 0 ? a : [...a, ...b].sort(bySeq);
}

function distinct(events: readonly ChatEvent[]): readonly ChatEvent[] {
  return events.filter((event, i) => event.seq !== events[i - 1]?.seq);
}

/**
 * Applies a page. What is held stays contiguous: an event behind a gap waits in `ahead`, an event seen before adds
 * nothing, another epoch voids everything. A `reset` page voids only what it does not join on to.
 */
export function applyEvents(state: LogState, page: LogPage): LogStep {
  if (state.past.includes(page.epoch)) return { state, reset: false, added: [], holes: [] };
  const last = lastOf(page);
  const head = Math.max(page.head_seq, last);
  const items = ascending(page.items);
  const fresh = state.epoch === null;
  const renewed = !fresh && state.epoch !== page.epoch;
  // Where the contiguous run begins that ends the page: what lies before it may be a gap, even on a reset page.
  const run = last === 0 ? { from: head, events: [], holes: [] } : walkDown(last, items, page.holes ?? []);
  const jumps = page.reset === true && state.upto < run.from;

  if (fresh || renewed || jumps) {
    const walked = walk(Math.max(last, run.from), renewed || fresh ? [] : state.ahead, []);
    return {
      state: {
        epoch: page.epoch,
        past: renewed && state.epoch !== null ? [...state.past, state.epoch] : state.past,
        from: run.from,
        upto: walked.upto,
        head: Math.max(head, walked.upto, renewed ? 0 : state.head),
        ahead: walked.rest,
      },
      // A log that has never held anything has nothing to void.
      reset: !fresh,
      added: [...run.events, ...walked.added],
      holes: run.holes,
    };
  }

  const walked = walk(state.upto, merge(items, state.ahead), page.holes ?? []);
  return {
    state: {
      epoch: state.epoch,
      past: state.past,
      from: state.from,
      upto: walked.upto,
      head: Math.max(state.head, head, walked.upto),
      ahead: distinct(walked.rest).slice(0, AHEAD_MAX),
    },
    reset: false,
    added: walked.added,
    holes: walked.holes,
  };
}

/** Learns that the log reaches to `head` at least: from a hint, an acknowledgement, a row of the list. */
export function hintHead(state: LogState, head: number): LogState {
  return head > state.head ? { ...state, head } : state;
}

/** Whether events are known to exist that are not held. They come after `state.upto`. */
export function isBehind(state: LogState): boolean {
  return state.upto < state.head;
}

/**
 * Applies a page of older events, which must reach up to `state.from`; what of it joins on is taken.
 * `older` is ascending and belongs right before the events held.
 */
export function applyOlder(
  state: LogState,
  page: LogPage,
): { state: LogState; older: readonly ChatEvent[]; holes: readonly Hole[] } {
  if (page.epoch !== state.epoch) return { state, older: [], holes: [] };
  const { from, events, holes } = walkDown(state.from, ascending(page.items), page.holes ?? []);
  return { state: from === state.from ? state : { ...state, from }, older: events, holes };
}

/** Gives up the oldest of what is held, so that it can be forgotten: afterwards (from, upto] begins at `from`. */
export function trimLog(state: LogState, from: number): LogState {
  return from > state.from && from <= state.upto ? { ...state, from } : state;
}

/** The rows of an inbox as a device has them, and where it stands in the inbox's changes. */
export interface ListState {
  /** null: nothing was synced yet. */
  readonly cursor: string | null;
  readonly chats: ReadonlyMap<string, ChatListItem>;
  /** Rows of other kinds, by kind and id. Kinds that this client does not know are kept: a newer one finds them. */
  readonly items: Items;
}

export type Items = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** The rows of a kind as they are held. */
export const itemsOf = <K extends ItemKind>(state: ListState, kind: K): ReadonlyMap<string, ItemValue<K>> =>
  itemsIn(state.items, kind);

function itemsIn<K extends ItemKind>(items: Items, kind: K): ReadonlyMap<string, ItemValue<K>> {
  // What a page said of a kind is a row of that kind.
  return (items.get(kind) ?? NO_ITEMS) as ReadonlyMap<string, ItemValue<K>>;
}
const NO_ITEMS: ReadonlyMap<string, unknown> = new Map();

export interface ChangePage {
  readonly changes: readonly Change[];
  readonly cursor: string;
  readonly reset?: boolean | undefined;
}

export interface ListStep {
  readonly state: ListState;
  /** Every row was dropped first. */
  readonly reset: boolean;
  /** Rows that are new or replaced, each once, as they are now. */
  readonly changed: readonly ChatListItem[];
  /** Rows that were held and are not any more. After a reset: those that did not come again on this page. */
  readonly gone: readonly { readonly chat_id: string; readonly reason: GoneReason }[];
  /** Rows of other kinds that are new, replaced or gone (`value` null), each once. */
  readonly items: readonly ItemChange[];
}

/** `absent`: a reset did not bring the row again. */
export type GoneReason = Extract<Change, { type: 'chat.gone' }>['reason'] | 'absent';

export const emptyList: ListState = { cursor: null, chats: new Map(), items: new Map() };

const isItem = (change: Change): change is ItemChange => 'value' in change;

/** Applies rows. Pages must come in the order of one stream; a page applied twice in a row changes nothing. */
export function applyChanges(state: ListState, page: ChangePage): ListStep {
  const reset = page.reset === true;
  const chats = new Map(reset ? [] : state.chats);
  const changed = new Map<string, ChatListItem>();
  const gone = new Map<string, GoneReason>();
  const items = applyItems(reset ? emptyList.items : state.items, page.changes.filter(isItem));
  for (const change of page.changes) {
    if (change.type === 'chat') {
      chats.set(change.chat_id, change.chat);
      changed.set(change.chat_id, change.chat);
      gone.delete(change.chat_id);
    } else if (change.type === 'chat.gone') {
      chats.delete(change.chat_id);
      changed.delete(change.chat_id);
      if (state.chats.has(change.chat_id)) gone.set(change.chat_id, change.reason);
    }
  }
  if (reset) {
    for (const chatId of state.chats.keys()) if (!chats.has(chatId) && !gone.has(chatId)) gone.set(chatId, 'absent');
  }
  return {
    state: { cursor: page.cursor, chats, items },
    reset,
    changed: [...changed.values()],
    gone: [...gone].map(([chat_id, reason]) => ({ chat_id, reason })),
    items: changedItems(state.items, items),
  };
}

/** The maps that no change touches stay the same objects. */
function applyItems(before: Items, changes: readonly ItemChange[]): Items {
  if (changes.length === 0) return before;
  const held = new Map(before);
  const touched = new Map<string, Map<string, unknown>>();
  for (const { type, id, value } of changes) {
    const rows = touched.get(type) ?? new Map(held.get(type));
    touched.set(type, rows);
    if (value === null) rows.delete(id);
    else rows.set(id, value);
  }
  for (const [type, rows] of touched) held.set(type, rows);
  if (touched.has('notification_state') || touched.has('notification')) dropNotifications(held);
  return held;
}

/** One row says up to when notifications are gone: it stands for a row of each. */
function dropNotifications(held: Map<string, ReadonlyMap<string, unknown>>): void {
  const through = itemsIn(held, 'notification_state').get('me')?.gone_through ?? null;
  const rows = itemsIn(held, 'notification');
  if (through === null) return;
  const left = [...rows].filter(([, { at }]) => at > through);
  if (left.length < rows.size) held.set('notification', new Map(left));
}

/** What leads from rows held before to those held after. */
export function changedItems(before: Items, after: Items): ItemChange[] {
  const changes: { type: string; id: string; value: unknown }[] = [];
  for (const type of new Set([...before.keys(), ...after.keys()])) {
    const [old, rows] = [before.get(type), after.get(type)];
    if (old === rows) continue;
    for (const [id, value] of rows ?? []) if (old?.get(id) !== value) changes.push({ type, id, value });
    for (const id of old?.keys() ?? []) if (rows?.has(id) !== true) changes.push({ type, id, value: null });
  }
  // What a page said of a kind is a row of that kind.
  return changes as ItemChange[];
}
