/** How long a room may take to answer before a sync goes on without it. */
export const ANSWER_MS = 5000;

/** The outcome of `work`, or an error when it takes longer than `ms`: one that does not answer must not hold up the rest. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
