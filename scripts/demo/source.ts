import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ROOT } from '../bundle.ts';
import { inventedLog } from './invented.ts';
import { type Options, UsageError } from './options.ts';

const DEFAULT = '../shared/data/ubuntu-irc/2016-12-19_20.raw.txt';
const MOST_BYTES = 32 * 1024 * 1024;
const CREDIT =
  'Data: #ubuntu IRC logs with reply links from jkkummerfeld/irc-disentanglement (Kummerfeld et al., "A Large-Scale Corpus for Conversation Disentanglement", ACL 2019), CC BY 4.0.';

export interface Source {
  /** What is replayed, for people. */
  title: string;
  /** Where the data comes from, when it is not the caller's own. */
  credit: string | undefined;
  log: Uint8Array;
  /** undefined: there are no reply links beside the log. */
  replies: Uint8Array | undefined;
}

/** Reads a whole file, up to a limit. @throws UsageError: one line */
async function read(path: string): Promise<Uint8Array> {
  try {
    // Looked at before it is opened: a pipe would wait for its writer, a device never end.
    const about = await stat(path);
    if (!about.isFile()) throw new UsageError(`${path} is not a file`);
    if (about.size > MOST_BYTES) throw new UsageError(`${path} has more than ${MOST_BYTES} bytes: take a part of it`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new UsageError(code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read: ${String(error)}`);
  }
}

/** The log that was named, the default one where it is there, or one that is made up. @throws UsageError */
export async function readSource({ file, madeUp }: Pick<Options, 'file' | 'madeUp'>): Promise<Source> {
  const path = file ?? join(ROOT, DEFAULT);
  if (madeUp || (file === undefined && !existsSync(path))) {
    const { log, replies } = inventedLog();
    return { title: 'a conversation that is made up', credit: undefined, log, replies };
  }
  const log = await read(path);
  const links = path.replace(/\.raw\.txt$/, '.annotation.txt');
  const replies = links !== path && existsSync(links) ? await read(links) : undefined;
  const credit = path.includes('ubuntu-irc') ? CREDIT : undefined;
  return { title: basename(path), credit, log, replies };
}
