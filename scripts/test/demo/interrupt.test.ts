import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../../bundle.ts';
import { temporaryFolder } from '../folder.ts';

/** Runs the demo in a process group of its own, and gives all of it a Ctrl-C so long after its server was begun. */
async function interrupted(after: number): Promise<{ code: unknown; output: string }> {
  const file = join(await temporaryFolder(), 'talk.raw.txt');
  await writeFile(file, '[00:00] <ada> hello\n[00:01] <ben> hello yourself\n');
  const options = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...options, join(ROOT, 'scripts/demo/main.ts'), file], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const group = -(child.pid ?? 0);
  onTestFinished(() => {
    try {
      process.kill(group, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  });
  let output = '';
  const begun = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('lines read')) begun.resolve();
    });
  }
  await Promise.race([begun.promise, exited]);
  await delay(after);
  process.kill(group, 'SIGINT');
  const [code]: unknown[] = await exited;
  return { code, output };
}

it.each([0, 300, 1500])('a Ctrl-C %i ms after the server was begun ends the demo without a word', async (after) => {
  const { code, output } = await interrupted(after);
  expect(code).toBe(130);
  expect(output).not.toMatch(/Error|^ {4}at /m);
});
