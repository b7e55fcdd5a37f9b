import { tmpdir } from 'node:os';
import { Crowd, type CrowdPlan } from '../fanout/crowd.ts';
import { type Measured, measurePattern } from '../fanout/fanout.ts';
import { ObservedServer } from '../fanout/server.ts';
import { pool, sleep } from '../lib/async.ts';
import { machineFacts } from '../lib/facts.ts';
import { CHAT_KINDS, type ChatKind, type ChatUnits, type Measurements, type Unit } from './measured.ts';
import { measureOperations } from './operations.ts';
import { measureStored } from './stored.ts';
import { unitOf } from './units.ts';

/**
 * The conversations of the communities, as they are measured. In large rooms, members who are away are not told, so that
 * their inboxes need not exist; in the huge one most of those online are counted only.
 */
const PLANS: Record<ChatKind, Omit<CrowdPlan, 'group' | 'clients'>> = {
  dm: { type: 'Single', members: 2, online: 2, real: 2, inRoom: 2 },
  dm_away: { type: 'Single', members: 2, online: 1, real: 2, inRoom: 1 },
  group_8: { type: 'Group', members: 8, online: 2, real: 8, inRoom: 2 },
  group_12: { type: 'Group', members: 12, online: 9, real: 12, inRoom: 3 },
  channel_50: { type: 'Group', members: 50, online: 38, real: 50, inRoom: 5 },
  group_150: { type: 'Group', members: 150, online: 15, real: 15, inRoom: 3 },
  huge: { type: 'Group', members: 6000, online: 120, real: 20, inRoom: 20 },
};

const MESSAGES = { isolated: 2, conversation: 6, typing: 5 } as const;
const GATHERED_AT_ONCE = 6;
const VARIANTS = ['isolated', 'conversation', 'confirmed', 'read', 'typing'] as const;
type Variant = (typeof VARIANTS)[number];
const CLIENTS: Record<Variant, CrowdPlan['clients']> = {
  isolated: 'silent',
  conversation: 'silent',
  confirmed: 'confirming',
  read: 'reading',
  typing: 'silent',
};

/** Measures everything that the model needs, on a server of its own. */
export async function measureAll(log: (line: string) => void): Promise<Measurements> {
  const facts = machineFacts(tmpdir());
  const server = await ObservedServer.start();
  try {
    log('the observed server is up');
    const plans = CHAT_KINDS.flatMap((kind, index) =>
      VARIANTS.map((variant, number) => ({ kind, variant, group: 100 + index * 10 + number })),
    );
    const crowds = await pool(plans, GATHERED_AT_ONCE, async ({ kind, variant, group }) => ({
      kind,
      variant,
      crowd: await Crowd.gather(server, { ...PLANS[kind], group, clients: CLIENTS[variant] }),
    }));
    const all = (variant: Variant) => crowds.filter((one) => one.variant === variant).map(({ crowd }) => crowd);
    const stored = await measureStored(server);
    await server.quiet(VARIANTS.flatMap(all).map(({ plan }) => plan.group));
    for (const crowd of VARIANTS.flatMap(all)) await crowd.open();
    await sleep(1000);
    log(`${VARIANTS.length * CHAT_KINDS.length} conversations are there; measuring`);

    // Side by side: what a group uses is counted apart, and the operations are the only ones that need the Worker.
    const talk = (variant: Variant, pattern: keyof typeof MESSAGES) =>
      measurePattern(server, all(variant), pattern, MESSAGES[pattern], 'side by side');
    const [isolated, conversation, confirmed, read, typing, operations] = await Promise.all([
      talk('isolated', 'isolated'),
      talk('conversation', 'conversation'),
      talk('confirmed', 'conversation'),
      talk('read', 'conversation'),
      talk('typing', 'typing'),
      measureOperations(server),
    ]);
    for (const crowd of VARIANTS.flatMap(all)) crowd.close();
    const perMessage = (list: Measured[], index: number): Unit => {
      const measured = list[index];
      if (measured === undefined) throw new Error('every conversation was measured');
      return unitOf(measured.counts, measured.messages);
    };
    const chats = Object.fromEntries(
      CHAT_KINDS.map((kind, index): [ChatKind, ChatUnits] => {
        const { members, online, inRoom, real } = PLANS[kind];
        const units = {
          isolated: perMessage(isolated, index),
          conversation: perMessage(conversation, index),
          confirmed: perMessage(confirmed, index),
          read: perMessage(read, index),
          typing: perMessage(typing, index),
        };
        return [kind, { members, online, in_room: inRoom, real, ...units }];
      }),
    ) as Record<ChatKind, ChatUnits>;
    const machine = `${facts.cores} cores (${facts.cpu}), workerd ${facts.workerd}`;
    return { version: 1, date: facts.date, machine, chats, operations, stored };
  } finally {
    await server.stop();
  }
}
