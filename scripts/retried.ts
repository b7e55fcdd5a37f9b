import type { Reporter, TestCase } from 'vitest/node';

/** Names the tests that passed only when they were run again: each is one to look into. */
export default class Retried implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const { retryCount = 0 } = test.diagnostic() ?? {};
    if (retryCount > 0) console.log(`run ${retryCount + 1} times: ${test.module.relativeModuleId} > ${test.fullName}`);
  }
}
