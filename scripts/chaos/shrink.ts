import type { Plan } from './plan.ts';

/**
 * The shortest schedule found that still fails: faults first, then steps, each time with a part of them left out (delta
 * debugging). Runs differ in their timing, so a part counts as needless when one run without it fails all the same.
 *
 * @param fails runs a plan, and says whether it fails in the same way
 * @param tries runs that may be spent
 */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, tries: number): Promise<Plan> {
  let best = plan;
  let left = tries;
  const without = async (kind: 'faults' | 'steps'): Promise<void> => {
    for (let parts = 2; left > 0 && best[kind].length > 0; ) {
      const size = Math.ceil(best[kind].length / parts);
      let cut = false;
      for (let start = 0; start < best[kind].length && left > 0; ) {
        const rest = best[kind].toSpliced(start, size);
        left -= 1;
        if (await fails({ ...best, [kind]: rest })) {
          best = { ...best, [kind]: rest };
          cut = true;
        } else start += size;
      }
      if (size === 1) return;
      parts = cut ? 2 : parts * 2;
    }
  };
  await without('faults');
  await without('steps');
  return best;
}
