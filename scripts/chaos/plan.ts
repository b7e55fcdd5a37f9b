import { Random } from '../../test/chaos/random.ts';
import type { Action } from '../../test/chaos/worker/failpoint.ts';
import { FEATURES, type FeatureName } from './features.ts';

/** What users do, in ms from the start. Users, conversations and clients are numbers. */
export type Step = { at: number } & (
  | { do: 'send'; client: number; chat: number; count: number }
  | { do: 'read'; client: number; chat: number }
  | { do: 'odd'; client: number; chat: number }
  | { do: 'add' | 'remove'; user: number; chat: number }
  | { do: 'rename'; chat: number }
  | { do: 'create'; user: number; others: number[] }
  | { do: 'end-session'; client: number }
  | { do: 'suspend'; user: number; lasts: number }
  | { do: 'feature'; what: FeatureName; user: number; chat: number; pick: number }
);

export type ObjectKind = 'room' | 'inbox' | 'relay';

/** What goes wrong, in ms from the start. */
export type Fault = { at: number } & (
  | { kind: 'kill' | 'cut' }
  | { kind: 'stall' | 'down' | 'disk'; lasts: number }
  | { kind: 'slow'; lasts: number; latency: number }
  | { kind: 'hold'; lasts: number }
  | { kind: 'halve' | 'twice'; lasts: number; one_in: number }
  | { kind: 'clock'; lasts: number; skew: number }
  | { kind: 'abort' | 'hibernate' | 'close'; of: ObjectKind; which: number }
  | { kind: 'failpoint'; name: string; action: Action; after: number }
  | { kind: 'queue'; lasts: number; twice: boolean; reversed: boolean }
  | { kind: 'storm'; sockets: number }
);

/** The limits of the build: so low that a run has conversations of every tier, and several relays. */
export interface Tiers {
  small: number;
  large: number;
  relay: number;
}

export interface Plan {
  seed: number;
  users: number;
  chats: number;
  /** Raw clients on the socket of a conversation, on the inbox, and clients of the SDK; dead ones are among the first. */
  clients: { room: number; inbox: number; sdk: number; dead: number };
  /** What counts as small and as large in the Worker's build, in members, and the sockets of one relay. */
  tiers: Tiers;
  duration: number;
  /** Requests that are made up in the end. */
  fuzz: number;
  steps: Step[];
  faults: Fault[];
}

export interface Size {
  users: number;
  chats: number;
  clients: Plan['clients'];
  tiers: Tiers;
  duration: number;
  stepsPerSecond: number;
  faultsPerSecond: number;
  storm: number;
  fuzz: number;
  /** The state lies on a small disk that can be filled up. */
  disk: boolean;
}

export const QUICK: Size = {
  users: 6,
  chats: 3,
  clients: { room: 8, inbox: 6, sdk: 4, dead: 1 },
  tiers: { small: 3, large: 5, relay: 2 },
  duration: 10_000,
  stepsPerSecond: 14,
  faultsPerSecond: 2,
  storm: 100,
  fuzz: 150,
  disk: true,
};
export const LONG: Size = {
  users: 40,
  chats: 12,
  clients: { room: 110, inbox: 70, sdk: 36, dead: 4 },
  tiers: { small: 26, large: 36, relay: 12 },
  duration: 45_000,
  stepsPerSecond: 30,
  faultsPerSecond: 0.7,
  storm: 2000,
  fuzz: 500,
  disk: true,
};

const KINDS: readonly Fault['kind'][] = [
  'kill',
  'stall',
  'abort',
  'abort',
  'hibernate',
  'close',
  'cut',
  'down',
  'slow',
  'hold',
  'halve',
  'twice',
  'clock',
  // There are many places.
  ...Array.from({ length: 9 }, () => 'failpoint' as const),
  'queue',
  'disk',
  'storm',
];

const FEATURE_NAMES = Object.keys(FEATURES).filter((name): name is FeatureName => name in FEATURES);

/** The schedule of a seed: the same one for the same seed, size and failpoints. */
export function planOf(seed: number, size: Size, failpoints: readonly string[]): Plan {
  const random = new Random(seed);
  const { users, chats, clients, tiers, duration, fuzz } = size;
  const many = clients.room + clients.inbox + clients.sdk;
  const steps: Step[] = [];
  const forSteps = random.fork();
  for (let i = 0; i < (duration / 1000) * size.stepsPerSecond; i++) {
    steps.push(stepAt(forSteps.below(duration), forSteps, { users, chats, many }));
  }
  const faults: Fault[] = [];
  const forFaults = random.fork();
  for (let i = 0; i < (duration / 1000) * size.faultsPerSecond; i++) {
    // Not at the very beginning: there has to be something to break.
    faults.push(faultAt(forFaults.between(duration / 10, duration), forFaults, size, failpoints));
  }
  const byTime = (a: { at: number }, b: { at: number }) => a.at - b.at;
  return { seed, users, chats, clients, tiers, duration, fuzz, steps: steps.sort(byTime), faults: faults.sort(byTime) };
}

function stepAt(
  at: number,
  random: Random,
  { users, chats, many }: { users: number; chats: number; many: number },
): Step {
  const chat = random.below(chats);
  const client = random.below(many);
  // The first user owns every conversation and stays: their reading of a log is the whole one.
  const user = users > 1 ? random.between(1, users - 1) : 0;
  const roll = random.next();
  if (roll < 0.5) return { at, do: 'send', client, chat, count: random.chance(0.1) ? random.between(5, 40) : 1 };
  if (roll < 0.6) return { at, do: 'read', client, chat };
  if (roll < 0.63) return { at, do: 'odd', client, chat };
  if (roll < 0.69) return { at, do: 'add', user, chat };
  if (roll < 0.74) return { at, do: 'remove', user, chat };
  if (roll < 0.77) return { at, do: 'rename', chat };
  if (roll < 0.79) return { at, do: 'create', user, others: [random.below(users), random.below(users)] };
  if (roll < 0.81) return { at, do: 'end-session', client };
  if (roll < 0.82) return { at, do: 'suspend', user, lasts: random.between(200, 4000) };
  return { at, do: 'feature', what: random.pick(FEATURE_NAMES), user, chat, pick: random.below(10_000) };
}

function faultAt(at: number, random: Random, size: Size, failpoints: readonly string[]): Fault {
  const kind = random.pick(KINDS);
  const lasts = random.between(200, 2500);
  switch (kind) {
    case 'kill':
    case 'cut':
      return { at, kind };
    case 'stall':
    case 'down':
    case 'disk':
    case 'hold':
      return { at, kind, lasts };
    case 'slow':
      return { at, kind, lasts, latency: random.between(5, 250) };
    case 'halve':
    case 'twice':
      return { at, kind, lasts, one_in: random.between(2, 20) };
    case 'clock':
      return { at, kind, lasts, skew: random.pick([-3_600_000, -60_000, -1000, 1000, 60_000, 1_200_000]) };
    case 'abort':
    case 'hibernate':
    case 'close':
      return { at, kind, of: random.pick(['room', 'inbox', 'relay']), which: random.below(64) };
    case 'failpoint': {
      const name = random.pick(failpoints);
      // Between a room's synchronous steps nothing can fail: there it ends, or the process does.
      const actions: Action[] = /^(room|admit)\./.test(name) ? ['abort', 'kill'] : ['abort', 'throw', 'kill'];
      return { at, kind, name, action: random.pick(actions), after: random.chance(0.7) ? 0 : random.below(4) };
    }
    case 'queue':
      return { at, kind, lasts, twice: random.chance(0.7), reversed: random.chance(0.5) };
    case 'storm':
      return { at, kind, sockets: size.storm };
  }
}
