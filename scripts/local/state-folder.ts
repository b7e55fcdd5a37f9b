import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, Fault, messageOf } from './fault.ts';

/**
 * Makes the state folder and the one for data in it, open to their owner only. A folder that was there before keeps its
 * mode: it may serve other ends too.
 *
 * @returns the path of the folder for data
 * @throws Fault naming STATE_DIR
 */
export async function makeStateFolder(path: string): Promise<string> {
  const data = join(path, 'data');
  try {
    await make(data, true);
  } catch (error) {
    throw new Fault(`STATE_DIR ${path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
  return data;
}

/** Not `mkdir(…, { recursive: true })`: in a place that refuses new folders with ENOENT that never returns. */
async function make(path: string, withParents: boolean): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || !withParents || dirname(path) === path) throw error;
    await make(dirname(path), true);
    await make(path, false);
  }
}
