import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Facts {
  date: string;
  cores: number;
  cpu: string;
  memory_gb: number;
  kernel: string;
  node: string;
  miniflare: string;
  workerd: string;
  state_filesystem: string;
  load_before: number;
}

/** What a figure depends on beside the code. */
export function machineFacts(stateDir: string): Facts {
  const fromHere = createRequire(import.meta.url);
  // The server runs the workerd that Miniflare resolves, not one that another package carries.
  const fromMiniflare = createRequire(fromHere.resolve('miniflare'));
  const versionOf = (name: string) => {
    const manifest = JSON.parse(readFileSync(fromMiniflare.resolve(`${name}/package.json`), 'utf8')) as {
      version: string;
    };
    return manifest.version;
  };
  const all = cpus();
  return {
    date: new Date().toISOString(),
    cores: all.length,
    cpu: all[0]?.model ?? 'unknown',
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    miniflare: versionOf('miniflare'),
    workerd: versionOf('workerd'),
    state_filesystem: execFileSync('stat', ['-f', '-c', '%T', stateDir], { encoding: 'utf8' }).trim(),
    load_before: loadavg()[0] ?? 0,
  };
}
