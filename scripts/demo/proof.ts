import type { ChatEvent } from '../../sdk/src/index.ts';
import type { Interval, Ledger, SharedLog } from './ledger.ts';

/** What has to stand at a place of the log. */
export type Expected =
  | { type: 'chat.created'; members: string[] }
  | { type: 'member.joined'; user_ids: string[] }
  | { type: 'member.left'; user_id: string }
  | { type: 'message'; sender_id: string; content: string; reply_to: number | undefined; acked: number };

export interface Holder {
  name: string;
  user_id: string;
  ledger: Ledger;
}

const same = (a: string[], b: string[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

function differs(seq: number, expected: Expected, event: ChatEvent): string | null {
  if (event.type !== expected.type) return `is a ${event.type}, not a ${expected.type}`;
  if (expected.type === 'message' && event.type === 'message') {
    if (event.actor_id !== expected.sender_id) return 'is of another sender';
    if (event.content !== expected.content) return 'has another text than was sent';
    if (event.reply_to !== expected.reply_to) return `answers ${event.reply_to}, not ${expected.reply_to}`;
    if (expected.acked !== seq) return `was acknowledged as ${expected.acked}`;
  }
  if (expected.type === 'member.joined' && event.type === 'member.joined') {
    return same(expected.user_ids, event.user_ids) ? null : 'has other members joining';
  }
  if (expected.type === 'member.left' && event.type === 'member.left') {
    return event.user_id === expected.user_id && !event.removed ? null : 'has somebody else leaving';
  }
  if (expected.type === 'chat.created' && event.type === 'chat.created') {
    const members = event.members.map((member) => member.user_id).sort();
    return same(expected.members.toSorted(), members) ? null : 'has other members';
  }
  return null;
}

/** The log is what was done, in that order: nothing more, nothing less, nothing else. */
export function checkLog(log: SharedLog, expected: readonly Expected[]): string[] {
  const faults = expected.flatMap((entry, index) => {
    const seq = index + 1;
    const event = log.at(seq);
    const fault = event === undefined ? 'is held by nobody' : differs(seq, entry, event);
    return fault === null ? [] : [`seq ${seq} ${fault}`];
  });
  if (log.size !== expected.length) faults.push(`the log has ${log.size} events, ${expected.length} were expected`);
  return faults;
}

/** The seqs in which each user was a member: from their coming to the one before their leaving, or to the head. */
export function membership(expected: readonly Expected[]): Map<string, Interval[]> {
  const found = new Map<string, Interval[]>();
  const open = new Map<string, Interval>();
  const enter = (user: string, seq: number) => {
    const interval = { from: seq, upto: expected.length };
    open.set(user, interval);
    found.set(user, [...(found.get(user) ?? []), interval]);
  };
  for (const [index, entry] of expected.entries()) {
    const seq = index + 1;
    if (entry.type === 'chat.created') for (const user of entry.members) enter(user, seq);
    else if (entry.type === 'member.joined') for (const user of entry.user_ids) enter(user, seq);
    else if (entry.type === 'member.left') {
      const interval = open.get(entry.user_id);
      if (interval !== undefined) interval.upto = seq - 1;
    }
  }
  return found;
}

const shown = (intervals: readonly Interval[]): string =>
  intervals.map(({ from, upto }) => `${from} to ${upto}`).join(', ') || 'nothing';

/** Every client holds exactly the intervals of its membership, and in them what all the others hold. */
export function checkHolders(holders: readonly Holder[], expected: readonly Expected[]): string[] {
  const intervals = membership(expected);
  return holders.flatMap(({ name, user_id, ledger }) => {
    const [wanted, held] = [shown(intervals.get(user_id) ?? []), shown(ledger.intervals)];
    const faults = wanted === held ? [] : [`holds ${held}, was a member for ${wanted}`];
    return [...faults, ...ledger.faults].map((fault) => `${name}: ${fault}`);
  });
}
