// `npm run e2e`: people at real browsers, against `npm start`. Screenshots of every screen are in web/e2e/screens.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { findBrowser, launch } from './browser.ts';
import { Line, startServer } from './server.ts';
import { STORIES, type Stage } from './stories.ts';

const executable = findBrowser();
if (executable === undefined) {
  console.error('e2e: there is no Chromium: `apt-get install --yes chromium`, or name one in CHROMIUM');
  process.exit(2);
}
const only = process.argv.slice(2);
const folder = join(import.meta.dirname, 'screens');
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const server = await startServer();
let browser: Browser | undefined;
let failed = 0;
let passed = 0;
try {
  browser = await launch(executable);
  for (const [name, story] of Object.entries(STORIES)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const started = performance.now();
    const line = await Line.before(server.url);
    const stage: Stage = { browser, line, shots: { folder }, people: [] };
    try {
      await story(stage);
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
} finally {
  await browser?.close();
  await server.stop();
}
console.log(`e2e: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
