import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const ROOT = dirname(resolve(import.meta.dirname, '..'));
const BIN = join(ROOT, 'node_modules/.bin');

// The built package in each runtime, none of which takes part in running the tests.
describe.each([
  { runtime: 'Node.js', command: process.execPath, args: (_: string) => [] as string[] },
  { runtime: 'Bun', command: join(BIN, 'bun'), args: (_: string) => ['run'] },
  {
    runtime: 'Deno',
    command: join(BIN, 'deno'),
    args: (folder: string) => [
      'run',
      '--no-prompt',
      '--cached-only',
      `--allow-net=${new URL(inject('serverUrl')).host}`,
      `--allow-read=${ROOT},${folder}`,
      `--allow-write=${folder}`,
      '--allow-env',
    ],
  },
])('$runtime', ({ command, args }) => {
  it('signs up, sends, receives, goes offline, restarts from a file, and is in step again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tideline-runtime-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const script = join(ROOT, 'sdk/test/support/smoke.mjs');
    const { stdout } = await run(command, [...args(folder), script, inject('serverUrl'), folder], {
      timeout: 60_000,
      env: { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
    });
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
    expect(result).toEqual({
      receipt: 2,
      heard: ['hello', 'offline 0', 'offline 1', 'offline 2', 'in the room'],
      restored: ['offline 0', 'offline 1', 'offline 2'],
      seqs: [3, 4, 5],
      timeline: ['hello', 'offline 0', 'offline 1', 'offline 2', 'in the room'],
      refused: ['TidelineError', 'not_found', 404],
      unread: [5, 0],
    });
  }, 60_000);
});
