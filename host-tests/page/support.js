// A browser and the page in it, and the few values all tests share.
//
// PAGE_URL is a gateway with the key of PAGE_KEY; host-tests/tests/page.rs has its models and rules. CHROMIUM is the
// browser, unless it is that of npm.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach } from 'node:test';
import { chromium } from 'playwright-core';

export const url = process.env.PAGE_URL;
export const key = process.env.PAGE_KEY;

/** Chromium of this machine, or the one that npm has for Linux, with the libraries it needs. */
async function launch() {
  if (process.env.CHROMIUM) return chromium.launch({ executablePath: process.env.CHROMIUM });
  // By this it unpacks its libraries too, which a machine without a desktop lacks.
  process.env.AWS_EXECUTION_ENV ??= 'AWS_Lambda_nodejs22.x';
  const { default: packed } = await import('@sparticuz/chromium');
  const executablePath = await packed.executablePath();
  // Its own configuration looks for the fonts in /tmp alone, and without any font Chromium edits no text or crashes.
  process.env.FONTCONFIG_FILE = join(tmpdir(), 'fonts.conf');
  const [fonts, cache] = [join(tmpdir(), 'fonts'), join(tmpdir(), 'fonts-cache')];
  await writeFile(process.env.FONTCONFIG_FILE, `<fontconfig><dir>${fonts}</dir><cachedir>${cache}</cachedir></fontconfig>`);
  // Not with the package's own arguments: they are for AWS Lambda, and in the single process they demand, closing one
  // context ends the browser.
  return chromium.launch({ executablePath });
}

let browser;
afterEach(() => Promise.all(browser?.contexts().map((context) => context.close()) ?? []));
after(() => browser?.close());

/** What pages printed that they must not: errors of scripts and of the policy, and requests to other origins. */
const faults = [];
after(() => assert.deepEqual(faults, []));

/** Gathers what a page must not print. */
function watch(page, origin) {
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:')) faults.push(request.url());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // A status of 4xx is printed as an error, and what tests do on purpose as well.
    if (message.type() === 'error' && !/status of \d+|net::ERR/.test(message.text())) faults.push(message.text());
  });
}

/** Opens the page in a context of its own. Without `key` none is entered; without `isWatched` it may print anything. */
export async function open({ at = url, key: entered = key, isWatched = true, ...options } = {}) {
  // One that crashed takes no other test along.
  if (!browser?.isConnected()) browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // A busy machine takes long to draw.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const origin = new URL(at).origin;
  if (isWatched) watch(page, origin);
  await page.goto(at);
  if (entered) {
    await page.getByLabel('API key').fill(entered);
    await page.getByLabel('API key').blur();
    await page.getByRole('combobox', { name: 'Model' }).locator('option').nth(1).waitFor({ state: 'attached' });
  }
  const opened = new Page(page);
  if (entered) await opened.model('gpt-4o');
  return opened;
}

export class Page {
  constructor(page) {
    this.page = page;
    this.history = page.locator('#history');
    // Hidden as long as there is none.
    this.error = page.locator('#error');
  }

  /** Chooses an API by its name, and waits until its models are listed. */
  async choose(api) {
    if (await this.page.getByLabel(api, { exact: true }).isChecked()) return;
    const listed = this.page.waitForResponse(/v1\/models/);
    await this.page.getByText(api, { exact: true }).click();
    await listed;
    await this.page.waitForFunction(() => document.querySelector('#model').length > 1);
  }

  async model(name) {
    await this.page.getByRole('combobox', { name: 'Model' }).selectOption(name);
  }

  /** A field by its label, of which only the beginning need be named. */
  field(name) {
    return name === 'Message' ? this.page.getByRole('textbox', { name, exact: true }) : this.page.getByLabel(name);
  }

  /** Sends a message, and waits for the end of the answer. */
  async send(text) {
    await this.field('Message').fill(text);
    await this.page.getByRole('button', { name: 'Send' }).click();
    await this.ended();
  }

  async ended() {
    await this.page.locator('#facts', { hasText: 'Total' }).waitFor();
  }

  /** The titles and texts of the conversation. */
  messages() {
    return this.page.locator('#history textarea').evaluateAll((fields) =>
      fields.map((field) => [field.labels[0].firstChild.textContent, field.value]));
  }

  /** What the answer was measured to be: `{ Status: '200', … }`. */
  facts() {
    return this.page.locator('#facts > div').evaluateAll((all) =>
      Object.fromEntries(all.map((one) => [...one.children].map((part) => part.textContent))));
  }

  text(id) {
    return this.page.locator(`#${id}`).textContent();
  }

  /** The body of the request that is shown. */
  async request() {
    const text = await this.text('request');
    return JSON.parse(text.slice(text.indexOf('\n\n')));
  }

  /** The fields and messages that are marked as wrong, by their labels. */
  marked() {
    return this.page.locator('[aria-invalid=true]').evaluateAll((fields) =>
      fields.map((field) => field.labels[0]?.firstChild.textContent.trim() ?? field.ariaLabel));
  }

  close() {
    return this.page.context().close();
  }
}

/** The four APIs by their names on the page, each with a model. */
export const APIS = {
  'Chat Completions': 'gpt-4o',
  Responses: 'gpt-4o',
  Messages: 'claude-sonnet-4-5',
  Completions: 'gpt-3.5-turbo-instruct',
};
