import type { Player } from './cast.ts';
import type { Problem } from './log.ts';
import type { Plan } from './plan.ts';
import type { Replayed } from './replay.ts';

/** Lines of one kind that are shown; the others are counted. */
const SHOWN = 20;

const some = (lines: string[]): string[] =>
  lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `… and ${lines.length - SHOWN} more`];

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** What could not be used of a file, by line. */
export function problemLines(of: string, problems: readonly Problem[]): string[] {
  if (problems.length === 0) return [];
  const skipped = problems.filter((problem) => problem.skipped).length;
  const listed = problems
    .toSorted((a, b) => a.line - b.line)
    .map(({ line, what, skipped }) => `  line ${line}: ${what}${skipped ? ', skipped' : ''}`);
  return [
    `${of}: ${problems.length} lines to report, ${skipped} of them skipped (lines count from 0)`,
    ...some(listed),
  ];
}

export const faultLines = (faults: readonly string[]): string[] =>
  some(faults.map((fault) => `  NOT PROVED: ${fault}`));

export function planLines({ people, steps, impliedJoins, impliedLeaves, spareLinks }: Plan): string[] {
  const founders = people.filter((person) => person.founder).length;
  const implied = impliedJoins + impliedLeaves;
  return [
    `${people.length} people, ${founders} of them there from the start; ${steps.length} steps`,
    'Nicks: one user for each person. A nick is their fullname, a new nick changes it (PUT /api/users/me); who takes a nick that somebody still has is the same person, back on another connection.',
    ...(implied > 0
      ? [`${impliedJoins} joins and ${impliedLeaves} leaves are implied: the log does not show them`]
      : []),
    ...(spareLinks > 0 ? [`${spareLinks} reply links left out: a message answers one message, the latest`] : []),
  ];
}

export function resultLines(replayed: Replayed, players: readonly Player[], finalMs: number): string[] {
  const { messages, replies, joins, leaves, renames, ackTimes, disconnected, expected, ms } = replayed;
  const catchUps = players.flatMap((player) => player.catchUps);
  const times = catchUps.map((one) => one.ms);
  const events = catchUps.reduce((sum, one) => sum + one.events, 0);
  const errors = players.flatMap((player) => player.errors);
  const rate = ms > 0 ? Math.round((messages / ms) * 1000) : 0;
  return [
    `messages    ${messages}, ${replies} of them replies; ${seconds(ms)}, ${rate} a second, each acknowledged before the next sender's`,
    `ack         median ${quantile(ackTimes, 0.5).toFixed(1)} ms, 99 of 100 within ${quantile(ackTimes, 0.99).toFixed(1)} ms`,
    `members     ${players.length} users, ${joins} joins, ${leaves} leaves, ${renames} new nicks`,
    `reconnects  ${catchUps.length}, ${disconnected} of them cut off halfway`,
    `catch-up    ${events} events; median ${quantile(times, 0.5).toFixed(0)} ms, longest ${quantile(times, 1).toFixed(0)} ms from connecting to the last event`,
    `log         ${expected.length} events; all clients at its head ${seconds(finalMs)} after the last message`,
    ...(errors.length > 0 ? [`errors      ${errors.length} that clients got over by themselves`] : []),
    ...some([...new Set(errors.map((error) => `  ${error.name}: ${error.message}`))]),
  ];
}
