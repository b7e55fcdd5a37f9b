import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** A signing key in the form that JWT_KEYS holds. */
function signingKey(kid: string) {
  return { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), kid };
}

// The assets binding needs its folder; what is in it is the build's matter.
mkdirSync('dist/assets', { recursive: true });

export default defineConfig(async () => {
  const bindings = { TEST_MIGRATIONS: await readD1Migrations('migrations') };
  // Required secrets are looked up in the environment; these are made anew for every run.
  process.env.JWT_KEYS = JSON.stringify({ keys: [signingKey('test-1'), signingKey('test-2')] });
  process.env.ADMIN_TOKEN = randomBytes(32).toString('base64url');
  const inWorkerd = (environment?: string) =>
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml', ...(environment === undefined ? {} : { environment }) },
      miniflare: { bindings },
    });
  // Generated cases are new ones in each run, but in CI: there a refusal is to be about the change. And there a test that was
  // starved on a busy machine is run once more; the reporter names it.
  const inCI = process.env.CI === 'true';
  const define = { __CASES_SEED__: inCI ? '1' : 'undefined' };
  const common = { retry: inCI ? 1 : 0, setupFiles: ['./test/support/cases.ts'] };
  const shared = {
    ...common,
    setupFiles: [...common.setupFiles, './test/support/migrate.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  };
  return {
    test: {
      // Vitest leaves one core to itself, and on two that is half of them: it idles while a file runs.
      maxWorkers: Math.max(2, availableParallelism() - 1),
      projects: [
        {
          define,
          plugins: [inWorkerd()],
          test: {
            ...shared,
            name: 'workers',
            include: ['test/**/*.test.ts'],
            exclude: ['test/**/*.strict.test.ts', 'test/chaos/**'],
          },
        },
        // The deployed configuration, with its limits on attempts.
        {
          define,
          plugins: [inWorkerd('production')],
          test: { ...shared, name: 'strict', include: ['test/**/*.strict.test.ts'] },
        },
        // `npm start` and its parts, in Node.
        {
          define,
          test: {
            ...common,
            name: 'scripts',
            include: ['scripts/test/**/*.test.ts'],
            testTimeout: 60_000,
            hookTimeout: 30_000,
          },
        },
        // The checker of histories and what drives it, in Node.
        { define, test: { ...common, name: 'chaos', include: ['test/chaos/**/*.test.ts'], testTimeout: 60_000 } },
        // The arithmetic of the cost model.
        { define, test: { ...common, name: 'bench', include: ['bench/**/*.test.ts'] } },
        // The parts of the web client that need no browser; the rest is `npm run e2e`.
        {
          resolve: {
            alias: { '@tideline/sdk': fileURLToPath(new URL('sdk/src/index.ts', import.meta.url)) },
          },
          define,
          test: { ...common, name: 'web', include: ['web/test/**/*.test.ts'] },
        },
        // The SDK in Node: its pure parts alone, and all of it against a server of its own.
        { define, test: { ...common, name: 'sdk-unit', include: ['sdk/test/unit/**/*.test.ts'] } },
        {
          define,
          test: {
            ...common,
            name: 'sdk',
            include: ['sdk/test/*.test.ts', 'sdk/test/live/**/*.test.ts'],
            globalSetup: ['./sdk/test/support/setup.ts'],
            testTimeout: 30_000,
            hookTimeout: 30_000,
          },
        },
      ],
    },
  };
});
