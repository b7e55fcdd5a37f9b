import { resolve } from 'node:path';
import { z } from 'zod';
import { Fault } from './fault.ts';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const Environment = z.object({
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or a host name of this machine, such as 127.0.0.1 or 0.0.0.0')
    .default('127.0.0.1'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a whole number from 0 to 65535 (0 takes any free port)')
    .default('8787')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a whole number from 0 to 65535 (0 takes any free port)'),
  STATE_DIR: z.string().min(1, 'must be the path of a folder').default('.tideline'),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
});

/** What the operator sets for the local server. */
export interface Settings {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Absolute path. */
  stateDir: string;
  logLevel: LogLevel;
}

/** @throws Fault naming the variable and what is wrong with it */
export function readSettings(env: NodeJS.ProcessEnv, cwd: string): Settings {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]);
    throw new Fault(`${name}=${JSON.stringify(env[name] ?? '')}: ${issue?.message ?? 'is not valid'}`);
  }
  const { HOST, PORT, STATE_DIR, LOG_LEVEL } = parsed.data;
  return { host: HOST, port: PORT, stateDir: resolve(cwd, STATE_DIR), logLevel: LOG_LEVEL };
}

/** Where a client on this machine reaches the server. */
export function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
