import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';

export const PASSWORD = 'correct horse battery';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The global that axe's script makes in the page. */
interface PageWithAxe {
  readonly axe: typeof import('axe-core');
}

export interface Shots {
  /** Folder of screenshots. */
  readonly folder: string;
}

/** Somebody at a browser of their own. What the page complains about is kept. */
export class Person {
  readonly name: string;
  readonly email: string;
  readonly context: BrowserContext;
  page: Page;
  readonly complaints: string[] = [];
  readonly #shots: Shots;

  private constructor(name: string, context: BrowserContext, page: Page, shots: Shots, email?: string) {
    this.name = name;
    const local = name.toLowerCase().replaceAll(/[^a-z]/g, '') || 'user';
    this.email = email ?? `${local}-${crypto.randomUUID().slice(0, 8)}@example.com`;
    this.context = context;
    this.page = page;
    this.#shots = shots;
    context.on('page', (one) => this.#listen(one));
    this.#listen(page);
  }

  static async at(browser: Browser, url: string, name: string, shots: Shots, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({
      baseURL: url,
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      ...options,
    });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    return new Person(name, context, page, shots);
  }

  /** The same user at another browser, not signed in yet. */
  async again(browser: Browser, url: string): Promise<Person> {
    const context = await browser.newContext({
      baseURL: url,
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
    });
    context.setDefaultTimeout(30_000);
    return new Person(this.name, context, await context.newPage(), this.#shots, this.email);
  }

  async signUp(): Promise<void> {
    await this.page.goto('/signup');
    await this.page.getByLabel(/^(Name|姓名)$/).fill(this.name);
    await this.page.getByLabel(/^(E-mail|邮箱)$/).fill(this.email);
    await this.page.getByLabel(/^(Password|密码)$/).fill(PASSWORD);
    await this.page.getByRole('button', { name: /^(Create account|注册)$/ }).click();
    await this.page.getByRole('navigation').waitFor();
  }

  async signIn(): Promise<void> {
    await this.page.goto('/signin');
    await this.page.getByLabel('E-mail').fill(this.email);
    await this.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('navigation').waitFor();
  }

  async open(chat: string): Promise<void> {
    await this.row(chat).click();
    await this.field.waitFor();
  }

  async write(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  row(chat: string): Locator {
    return this.page.getByRole('navigation').getByRole('link', { name: chat });
  }
  get field(): Locator {
    return this.page.getByRole('textbox', { name: /^(Message|发消息给) / });
  }
  /** A message that is shown, by its text. */
  message(text: string): Locator {
    return this.page.getByRole('article').filter({ hasText: text });
  }
  state(text: string): Promise<string | null> {
    return this.message(text).last().getAttribute('data-state');
  }

  /** Takes a picture for people to look at, and lets axe look at the page. */
  async screen(name: string): Promise<void> {
    await this.page.waitForTimeout(250);
    // What is still fading in has other colours, on a busy machine also after that time.
    await this.page.waitForFunction(() =>
      document
        .getAnimations()
        .every(
          ({ playState, effect }) => playState !== 'running' || effect?.getComputedTiming().iterations === Infinity,
        ),
    );
    await this.page.screenshot({ path: join(this.#shots.folder, `${name}.png`) });
    await this.page.evaluate(axe);
    const results = await this.page.evaluate<AxeResults, string[]>(
      (values) =>
        (globalThis as unknown as PageWithAxe).axe.run(
          { exclude: ['[data-base-ui-focus-guard]'] },
          { runOnly: { type: 'tag', values } },
        ),
      RULES,
    );
    // Menus stand beside the landmarks: they are over the page while they are open, and hold the focus.
    const violations = results.violations.filter(
      ({ id, nodes }) => id !== 'region' || !nodes.every(({ html }) => html.includes('role="menu"')),
    );
    const found = violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map((node) => `    ${node.html.slice(0, 200)}\n      ${node.failureSummary?.replaceAll('\n', ' ')}`).join('\n')}`,
    );
    if (found.length > 0) this.complaints.push(`${name}: axe found\n${found.join('\n')}`);
  }

  async leave(): Promise<void> {
    await this.context.close();
  }

  #listen(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(`${this.name}: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      // What the network says when it is cut is no fault of the page.
      const text = message.text();
      if (message.type() !== 'error' || /ERR_|Failed to load resource|WebSocket connection/.test(text)) return;
      this.complaints.push(`${this.name}: ${text}`);
    });
  }
}
