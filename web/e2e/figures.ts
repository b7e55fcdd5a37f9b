// What the client takes, printed and not judged: machines differ. A list of 500 conversations, a conversation of 10,000 messages.
import { createClient } from '../../sdk/src/index.ts';
import { PASSWORD, Person } from './person.ts';
import type { Stage } from './stories.ts';

const CONVERSATIONS = 500;
const MESSAGES = 10_000;
/** Messages under way at a time. */
const BATCH = 500;
/** A loaded machine does not get to the top: what was reached by then is printed; ms. */
const SCROLL_LIMIT = 45_000;

interface Filled {
  readonly email: string;
  readonly long: string;
}

/** An account with a long list and a long conversation. */
async function fill(url: string): Promise<Filled> {
  const client = await createClient({ url });
  const email = `figures-${crypto.randomUUID().slice(0, 8)}@example.com`;
  await client.signUp({ fullname: 'Grace Hopper', email, password: PASSWORD });
  await client.connect();
  const names = Array.from({ length: CONVERSATIONS - 1 }, (_, i) => `Conversation ${i + 1}`);
  // A connection that ends while it is taken up again is met by a second attempt: one conversation more does not matter.
  const make = (name: string) => {
    const once = () => client.chats.create({ type: 'Group', name });
    return once().catch(once);
  };
  for (let at = 0; at < names.length; at += 10) await Promise.all(names.slice(at, at + 10).map(make));
  const chat = await client.chats.create({ type: 'Group', name: 'The long one' });
  for (let at = 0; at < MESSAGES; at += BATCH) {
    const sent = Array.from({ length: BATCH }, (_, i) => chat.send(textOf(at + i)).sent);
    await Promise.all(sent);
  }
  await client.close();
  return { email, long: chat.id };
}

/** Messages of different lengths, as people write them. */
const textOf = (i: number): string =>
  `Message ${i + 1}. ${'The tide comes in and the tide goes out. '.repeat((i * 7) % 6)}`;

export async function figures(stage: Stage): Promise<void> {
  const { email, long } = await fill(stage.line.url);
  const grace = await Person.at(stage.browser, stage.line.url, 'Grace Hopper', stage.shots);
  stage.people.push(grace);
  const { page } = grace;
  await page.addInitScript(() => {
    const marks: { painted?: number; longest: number; long: number } = { longest: 0, long: 0 };
    Object.assign(globalThis, { marksOf: () => marks });
    const watch = new MutationObserver(() => {
      if (document.querySelector('nav li a') === null) return;
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => (marks.painted = performance.now())));
    });
    watch.observe(document, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        marks.long++;
        marks.longest = Math.max(marks.longest, duration);
      }
    }).observe({ type: 'longtask', buffered: true });
  });
  await page.goto('/signin');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await grace.row('The long one').waitFor();
  await page.waitForTimeout(3_000);

  await page.reload();
  await page.waitForFunction(() => performance.getEntriesByName('tideline:synced').length > 0);
  const reload = await page.evaluate(() => ({
    painted: marksOf().painted,
    synced: performance.getEntriesByName('tideline:synced')[0]?.startTime,
  }));
  const ms = (value: number | undefined) => (value === undefined ? 'unknown' : `${Math.round(value)} ms`);
  console.log(
    `        ${CONVERSATIONS} conversations: reload to painted ${ms(reload.painted)}, to synced ${ms(reload.synced)}`,
  );

  await page.goto(`/c/${long}`);
  await grace.message(`Message ${MESSAGES}.`).waitFor();
  await page.evaluate(() => Object.assign(marksOf(), { longest: 0, long: 0 }));
  const started = performance.now();
  const seen = await scrollToTop(grace);
  const seconds = (performance.now() - started) / 1000;
  const after = await page.evaluate(() => {
    (globalThis as { gc?: () => void }).gc?.();
    const { memory } = performance as Performance & { memory?: { usedJSHeapSize: number } };
    return { ...marksOf(), heap: memory?.usedJSHeapSize ?? 0, nodes: document.querySelectorAll('*').length };
  });
  const mib = (after.heap / 1024 / 1024).toFixed(1);
  console.log(
    `        scrolled up ${seen.lines > 0 ? `${seen.lines} lines` : `to "${seen.top}"`} in ${seconds.toFixed(1)} s: ${after.long} tasks over 50 ms, the longest ${ms(after.longest)}; ${mib} MiB of heap, ${after.nodes} elements`,
  );
}

/** Scrolls up as fast as history comes, for a while at most. @returns how many lines there are at the top, and the first */
async function scrollToTop({ page }: Person): Promise<{ lines: number; top: string }> {
  return page.evaluate(async (within) => {
    const feed = document.querySelector('[role=feed]');
    if (feed === null) return { lines: 0, top: '' };
    const size = () => Number(feed.querySelector('article')?.getAttribute('aria-setsize') ?? 0);
    const end = performance.now() + within;
    for (let still = 0; still < 60 && performance.now() < end; ) {
      const before = feed.scrollHeight;
      feed.scrollTop = Math.max(0, feed.scrollTop - 900);
      await new Promise((resolve) => requestAnimationFrame(resolve));
      still = feed.scrollTop <= 0 && feed.scrollHeight === before ? still + 1 : 0;
      if (still > 0 && size() > 0) break;
    }
    return { lines: size(), top: feed.querySelector('article')?.textContent?.slice(0, 40) ?? '' };
  }, SCROLL_LIMIT);
}

declare global {
  function marksOf(): { painted?: number; longest: number; long: number };
}
