import { type Bill, billFor } from './bill.ts';
import { ASSUMED, type Assumed, type ChatUse, COMMUNITIES, type Community } from './communities.ts';
import { CHAT_KINDS, type Measurements, type Unit } from './measured.ts';
import { messagesPerMonth, usageOfCommunity } from './model.ts';
import { type Meter, PRICE_LIST, SOURCES } from './prices.ts';
import { amount, dollars, percent, table } from './tables.ts';

/** A change of the assumptions, or of what was measured, and the bill with it. */
interface Variation {
  change: string;
  total: number;
  list: number;
}

interface CommunityCost {
  community: Community;
  bill: Bill;
  perDailyUser: number;
  perThousandMessages: number;
  variations: Variation[];
}

export interface CostReport {
  prices: { date: string; sources: string[] };
  measured: { date: string; machine: string };
  assumed: Assumed;
  communities: CommunityCost[];
}

interface Change {
  change: string;
  assumed?: Partial<Assumed>;
  /** What becomes of each unit. */
  unit?: (unit: Unit) => Unit;
}

const withoutTimers = (used: Unit['room']): Unit['room'] => ({ ...used, timer_ms: 0 });

const CHANGES: readonly Change[] = [
  { change: 'logs of what the code writes only, not of every invocation', assumed: { log_share: 0 } },
  { change: 'objects charged for 10 s after the last thing they did', assumed: { tail_ms: 10_000 } },
  { change: 'calls between objects ten times slower', assumed: { call_ms: ASSUMED.call_ms * 10 } },
  {
    change: 'no pauses and timers that keep objects awake',
    unit: ({ worker, room, inbox, relay }) => ({
      worker,
      room: withoutTimers(room),
      inbox: withoutTimers(inbox),
      relay: withoutTimers(relay),
    }),
  },
  {
    change: 'half the rows written in inboxes',
    unit: (unit) => ({ ...unit, inbox: { ...unit.inbox, rows_written: unit.inbox.rows_written / 2 } }),
  },
];

function changed(measured: Measurements, unit: (unit: Unit) => Unit): Measurements {
  const { chats, operations } = structuredClone(measured);
  for (const chat of Object.values(chats)) {
    for (const name of ['isolated', 'conversation', 'confirmed', 'read', 'typing'] as const) {
      chat[name] = unit(chat[name]);
    }
  }
  for (const [name, one] of Object.entries(operations)) Object.assign(operations, { [name]: unit(one) });
  return { ...measured, chats, operations };
}

export function costReport(measured: Measurements): CostReport {
  const billOf = (community: Community, inputs: Measurements, assumed: Assumed) =>
    billFor(usageOfCommunity(community, inputs, assumed), PRICE_LIST);
  const communities = COMMUNITIES.map((community): CommunityCost => {
    const bill = billOf(community, measured, ASSUMED);
    const variations = CHANGES.map(({ change, assumed = {}, unit }) => {
      const inputs = unit === undefined ? measured : changed(measured, unit);
      const { total, list } = billOf(community, inputs, { ...ASSUMED, ...assumed });
      return { change, total, list };
    });
    const perDailyUser = bill.total / community.daily;
    const perThousandMessages = (bill.total / messagesPerMonth(community)) * 1000;
    return { community, bill, perDailyUser, perThousandMessages, variations };
  });
  return {
    prices: {
      date: PRICE_LIST.date,
      sources: Object.values(SOURCES).map((path) => `https://developers.cloudflare.com${path}`),
    },
    measured: { date: measured.date, machine: measured.machine },
    assumed: ASSUMED,
    communities,
  };
}

/** Meters that are worth a column: the dearest ones at list prices. */
const COLUMNS = 5;

export function toText(report: CostReport): string {
  const { prices, measured, communities } = report;
  const lines = [
    `Prices of ${prices.date}, in US dollars a month; measured on ${measured.date.slice(0, 10)}, ${measured.machine}.`,
    '"List" is without the allowances of the plan: what more of the same costs.',
    '',
    ...table(
      ['', ...communities.map(({ community }) => community.name)],
      [
        ['bill', ...communities.map(({ bill }) => dollars(bill.total))],
        ['… of which the plan', ...communities.map(({ bill }) => dollars(bill.plan))],
        ['at list prices', ...communities.map(({ bill }) => dollars(bill.list))],
        ['messages', ...communities.map(({ community }) => amount(messagesPerMonth(community)))],
        ['bill for each daily user', ...communities.map(({ perDailyUser }) => dollars(perDailyUser))],
        ['bill for 1,000 messages', ...communities.map(({ perThousandMessages }) => dollars(perThousandMessages))],
      ],
    ),
    '',
    '### What is assumed',
    '',
    ...assumptions(communities.map(({ community }) => community)),
  ];
  for (const { community, bill, variations } of communities) {
    lines.push(
      '',
      `### Where it goes: ${community.name}`,
      '',
      ...partsTable(bill),
      '',
      ...linesTable(bill),
      '',
      ...table(
        ['what would change it', 'bill', 'list'],
        variations.map(({ change, total, list }) => [change, dollars(total), dollars(list)]),
      ),
    );
  }
  return lines.join('\n');
}

/** Everything that was not measured, in one table. */
function assumptions(communities: Community[]): string[] {
  const row = (label: string, of: (community: Community) => string | number) => [
    label,
    ...communities.map((community) => {
      const value = of(community);
      return typeof value === 'number' ? value.toLocaleString('en-US') : value;
    }),
  ];
  const chats = (use: ChatUse | undefined): string => {
    if (use === undefined) return '';
    const { chats: count, messages, isolated, typing, scale } = use;
    const size = scale === undefined ? '' : `; ${amount(scale.online)} online, ${amount(scale.inRoom)} in the room`;
    return `${amount(messages)} in ${amount(count)}; ${isolated * 100} %; ${typing}${size}`;
  };
  const kinds = CHAT_KINDS.filter((kind) => communities.some((one) => one.chats.some((use) => use.kind === kind)));
  return table(
    ['', ...communities.map(({ name }) => name)],
    [
      row('accounts', ({ users }) => users),
      row('users on a day of use', ({ daily }) => daily),
      row('days of use in a month', ({ days }) => days),
      ...kinds.map((kind) =>
        row(`${kind}: messages a day in so many; come alone; typing signals each`, (community) =>
          chats(community.chats.find((use) => use.kind === kind)),
        ),
      ),
      row('a day: app opened', ({ perDay }) => perDay.opens),
      row('a day: hours with a socket open', ({ perDay }) => perDay.hours),
      row('an opening: large conversations with news', ({ perDay }) => perDay.largeChatsWithNews),
      row('a day: conversations put on screen', ({ perDay }) => perDay.chatsOpened),
      row('a day: pages of history', ({ perDay }) => perDay.historyPages),
      row('a day: sign-ins', ({ perDay }) => perDay.signIns),
      row('people with whom a user shares a Single', ({ peers }) => peers),
      row(
        'a month: new accounts; new Singles',
        ({ newUsers, newSingles }) => `${amount(newUsers)}; ${amount(newSingles)}`,
      ),
      row('months of messages kept', ({ monthsKept }) => monthsKept),
      row('conversations in a list', ({ chatsPerUser }) => chatsPerUser),
    ],
  );
}

/** Where each dollar goes: features by meters, at list prices, and what of it is paid. */
function partsTable({ lines, parts, list, total, plan }: Bill): string[] {
  const columns = lines
    .filter((line) => line.list > 0)
    .sort((a, b) => b.list - a.list)
    .slice(0, COLUMNS)
    .map(({ meter }) => meter);
  const rows = parts
    .toSorted((a, b) => b.list - a.list)
    .map((part) => [
      part.feature,
      dollars(part.list),
      percent(part.list, list),
      ...columns.map((meter) => dollars(part.meters[meter]?.list ?? 0)),
      dollars(part.dollars),
    ]);
  const sums = columns.map((meter) => dollars(lines.find((line) => line.meter === meter)?.list ?? 0));
  return table(
    ['feature', 'list', 'share', ...columns.map((meter) => `… ${labelOf(meter)}`), 'paid'],
    [...rows, ['all', dollars(list), '100 %', ...sums, dollars(total - plan)]],
  );
}

function linesTable({ lines }: Bill): string[] {
  return table(
    ['price line', 'used', 'included', 'paid for', 'dollars', 'list'],
    lines
      .filter(({ used }) => used > 0)
      .sort((a, b) => b.list - a.list)
      .map(({ meter, used, billable, dollars: cost, list }) => [
        labelOf(meter),
        amount(used),
        amount(PRICE_LIST.prices[meter].included),
        amount(billable),
        dollars(cost),
        dollars(list),
      ]),
  );
}

const labelOf = (meter: Meter): string => PRICE_LIST.prices[meter].label;
