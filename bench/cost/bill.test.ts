import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUsage, billFor, noUsage, type Usage } from './bill.ts';
import { METERS, type Meter, PRICE_LIST, type Price } from './prices.ts';

const usage = (part: Partial<Usage>): Usage => addUsage(noUsage(), part);
const anyUsage = fc
  .array(fc.double({ min: 0, max: 1e11, noNaN: true }), { minLength: METERS.length, maxLength: METERS.length })
  .map((values): Usage => usage(Object.fromEntries(METERS.map((meter, index) => [meter, values[index] ?? 0]))));
const lineOf = (bill: ReturnType<typeof billFor>, meter: Meter) => {
  const line = bill.lines.find((one) => one.meter === meter);
  if (line === undefined) throw new Error(`no line ${meter}`);
  return line;
};
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

describe('a bill', () => {
  it('of no use is the plan alone, and every line of it costs nothing', () => {
    const bill = billFor({ nothing: noUsage() }, PRICE_LIST);
    expect(bill.total).toBe(PRICE_LIST.plan);
    expect(bill.list).toBe(0);
    for (const line of bill.lines) expect(line).toMatchObject({ used: 0, billable: 0, dollars: 0, list: 0 });
    expect(bill.parts).toEqual([{ feature: 'nothing', dollars: 0, list: 0, meters: {} }]);
  });

  it.each(METERS)('has a line for %s: free up to what is included, and at the price beyond it', (meter) => {
    const { dollars, per, included } = PRICE_LIST.prices[meter];
    const upTo = billFor({ it: usage({ [meter]: included }) }, PRICE_LIST);
    expect(upTo.total).toBe(PRICE_LIST.plan);
    expect(lineOf(upTo, meter).list).toBeCloseTo((included / per) * dollars, 9);
    const beyond = billFor({ it: usage({ [meter]: included + 3 * per }) }, PRICE_LIST);
    expect(beyond.total).toBeCloseTo(PRICE_LIST.plan + 3 * dollars, 6);
    for (const line of beyond.lines) if (line.meter !== meter) expect(line.dollars).toBe(0);
  });

  it('takes an allowance off once, however many features use the meter', () => {
    const half = usage({ object_rows_written: 30_000_000 });
    const bill = billFor({ one: half, other: half }, PRICE_LIST);
    expect(lineOf(bill, 'object_rows_written')).toMatchObject({ used: 60_000_000, billable: 10_000_000, dollars: 10 });
    expect(bill.parts.map(({ dollars }) => dollars)).toEqual([5, 5]);
    expect(bill.parts.map(({ list }) => list)).toEqual([30, 30]);
    expect(bill.total).toBe(PRICE_LIST.plan + 10);
  });

  it('is the sum of its lines and of its parts, whatever is used', () => {
    fc.assert(
      fc.property(anyUsage, anyUsage, anyUsage, (one, two, three) => {
        const { plan, lines, parts, total, list } = billFor({ one, two, three }, PRICE_LIST);
        const near = (value: number, expected: number) => Math.abs(value - expected) <= 1e-9 * Math.max(1, expected);
        expect(near(sum(lines.map((line) => line.dollars)) + plan, total)).toBe(true);
        expect(near(sum(parts.map((part) => part.dollars)) + plan, total)).toBe(true);
        expect(near(sum(parts.map((part) => part.list)), list)).toBe(true);
        for (const { dollars, meters } of parts) {
          expect(near(sum(Object.values(meters).map((own) => own.dollars)), dollars)).toBe(true);
        }
        for (const line of lines) expect(line.dollars).toBeLessThanOrEqual(line.list + 1e-9);
      }),
    );
  });

  it('never falls when more is used', () => {
    fc.assert(
      fc.property(anyUsage, anyUsage, (some, more) => {
        const less = billFor({ some }, PRICE_LIST).total;
        expect(billFor({ some, more }, PRICE_LIST).total).toBeGreaterThanOrEqual(less);
      }),
    );
  });
});

describe('the price list', () => {
  it('has a price, an allowance and a source for every meter', () => {
    for (const price of Object.values<Price>(PRICE_LIST.prices)) {
      expect(price.dollars).toBeGreaterThan(0);
      expect(price.per).toBeGreaterThan(0);
      expect(price.included).toBeGreaterThanOrEqual(0);
    }
    expect(PRICE_LIST.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it('gives what the platform works out in its own examples', () => {
    // A Worker of 15 million requests, 7 ms of CPU each.
    const worker = usage({ worker_requests: 15e6, worker_cpu_ms: 105e6 });
    expect(billFor({ worker }, PRICE_LIST).total).toBeCloseTo(8, 9);
    // A million messages a day through a queue.
    const queue = usage({ queue_operations: 90e6 });
    expect(billFor({ queue }, PRICE_LIST).total - PRICE_LIST.plan).toBeCloseTo(35.6, 9);
    // 75 GB of logs and 20 GB-months of them kept.
    const logs = usage({ log_ingested_gb: 75, log_stored_gb: 20 });
    expect(billFor({ logs }, PRICE_LIST).total - PRICE_LIST.plan).toBeCloseTo(7.05, 9);
    // 100 objects with a socket that hears something every second of a month, awake all of it.
    const objects = usage({ object_requests: 12_960_100, object_gb_s: 33_177_600 });
    expect(billFor({ objects }, PRICE_LIST).total).toBeCloseTo(5 + 11.960_1 * 0.15 + 32.777_6 * 12.5, 6);
  });
});
