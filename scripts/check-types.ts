// Type-checks every part of the project that has a tsconfig.json, each with its own environment (Worker, Node, browser).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './bundle.ts';

const SKIPPED = new Set(['node_modules', 'dist', 'coverage']);
const folders = [
  '.',
  ...readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name))
    .flatMap(({ name }) => [
      name,
      ...readdirSync(join(ROOT, name), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !SKIPPED.has(entry.name))
        .map((entry) => join(name, entry.name)),
    ]),
].filter((folder) => existsSync(join(ROOT, folder, 'tsconfig.json')));

let failed = false;
for (const folder of folders) {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) failed = true;
  console.log(`types: ${folder} ${status === 0 ? 'ok' : 'FAILED'}`);
}
process.exitCode = failed ? 1 : 0;
