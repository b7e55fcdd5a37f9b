/** A Markdown table whose columns stand one below the other: the first to the left, the others to the right. */
export function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const line = (cells: string[]) => `| ${cells.map(pad).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)];
}

const few = { maximumSignificantDigits: 2 } as const;
const cents = { minimumFractionDigits: 2, maximumFractionDigits: 2 } as const;

export const dollars = (value: number): string =>
  value === 0 ? '0' : `$${value.toLocaleString('en-US', value < 1 ? few : cents)}`;

export const percent = (part: number, whole: number): string => `${((part / (whole || 1)) * 100).toFixed(1)} %`;

export const amount = (value: number): string =>
  value.toLocaleString('en-US', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
