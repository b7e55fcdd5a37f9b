import { type Config, parseConfig } from './variables.ts';

export type { Config, SigningKey } from './variables.ts';

let cached: { env: Env; config: Config } | undefined;

/** The configuration of this isolate: read and checked at the first call, once. */
export function configOf(env: Env): Config {
  if (cached?.env !== env) cached = { env, config: parseConfig(env) };
  return cached.config;
}
