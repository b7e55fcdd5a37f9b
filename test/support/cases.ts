import fc from 'fast-check';

/** Set by vitest.config.ts. */
declare const __CASES_SEED__: number | undefined;

// Runs before every test file.
if (__CASES_SEED__ !== undefined) fc.configureGlobal({ seed: __CASES_SEED__ });
