import type { WorkerdStructuredLog } from 'miniflare';
import type { LogLevel } from './settings.ts';

const RANK: Record<LogLevel, number> = { silent: 0, error: 1, warn: 2, info: 3, debug: 4 };

const levelOf = (level: string): LogLevel =>
  level === 'error' || level === 'warn' || level === 'debug' ? level : 'info';

/** What the Worker writes to its console, as lines `time level message`, from a level up. */
export const logLine =
  (level: LogLevel, write: (line: string) => void) =>
  (log: WorkerdStructuredLog): void => {
    const found = levelOf(log.level);
    if (RANK[found] > RANK[level]) return;
    write(`${new Date(log.timestamp).toISOString()} ${found} ${log.message}`);
  };
