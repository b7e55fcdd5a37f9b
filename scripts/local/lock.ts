import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Fault, messageOf } from './fault.ts';

/**
 * Holds a state folder for this process alone. It is a lock of the operating system (through SQLite), not a file that
 * exists: it ends with the process however that dies, so there is no stale lock to judge and no race to take one over.
 *
 * @throws Fault when another process holds it
 */
export function lockState(stateDir: string): { release(): void } {
  const pidFile = join(stateDir, 'server.pid');
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(join(stateDir, 'lock.db'), { timeout: 0 });
    // The lock is given back when the process ends, or the connection is closed.
    db.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    throw new Fault(
      messageOf(error).includes('locked')
        ? `STATE_DIR ${stateDir} is in use by another server${holder(pidFile)}: stop it, or set STATE_DIR to another folder`
        : `STATE_DIR ${stateDir} cannot be used: ${messageOf(error)}`,
    );
  }
  return {
    release() {
      rmSync(pidFile, { force: true });
      db.close();
    },
  };
}

function holder(pidFile: string): string {
  try {
    return ` (process ${readFileSync(pidFile, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
