import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface ProcessStat {
  pid: number;
  parent: number;
  /** User and system time, of the process and of its reaped children. */
  cpuMs: number;
}

function statOf(pid: string): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // ended meanwhile
  }
  // The command in parentheses may hold anything: fields are counted after it (state is 0).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return { pid: Number(pid), parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
}

/** A process and all its descendants. */
export function processTree(root: number): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((stat) => stat !== undefined);
  const wanted = new Set([root]);
  for (let before = 0; before !== wanted.size; ) {
    before = wanted.size;
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid);
  }
  return all.filter(({ pid }) => wanted.has(pid));
}

export const cpuMs = (root: number): number => processTree(root).reduce((sum, stat) => sum + stat.cpuMs, 0);

/** Resident memory of a process tree, in bytes. */
export function residentBytes(root: number): number {
  let bytes = 0;
  for (const { pid } of processTree(root)) {
    try {
      const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
      bytes += Number(found?.[1] ?? 0) * 1024;
    } catch {
      // Ended meanwhile: it holds no memory.
    }
  }
  return bytes;
}

function machineBusyMs(): number {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}

export interface Usage {
  seconds: number;
  serverCpuMs: number;
  serverCores: number;
  generatorCores: number;
  /** Share of the time in which the generator's event loop was busy. */
  generatorLoop: number;
  /** Cores busy with anything else on the machine. */
  otherCores: number;
}

/** Above this share the generator, not the server, may set the pace. */
export const GENERATOR_BOUND = 0.85;

/** Measures from now until the returned function is called. */
export function meter(serverPid: number): () => Usage {
  const start = performance.now();
  const server = cpuMs(serverPid);
  const own = process.cpuUsage();
  const busy = machineBusyMs();
  const loop = performance.eventLoopUtilization();
  return () => {
    const ms = performance.now() - start;
    const serverCpuMs = cpuMs(serverPid) - server;
    const used = process.cpuUsage(own);
    const ownMs = (used.user + used.system) / 1000;
    return {
      seconds: ms / 1000,
      serverCpuMs,
      serverCores: serverCpuMs / ms,
      generatorCores: ownMs / ms,
      generatorLoop: performance.eventLoopUtilization(loop).utilization,
      otherCores: Math.max(0, machineBusyMs() - busy - serverCpuMs - ownMs) / ms,
    };
  };
}
