import { METERS, type Meter, type Price } from './prices.ts';

/** Units of each meter in a month. */
export type Usage = Record<Meter, number>;

export interface Line {
  meter: Meter;
  used: number;
  /** What is left to pay for when the plan's allowance is taken off. */
  billable: number;
  dollars: number;
  /** What it would be without any allowance: what more of the same costs. */
  list: number;
}

/** One use of the system: its part of the bill, and its part at list prices. */
export interface Part {
  feature: string;
  dollars: number;
  list: number;
  meters: Partial<Record<Meter, { dollars: number; list: number }>>;
}

export interface Bill {
  /** The plan itself. */
  plan: number;
  lines: Line[];
  parts: Part[];
  /** The plan and all lines. */
  total: number;
  /** All lines at list prices, without the plan and its allowances. */
  list: number;
}

export const noUsage = (): Usage => Object.fromEntries(METERS.map((meter) => [meter, 0])) as Usage;

/** Adds `more`, so many times, to `sum`. */
export function addUsage(sum: Usage, more: Partial<Usage>, times = 1): Usage {
  for (const meter of METERS) sum[meter] += (more[meter] ?? 0) * times;
  return sum;
}

/**
 * The bill for what the features use together. An allowance is taken off once, from the sum of a meter; what is left to pay
 * is put to the features' accounts in proportion to what they use of it.
 */
export function billFor(
  features: Record<string, Usage>,
  { plan, prices }: { plan: number; prices: Record<Meter, Price> },
): Bill {
  const total = noUsage();
  for (const usage of Object.values(features)) addUsage(total, usage);
  const lines = METERS.map((meter): Line => {
    const { dollars, per, included } = prices[meter];
    const used = total[meter];
    const billable = Math.max(0, used - included);
    return { meter, used, billable, dollars: (billable / per) * dollars, list: (used / per) * dollars };
  });
  const parts = Object.entries(features).map(([feature, usage]): Part => {
    const part: Part = { feature, dollars: 0, list: 0, meters: {} };
    for (const line of lines) {
      if (usage[line.meter] === 0) continue;
      const share = usage[line.meter] / line.used;
      const own = { dollars: line.dollars * share, list: line.list * share };
      part.meters[line.meter] = own;
      part.dollars += own.dollars;
      part.list += own.list;
    }
    return part;
  });
  const sum = (of: (line: Line) => number) => lines.reduce((all, line) => all + of(line), 0);
  return { plan, lines, parts, total: plan + sum((line) => line.dollars), list: sum((line) => line.list) };
}
