// npm run screenshots: the pictures of docs/page.md, from a real relay with instances that hold streams and report, and
// are no processes.
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { until } from '../test/peers/wait.ts';
import { openScene, type Scene, untilReady } from './browser/scene.ts';

const IMAGES = 'docs/images';
const POLICY = {
  stages: [
    { name: 'canary', select: { labels: { track: 'canary' } }, soak: '2s' },
    { name: 'a tenth', select: { percent: 15 }, soak: '2s' },
    { name: 'half', select: { percent: 50 }, soak: '2s' },
  ],
  'max-unavailable': '20%',
  'on-failure': 'halt',
};
const ZONES = ['eu-west-1', 'eu-central-1', 'us-east-1'];
const INSTANCES = 60;

async function joinAll({ fleet, upstream }: Scene): Promise<void> {
  const isBad = (oid: string): boolean => /A regression/.test(upstream.git('log', '-1', '--format=%s', oid));
  for (let index = 0; index < INSTANCES; index += 1) {
    const isCanary = index < 3;
    const zone = ZONES[index % ZONES.length] ?? '';
    const name = isCanary ? `canary-${zone}` : `web-${zone}-${Math.floor(index / 3)}`;
    await fleet.join({
      name,
      labels: { track: isCanary ? 'canary' : 'stable', zone },
      fails: (oid) => (isBad(oid) ? 'GET /healthz answered 500: relation "orders" does not exist' : undefined),
      delayMs: 150 + 40 * (index % 9),
    });
  }
}

async function open({ browser, url, token }: Scene, dark: boolean, width: number): Promise<Page> {
  const viewport = { width, height: 680 };
  const context = await browser.newContext({ viewport, colorScheme: dark ? 'dark' : 'light' });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('live', { exact: true }).waitFor();
  return page;
}

async function take(page: Page, name: string): Promise<void> {
  await delay(600);
  await page.screenshot({ path: `${IMAGES}/page-${name}.png` });
}

async function openRollout(page: Page): Promise<void> {
  await page.locator('a.name').first().click();
  await page.getByRole('toolbar').waitFor();
}

async function main(): Promise<void> {
  const scene = await openScene('shop/storefront.git', POLICY);
  try {
    const { upstream, rollout } = scene;
    const commit = (message: string): string => upstream.commit({ version: message }, message);
    commit('Show prices with tax');
    await untilReady(scene);
    await joinAll(scene);
    const isComplete = async (): Promise<boolean> => (await rollout()).status === 'complete';
    await until('everybody has the first commit', isComplete);
    await delay(2000);
    commit('Cache the list of shipping countries');
    await until('it is under way', async () => !(await isComplete()));
    await until('it is complete', isComplete, 60_000);
    commit('A regression in the checkout');
    await until('it halts', async () => (await rollout()).status === 'halted');
    const [wide, dark, phone] = [
      await open(scene, false, 1000),
      await open(scene, true, 1000),
      await open(scene, false, 390),
    ];
    for (const page of [wide, dark]) await openRollout(page);
    await take(wide, 'halted');
    commit('Create the table of orders first');
    await until('half of them get it', async () => (await rollout()).stage === 'half', 60_000);
    await take(dark, 'rollout');
    await wide.getByRole('link', { name: 'Overview' }).click();
    await take(wide, 'overview');
    await phone.getByRole('link', { name: 'Instances', exact: true }).click();
    await take(phone, 'phone');
  } finally {
    await scene.close();
  }
}

mkdirSync(IMAGES, { recursive: true });
await main();
process.exit(0);
