/** A run that takes longer is given up on, so that the next minute's can start. Milliseconds. */
const LIMIT = 50_000;

/**
 * Runs a task at the start of every minute until stopped. One run at a time: a minute whose predecessor is still at work
 * is left out.
 */
export function everyMinute(
  task: (scheduledTime: Date) => Promise<unknown>,
  onError: (error: unknown) => void,
): { stop(): void } {
  let running = false;
  let timer = setTimeout(tick, untilNextMinute());

  function untilNextMinute(): number {
    return 60_000 - (Date.now() % 60_000);
  }

  function tick(): void {
    timer = setTimeout(tick, untilNextMinute());
    if (running) return;
    running = true;
    const limit = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`did not end within ${LIMIT / 1000} seconds`)), LIMIT).unref();
    });
    Promise.race([task(new Date()), limit])
      .catch(onError)
      .finally(() => {
        running = false;
      });
  }

  return { stop: () => clearTimeout(timer) };
}
