// `npm run e2e`: people at real browsers, against `npm start`. Screenshots of every screen are in web/e2e/screens.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { findBrowser, launch } from './browser.ts';
import { MESSAGE_STORIES } from './message-stories.ts';
import { Line, startServer } from './server.ts';
import { STORIES, type Stage } from './stories.ts';

const executable = findBrowser();
if (executable === undefined) {
  console.error('e2e: there is no Chromium: `apt-get install --yes chromium`, or name one in CHROMIUM');
  process.exit(2);
}
/** Milliseconds. */
const STORY_LIMIT = 180_000;

const stories = { ...STORIES, ...MESSAGE_STORIES };
const only = process.argv.slice(2);
const unknown = only.filter((name) => !Object.hasOwn(stories, name));
if (unknown.length > 0) {
  console.error(`e2e: no story is called ${unknown.join(', ')}; there are ${Object.keys(stories).join(', ')}`);
  process.exit(2);
}
const folder = join(import.meta.dirname, 'screens');
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const server = await startServer();
let browser: Browser | undefined;
let failed = 0;
let passed = 0;
try {
  browser = await launch(executable);
  const chosen = Object.entries(stories).filter(([name]) => only.length === 0 || only.includes(name));
  // Two at a time; what is measured runs alone.
  const waiting = chosen.filter(([name]) => name !== 'figures');
  const work = async (on: Browser) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await play(on, ...next);
  };
  await Promise.all([work(browser), work(browser)]);
  for (const [name, story] of chosen) if (name === 'figures') await play(browser, name, story);
} finally {
  await browser?.close();
  await server.stop();
}
console.log(`e2e: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function play(on: Browser, name: string, story: (stage: Stage) => Promise<void>): Promise<void> {
  const started = performance.now();
  const line = await Line.before(server.url);
  const stage: Stage = { browser: on, line, shots: { folder }, people: [], codeTo: server.codeTo };
  try {
    await within(story(stage));
    const complaints = stage.people.flatMap((person) => person.complaints);
    if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join('\n')}`);
    passed++;
    console.log(`ok      ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}`);
    console.error(error);
    for (const [i, person] of stage.people.entries()) {
      await person.page.screenshot({ path: join(folder, `failed-${name}-${i}.png`) }).catch(() => undefined);
      if (person.complaints.length > 0) console.error(person.complaints.join('\n'));
    }
  } finally {
    for (const person of stage.people) await person.leave().catch(() => undefined);
    line.close();
  }
}

/** A story that hangs ends, and says so. */
async function within(story: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${STORY_LIMIT / 1000} s`)), STORY_LIMIT);
  });
  await Promise.race([story, limit]).finally(() => clearTimeout(timer));
}
