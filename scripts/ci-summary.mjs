// Prints "N passed, N failed" from the report of a test run; fails when a test failed, or when none ran.
import { readFileSync } from 'node:fs';

let report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, success: false };
try {
  report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
} catch {
  // The run ended before its tests: nothing passed.
}
const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, success } = report;
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = success && failed === 0 && passed > 0 ? 0 : 1;
