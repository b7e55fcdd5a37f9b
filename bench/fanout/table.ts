import type { Measured } from './fanout.ts';

const COLUMNS = [
  'members',
  'online',
  'messages come',
  'room rows w',
  'room rows r',
  'notices',
  'allowed',
  'relay calls',
  'inbox rows w',
  'frames room',
  'frames inbox',
  'CPU-ms',
  'bytes',
] as const;

/** All cases as one Markdown table, per message. */
export function fanoutTable(all: Measured[]): string {
  const rows = all.map((measured) => {
    const { plan, pattern, messages, batches, counts, roomFrames, inboxFrames, cpuMs } = measured;
    const { room, inbox } = counts;
    const notices = room.calls['inbox.notify'] ?? 0;
    return [
      whole(plan.members),
      whole(plan.online),
      pattern,
      per(room.rowsWritten, messages),
      per(room.rowsRead, messages),
      per(notices, messages),
      per(plan.online * batches, messages),
      per(room.calls['relay.publish'] ?? 0, messages),
      plan.real === 0 ? 'counted' : per(inbox.rowsWritten, messages),
      per(roomFrames, messages),
      plan.real === 0 ? 'counted' : per(inboxFrames, messages),
      cpuMs === undefined ? '' : per(cpuMs, messages),
      pattern === 'burst' ? per(room.grown, messages) : '',
    ];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(COLUMNS), line(COLUMNS.map(() => '---')), ...rows.map(line)].join('\n');
}

const whole = (value: number) => value.toLocaleString('en-US');

function per(count: number, messages: number): string {
  const value = count / messages;
  const decimals = value === 0 || value >= 100 ? 0 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
