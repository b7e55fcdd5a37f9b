import { type Bill, billFor } from './bill.ts';
import { ASSUMED, type Assumed, COMMUNITIES, type Community } from './communities.ts';
import type { Measurements, Unit } from './measured.ts';
import { messagesPerMonth, usageOfCommunity } from './model.ts';
import { type Meter, PRICE_LIST, SOURCES } from './prices.ts';

/** A change of the assumptions, or of what was measured, and the bill with it. */
export interface Variation {
  change: string;
  total: number;
  list: number;
}

export interface CommunityCost {
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

const eachObject = (unit: Unit, change: (used: Unit['room']) => Unit['room']): Unit => ({
  worker: unit.worker,
  room: change(unit.room),
  inbox: change(unit.inbox),
  relay: change(unit.relay),
});

const CHANGES: readonly Change[] = [
  { change: 'logs of 1 % of events, not of all', assumed: { log_share: 0.01 } },
  { change: 'objects charged for 10 s after the last thing they did', assumed: { tail_ms: 10_000 } },
  {
    change: 'no pauses and timers that keep objects awake',
    unit: (unit) => eachObject(unit, (used) => ({ ...used, timer_ms: 0 })),
  },
  {
    change: 'half the rows written in inboxes',
    unit: (unit) => ({ ...unit, inbox: { ...unit.inbox, rows_written: unit.inbox.rows_written / 2 } }),
  },
  { change: 'calls between objects ten times slower', assumed: { call_ms: ASSUMED.call_ms * 10 } },
];

function changed(measured: Measurements, unit: (unit: Unit) => Unit): Measurements {
  const { chats, operations } = structuredClone(measured);
  for (const chat of Object.values(chats)) {
    for (const name of ['isolated', 'conversation', 'confirmed', 'read', 'typing'] as const)
      chat[name] = unit(chat[name]);
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
const COLUMNS = 6;

export function toText(report: CostReport): string {
  const { prices, measured, communities } = report;
  const lines = [
    `prices of ${prices.date} (US dollars a month), measured ${measured.date} on ${measured.machine}`,
    'list: without the allowances of the plan, which is what more of the same costs',
  ];
  for (const { community, bill, perDailyUser, perThousandMessages, variations } of communities) {
    lines.push(
      '',
      `## ${community.name}: ${dollars(bill.total)} a month`,
      '',
      `${messagesPerMonth(community).toLocaleString('en-US')} messages; ${dollars(perDailyUser)} for each daily user, ` +
        `${dollars(perThousandMessages)} for 1,000 messages; ${dollars(bill.list)} at list prices. The plan itself is ${dollars(bill.plan)}.`,
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
    ['feature', 'list', 'share', ...columns.map(labelOf), 'paid'],
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
const dollars = (value: number): string =>
  `$${value.toLocaleString('en-US', value > 0 && value < 1 ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
const percent = (part: number, whole: number): string => `${((part / (whole || 1)) * 100).toFixed(1)} %`;
const amount = (value: number): string =>
  value.toLocaleString('en-US', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });

/** A Markdown table whose columns stand one below the other. */
function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)];
}
