import type { Finding } from '../protocol/audit.ts';

/** Something that two places disagree on, and what brings them in step; it may be done twice, and in the midst of business. */
export type Found = Omit<Finding, 'repaired'> & { mend: () => Promise<unknown> };

export async function settle(found: readonly Found[], repair: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { mend, ...finding } of found) {
    if (repair) await mend();
    findings.push({ ...finding, repaired: repair });
  }
  return findings;
}
