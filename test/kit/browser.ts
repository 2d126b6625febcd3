import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, expect } from 'vitest';
import { findProgram } from '../peers/programs.ts';

/** Of Debian's `chromium`; nothing of it asks the network for anything. */
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const PATIENCE_MS = 20_000;

let browser: Promise<Browser> | undefined;
const open: Page[] = [];
/** What went wrong in pages: errors of scripts, and what the policy of the page refused. */
const complaints: string[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (page) => await page.context().close()));
  expect(complaints.splice(0), 'complaints of the browser').toEqual([]);
});

afterAll(async () => {
  await (await browser)?.close();
  browser = undefined;
});

/** What a page may complain of: a relay that a test stops, and answers that it wants to be refused. */
const EXPECTED = /Failed to load resource|net::ERR_/;

function launch(): Promise<Browser> {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) throw new Error('there is no chromium');
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page of a browser without anything of another test: a new profile in memory. */
export async function newPage(
  url: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => undefined,
): Promise<Page> {
  browser ??= launch();
  const context = await (await browser).newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  open.push(page);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !EXPECTED.test(message.text())) complaints.push(message.text());
  });
  await prepare(page);
  await page.goto(url);
  return page;
}

/** Waits until `text` is to be seen somewhere. */
export async function seen(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor();
}

/** What axe finds wrong, as short lines. */
export async function accessFaults(page: Page): Promise<string[]> {
  // The policy of the page lets no script in; this comes as the debugger's.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}
