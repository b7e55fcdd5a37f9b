import { sleep } from '../lib/async.ts';
import { type Bench, type Figures, Results, type Series } from '../workloads/workload.ts';
import { KINDS, noCounts } from './counts.ts';
import { Crowd, type CrowdPlan } from './crowd.ts';
import { type Measured, measurePattern, type Pattern, writers } from './fanout.ts';
import { ObservedServer } from './server.ts';
import { fanoutTable } from './table.ts';

const SHARES = [0, 10, 100];
/** Sockets in the room when anybody is online at all: half of the members, as far as this machine goes. */
const MOST_IN_ROOM = 500;
const SENDERS = 4;

interface Extent {
  sizes: number[];
  /** Largest conversation whose members' inboxes are all real objects. */
  real: number;
  messages: Record<Exclude<Pattern, 'typing'>, number>;
}

const FULL: Extent = {
  sizes: [10, 100, 1000, 10_000, 100_000],
  real: 1000,
  messages: { isolated: 3, conversation: 10, stream: 100, burst: 1000 },
};
const QUICK: Extent = {
  sizes: [10, 100, 10_000],
  real: 100,
  messages: { isolated: 1, conversation: 0, stream: 30, burst: 300 },
};

/** W6: what a message costs by the size of its conversation and the share of members who are online elsewhere. */
export async function w6(bench: Bench): Promise<Series[]> {
  const { sizes, real, messages } = bench.settings.quick ? QUICK : FULL;
  const plans = sizes.flatMap((members) => SHARES.map((online) => planOf(members, online, real)));
  const server = await ObservedServer.start();
  try {
    const crowds: Crowd[] = [];
    for (const [group, plan] of plans.entries()) {
      crowds.push(await Crowd.gather(server, { ...plan, group }));
      await server.quiet([group], 120_000);
      bench.log(`W6: a conversation of ${plan.members} with ${plan.online} online is there`);
    }
    for (const crowd of crowds) await crowd.open();
    await sleep(1000);
    const all: Measured[] = [];
    const measure = async (pattern: Exclude<Pattern, 'typing'>, how: 'side by side' | 'in turn') => {
      if (messages[pattern] === 0) return;
      all.push(...(await measurePattern(server, crowds, pattern, messages[pattern], how)));
      bench.log(`W6: ${pattern} is measured`);
    };
    await measure('isolated', 'side by side');
    await measure('conversation', 'side by side');
    await measure('stream', 'in turn');
    await measure('burst', 'in turn');
    for (const crowd of crowds) crowd.close();
    bench.log(fanoutTable(all));
    bench.log(whoWrites(all));
    return seriesOf(all);
  } finally {
    await server.stop();
  }
}

/** @param share of the members who are online, in percent */
function planOf(members: number, share: number, real: number): CrowdPlan {
  return {
    group: 0,
    type: 'Group',
    members,
    online: Math.round((members * share) / 100),
    real: members <= real ? members : 0,
    inRoom: share === 0 ? SENDERS : Math.max(SENDERS, Math.min(MOST_IN_ROOM, members / 2)),
    clients: 'silent',
  };
}

function seriesOf(all: Measured[]): Series[] {
  const results = new Results('W6');
  for (const measured of all) results.add(titleOf(measured), 'tideline', figuresOf(measured));
  return results.all;
}

const titleOf = ({ plan, pattern, messages }: Measured) =>
  `${plan.members} members, ${plan.online} online${plan.real === 0 ? ' (inboxes by counting)' : ''}, ${messages} messages, ${pattern}`;

/** Per message. */
export function figuresOf({ plan, counts, messages, batches, roomFrames, inboxFrames, cpuMs }: Measured): Figures {
  const { room, inbox } = counts;
  const per = (count: number) => count / messages;
  return {
    roomRowsWritten: per(room.rowsWritten),
    roomRowsRead: per(room.rowsRead),
    notices: per(room.calls['inbox.notify'] ?? 0),
    noticesAllowed: per(plan.online * batches),
    relayCalls: per(room.calls['relay.publish'] ?? 0),
    ...(plan.real === 0 ? {} : { inboxRowsWritten: per(inbox.rowsWritten), inboxRowsRead: per(inbox.rowsRead) }),
    roomFrames: per(roomFrames),
    ...(plan.real === 0 ? {} : { inboxFrames: per(inboxFrames) }),
    perFrame: messages / batches,
    ...(cpuMs === undefined ? {} : { serverCpuPerMessage: per(cpuMs) }),
    ...(messages < 100 ? {} : { storedPerMessage: per(room.grown) }),
  };
}

/** Where the rows of isolated messages come from. */
function whoWrites(all: Measured[]): string {
  const isolated = all.filter(({ pattern }) => pattern === 'isolated');
  const messages = isolated.reduce((sum, measured) => sum + measured.messages, 0);
  const lines = KINDS.flatMap((kind) => {
    const statements: Record<string, number> = {};
    for (const { counts } of isolated) {
      for (const { statement, written } of writers(counts[kind] ?? noCounts())) {
        statements[statement] = (statements[statement] ?? 0) + written;
      }
    }
    return Object.entries(statements).map(([statement, written]) => ({ kind, statement, written }));
  });
  const text = lines
    .sort((a, b) => b.written - a.written)
    .slice(0, 8)
    .map(({ kind, statement, written }) => `  ${(written / messages).toFixed(2).padStart(8)}  ${kind}: ${statement}`);
  return `rows written per isolated message, mean of all cases:\n${text.join('\n')}`;
}
