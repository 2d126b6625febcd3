// The page of a relay with a large fleet, in a browser on the same machine: what it costs to open, to scroll, and to be
// there while everything changes.
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { delay, until } from '../test/peers/wait.ts';
import { openScene, type Scene, untilReady } from './browser/scene.ts';
import { size } from './size.ts';
import { median, ms, table } from './statistics.ts';

const INSTANCES = size('BENCH_BROWSER_INSTANCES', { full: 10_000, smoke: 200 });
const FRAMES = size('BENCH_BROWSER_FRAMES', { full: 400, smoke: 30 });
/** A frame at 60 Hz. */
const FRAME_BUDGET_MS = 16.7;
/** Longer than this a frame is felt. */
const LONG_MS = 50;
const JOIN_AT_ONCE = 100;
/** Reports of a fleet do not come in one instant. */
const SPREAD_MS = 5000;
const LONGEST_PUSH_MS = 180_000;

interface Frames {
  readonly all: readonly number[];
}

/** In the page: scrolls through the whole table, and says how long each frame took. */
const SCROLL = `(async (frames) => {
  const box = document.querySelector('.rows-box');
  const step = (box.scrollHeight - box.clientHeight) / frames;
  const all = [];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  let before = await frame();
  for (let index = 1; index <= frames; index += 1) {
    box.scrollTop = step * index;
    const now = await frame();
    all.push(now - before);
    before = now;
  }
  return { all };
})`;

const OBSERVE = `window.longTasks = []; new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.longTasks.push(duration);
}).observe({ type: 'longtask' })`;

/** Milliseconds of a core that the main thread of the page took while `work` went on: a busy machine changes little. */
async function cpuOf<Result>(page: Page, work: () => Promise<Result>): Promise<{ result: Result; cpuMs: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const before = await read();
  const result = await work();
  return { result, cpuMs: (await read()) - before };
}

async function joinAll({ fleet }: Scene): Promise<void> {
  for (let from = 0; from < INSTANCES; from += JOIN_AT_ONCE) {
    const some = Array.from({ length: Math.min(JOIN_AT_ONCE, INSTANCES - from) }, (_, index) => from + index);
    await Promise.all(
      some.map(async (index) => {
        const labels = { zone: `zone-${index % 5}`, track: index < 20 ? 'canary' : 'stable' };
        await fleet.join({ name: `web-${index}`, labels, delayMs: (index * SPREAD_MS) / INSTANCES });
      }),
    );
  }
}

async function untilAllHave({ url, token }: Scene, oid: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  await until(
    `all instances publish ${oid}`,
    async () => {
      // The overview of a large fleet is no small answer, and is not what is measured.
      await delay(1000);
      // A connection that rested may be closed at the same moment.
      const text = await fetch(`${url}/fleet`, { headers })
        .then((answer) => answer.text())
        .catch(() => '');
      return text.split(`"published":{"ref":"refs/heads/main","oid":"${oid}"`).length - 1 === INSTANCES;
    },
    LONGEST_PUSH_MS,
  );
}

async function logIn({ browser, url, token }: Scene): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(LONGEST_PUSH_MS);
  await page.goto(`${url}/#/instances`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('live', { exact: true }).waitFor();
  return page;
}

/** From the opening of the page, with its files in the browser's cache, to the last instance in it. */
async function load(page: Page): Promise<number> {
  const before = performance.now();
  await page.reload();
  await page.getByText(`${INSTANCES.toLocaleString('en')} instances`, { exact: true }).waitFor();
  return performance.now() - before;
}

const row = (name: string, cpuMs: number, budgetMs: number | undefined, tasks: readonly number[]): string[] => [
  name,
  ms(cpuMs),
  budgetMs === undefined ? '–' : String(budgetMs),
  String(tasks.filter((each) => each > LONG_MS).length),
  ms(Math.max(0, ...tasks)),
];

function sizes(): string {
  const { files } = JSON.parse(readFileSync('dist/page.json', 'utf8')) as { files: Record<string, { text: string }> };
  const texts = Object.values(files).map(({ text }) => text);
  const sum = (measure: (text: string) => number): string =>
    (texts.reduce((all, text) => all + measure(text), 0) / 1024).toFixed(1);
  return `${sum((text) => gzipSync(text, { level: 9 }).length)} KiB with gzip, ${sum((text) => brotliCompressSync(text).length)} KiB with brotli`;
}

export async function benchBrowser(): Promise<string> {
  const scene = await openScene('app.git', { refs: 'another' });
  try {
    const first = scene.upstream.commit({ a: 'one' }, 'one');
    await untilReady(scene);
    await joinAll(scene);
    await untilAllHave(scene, first);
    const page = await logIn(scene);
    const loads: number[] = [];
    for (let round = 0; round < 5; round += 1) loads.push(await load(page));
    const scroll = async (): Promise<Frames> => await page.evaluate<Frames>(`${SCROLL}(${FRAMES})`);
    const scrolled = await cpuOf(page, scroll);
    await page.evaluate(OBSERVE);
    const second = scene.upstream.commit({ a: 'two' }, 'two');
    const pushed = await cpuOf(page, async () => {
      await untilAllHave(scene, second);
      await page.getByLabel('Search').fill(second);
      await page.getByText(new RegExp(`^${INSTANCES.toLocaleString('en')} instances$`)).waitFor();
    });
    const tasks = await page.evaluate<number[]>('window.longTasks');
    return [
      `## The page with ${INSTANCES.toLocaleString('en')} instances`,
      `A relay, ${INSTANCES} streams that report, and a headless Chromium on the same two cores. All files of the page together have ${sizes()}. *Scrolling*: through the whole table in ${FRAMES} steps, a frame for each. *A push*: all instances report another commit within ${SPREAD_MS / 1000} s or a little more, and the page shows each of them, and is searched for the commit at the end. *CPU* is that of the page’s main thread, and its *budget* is a frame at 60 Hz; what takes long is a frame, or a task of it, by the clock, so it grows when the two cores have other work.`,
      table(
        ['what', 'CPU, ms', 'budget, ms', `longer than ${LONG_MS} ms`, 'longest, ms'],
        [
          row(`scrolling, a frame of ${FRAMES}`, scrolled.cpuMs / FRAMES, FRAME_BUDGET_MS, scrolled.result.all),
          row('a push, in all', pushed.cpuMs, undefined, tasks),
        ],
      ),
      `The page is there with all instances ${ms(median(loads))} ms after it was opened (median of ${loads.length}).`,
    ].join('\n\n');
  } finally {
    await scene.close();
  }
}
