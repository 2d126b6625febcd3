import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { newPage, seen } from '../kit/browser.ts';
import { type ControlRecorder, recordControls } from '../kit/control-recorder.ts';
import { isLive, logIn, openRollout, order, pageFleet } from '../kit/page-fleet.ts';
import { untilPublished } from '../kit/sidecar.ts';
import { missing } from '../peers/programs.ts';

async function names(page: Page): Promise<string[]> {
  const cells = await page.locator('.instances th[scope=row]').allTextContents();
  return cells.map((text) => text.split(' ')[0] ?? '');
}

describe.skipIf(missing('chromium'))('each control of the page', () => {
  test('is pressed here, and does what its name says', async () => {
    const it = await pageFleet();
    const { canary, web, upstream, first, repository } = it;
    let recorder: ControlRecorder | undefined;
    const page = await newPage(it.url, {}, async (empty) => {
      recorder = await recordControls(empty);
    });
    await logIn(page, 'boss');
    await isLive(page);

    // The way past the top, by the keyboard.
    await page.getByRole('button', { name: 'Skip to the content' }).focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('content');

    // A rollout in progress, so that the instances differ.
    const second = upstream.commit({ a: 'two' }, 'The second commit');
    await untilPublished(canary.link, second, canary.process);
    await seen(page, 'all of stage canary are done; it soaks');

    for (const name of ['Refs', 'How long pushes took to reach the instances']) {
      const summary = page.locator('summary', { hasText: name });
      const isOpen = page.locator('details[open]', { has: summary });
      const before = await isOpen.count();
      await summary.click();
      expect(await isOpen.count()).toBe(1 - before);
      await summary.click();
    }
    await page.locator('.figures a').first().click();
    await page.getByRole('region', { name: 'Instances' }).waitFor();
    expect(page.url()).toContain('state=current');
    await page.getByRole('link', { name: /^git-sidecar/ }).click();
    await page.getByRole('link', { name: '2 instances' }).first().click();
    await page.getByText('2 instances', { exact: true }).waitFor();

    // Filters, each with a value and back.
    const status = page.getByRole('status').filter({ hasText: /instance/ });
    const shows = async (text: RegExp): Promise<void> => await status.filter({ hasText: text }).waitFor();
    const clear = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Clear' }).click();
      await shows(/^2 instances$/);
    };
    await clear();
    await page.getByLabel('State').selectOption('gone');
    await shows(/^0 instances of 2$/);
    await seen(page, 'No instance is like that.');
    await page.getByLabel('State').selectOption('');
    await page.getByLabel('Repository').selectOption(repository);
    await shows(/^2 instances$/);
    expect(page.url()).toContain(`repository=${encodeURIComponent(repository)}`);
    await page.getByLabel('Ref').selectOption({ label: 'main' });
    await shows(/^2 instances$/);
    expect(page.url()).toContain('ref=refs%2Fheads%2Fmain');
    await page.getByLabel('Label').selectOption('track=canary');
    await shows(/^1 instance of 2$/);
    expect(await names(page)).toEqual(['canary-1']);
    await clear();
    await page.getByLabel('Search').fill('web-');
    await shows(/^1 instance of 2$/);
    await clear();

    // The order of rows, in the head that says so.
    for (const [head, wanted] of [
      ['Instance', ['canary-1', 'web-1']],
      ['Published', ['canary-1', 'web-1']],
      ['Ref', undefined],
      ['State', undefined],
    ] as const) {
      await page.getByRole('columnheader', { name: head }).getByRole('button').click();
      await page.locator('th[aria-sort]').filter({ hasText: head }).waitFor();
      expect(await page.locator('th[aria-sort]').count()).toBe(1);
      if (wanted) expect(await names(page)).toEqual(wanted);
    }
    await page.getByRole('region', { name: 'Instances' }).focus();
    await page.keyboard.press('End');

    // Orders, each with its button in the question.
    const nav = page.getByRole('navigation', { name: 'Views' });
    await nav.getByRole('link', { name: 'Overview' }).click();
    await nav.getByRole('link', { name: 'Instances' }).click();
    await nav.getByRole('link', { name: 'Overview' }).click();
    await page.locator('details').getByRole('link', { name: 'main', exact: true }).click();
    await page.getByRole('toolbar').waitFor();
    await nav.getByRole('link', { name: 'Overview' }).click();
    await openRollout(page);
    for (const link of ['all of this ref', 'those behind']) {
      const found = page.getByRole('link', { name: link });
      if ((await found.count()) === 0) continue;
      await found.click();
      await page.getByRole('region', { name: 'Instances' }).waitFor();
      await page.goBack();
      await page.getByRole('toolbar').waitFor();
    }
    await order(page, 'Pause');
    await order(page, 'Resume');
    await order(page, 'Promote');
    await untilPublished(web.link, second, web.process);
    await seen(page, 'all of stage the rest are done; it soaks');
    await order(page, 'Promote');
    await seen(page, 'nothing is under way');

    // A revision from the list of those that were live before.
    await page.getByRole('button', { name: 'Revert…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Revert…' }).click();
    const offered = dialog.getByLabel('Revision').locator('option', { hasText: 'The first commit' });
    await offered.waitFor({ state: 'attached' });
    await dialog.getByLabel('Revision').selectOption((await offered.getAttribute('value')) ?? '');
    await dialog.getByLabel('Why').fill('a test');
    await dialog.getByLabel('Your name').fill('alice');
    await dialog.getByRole('button', { name: 'Revert', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    for (const { link, process } of [canary, web]) await untilPublished(link, first, process);
    await order(page, 'Pin…', second);
    await untilPublished(web.link, second, web.process);
    await order(page, 'Unpin');
    const third = upstream.commit({ a: 'three' }, 'The third commit');
    await untilPublished(canary.link, third, canary.process);
    for (const link of await page.locator('main table a').all()) {
      await link.click();
      await page.getByRole('region', { name: 'Instances' }).waitFor();
      await page.goBack();
      await page.getByRole('toolbar').waitFor();
    }
    await order(page, 'Abort');
    await seen(page, /aborted by alice: a test/);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
    expect(recorder?.used().length).toBeGreaterThan(30);
    expect(recorder?.unused()).toEqual([]);
  }, 120_000);
});
