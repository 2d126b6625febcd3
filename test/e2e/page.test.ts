import { writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessFaults, newPage, seen } from '../kit/browser.ts';
import { isLive, logIn, openRollout, order, pageFleet } from '../kit/page-fleet.ts';
import { pageRelay } from '../kit/page-relay.ts';
import { untilPublished } from '../kit/sidecar.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const fitsWidth = async (page: Page): Promise<boolean> =>
  await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth');

describe.skipIf(missing('chromium'))('the page of a relay', () => {
  test('lets a person in with a token, and out again', async () => {
    const { url } = await pageFleet();
    const page = await newPage(url);
    await logIn(page, 'wrong');
    await seen(page, 'the access file has no line with this token');
    await logIn(page, 'boss');
    await isLive(page);
    await seen(page, 'The first commit');
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', secure: false });
    expect(cookie?.value).not.toContain('boss');
    expect(await page.evaluate<string>('document.cookie')).toBe('');
    await page.reload();
    await isLive(page);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
    expect(await page.getByText('The first commit').count()).toBe(0);
    await page.reload();
    await page.getByLabel('Token').waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  test.skipIf(missing('openssl'))('does all of that over HTTPS, with a cookie for secure pages only', async () => {
    const { url, upstream, canary } = await pageFleet({ isSecure: true });
    const page = await newPage(url, { ignoreHTTPSErrors: true });
    await logIn(page, 'boss');
    await isLive(page);
    expect(await page.context().cookies()).toMatchObject([
      { name: '__Host-git-sidecar-session', httpOnly: true, secure: true, sameSite: 'Strict' },
    ]);
    const second = upstream.commit({ a: 'two' }, 'The second commit');
    await untilPublished(canary.link, second, canary.process);
    await seen(page, 'The second commit');
    await openRollout(page);
    await order(page, 'Pause');
    await seen(page, 'paused by alice: a test');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  test('asks for a token again when the one that was used leaves the access file', async () => {
    const { url, access, host } = await pageFleet();
    const page = await newPage(url);
    await logIn(page, 'boss');
    await isLive(page);
    writeFileSync(access, `bearer pod ${host}/*\n`);
    await page.getByLabel('Token').waitFor();
  });

  test('shows a push, and how far it is, by itself', async () => {
    const { url, upstream, canary, web } = await pageFleet();
    const page = await newPage(url);
    await logIn(page, 'pod');
    await isLive(page);
    const second = upstream.commit({ a: 'two' }, 'The second commit');
    await untilPublished(canary.link, second, canary.process);
    await seen(page, 'soaking');
    await seen(page, 'The second commit');
    await seen(page, 'all of stage canary are done; it soaks');
    await page.getByRole('link', { name: 'Instances', exact: true }).click();
    await page.getByRole('row', { name: 'canary-1' }).getByText(second.slice(0, 8)).waitFor();
    expect(await page.getByRole('row', { name: 'web-1' }).textContent()).not.toContain(second.slice(0, 8));
    web.process.kill('SIGKILL');
    await page.getByRole('row', { name: 'web-1' }).getByText('gone', { exact: true }).waitFor();
  });

  test('gives each order, with its reason, and shows what came of it', async () => {
    const { url, upstream, first, canary, web, standing } = await pageFleet();
    const page = await newPage(url);
    await logIn(page, 'boss');
    await openRollout(page);
    await order(page, 'Pause');
    await seen(page, 'paused by alice: a test');
    const second = upstream.commit({ a: 'two' }, 'The second commit');
    await page.getByRole('button', { name: 'Promote', disabled: false }).waitFor();
    await order(page, 'Resume');
    await untilPublished(canary.link, second, canary.process);
    await seen(page, 'soaking');
    await order(page, 'Promote');
    await untilPublished(web.link, second, web.process);
    await seen(page, 'all of stage the rest are done; it soaks');
    await order(page, 'Promote');
    await until('it is complete', async () => (await standing()).status === 'complete');
    await order(page, 'Revert…', first);
    for (const { link, process } of [canary, web]) await untilPublished(link, first, process);
    await order(page, 'Pin…');
    await seen(page, 'pinned by alice: a test');
    await order(page, 'Unpin');
    const third = upstream.commit({ a: 'three' }, 'The third commit');
    await untilPublished(canary.link, third, canary.process);
    await order(page, 'Abort');
    await untilPublished(canary.link, first, canary.process);
    await seen(page, /aborted by alice: a test/);
    expect(await page.getByRole('row', { name: /alice/ }).count()).toBeGreaterThanOrEqual(7);
  });

  test('says what the relay refuses, and does nothing when the person cancels', async () => {
    const { url, standing } = await pageFleet();
    const page = await newPage(url);
    await logIn(page, 'boss');
    await openRollout(page);
    const toolbar = page.getByRole('toolbar');
    await toolbar.getByRole('button', { name: 'Pin…' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Or another one').fill('f'.repeat(40));
    await dialog.getByLabel('Why').fill('a test');
    await dialog.getByLabel('Your name').fill('alice');
    await page.keyboard.press('Enter');
    await dialog.getByText('the relay does not have this commit (ERR_ROLLOUT_ORDER)').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Pin…');
    expect(await toolbar.getByRole('button', { name: 'Abort' }).isDisabled()).toBe(true);
    expect((await standing()).status).toBe('complete');
  });

  test('has no buttons for those that may only read', async () => {
    const reading = await pageFleet();
    const page = await newPage(reading.url);
    await logIn(page, 'pod');
    await page.getByRole('link', { name: /repo\.git main/ }).click();
    await seen(page, 'Your token may read');
    expect(await page.getByRole('toolbar').count()).toBe(0);
  });

  test('needs no token where there is no access file, and gives no orders there', async () => {
    const open = await pageFleet({ isOpen: true });
    const page = await newPage(open.url);
    await isLive(page);
    expect(await page.getByRole('button', { name: 'Log out' }).count()).toBe(0);
    await page.getByRole('link', { name: /repo\.git main/ }).click();
    await seen(page, 'Orders need a relay with an access file.');
  });

  test('says that it is not connected, and is live again when the relay is back', async () => {
    const { url, stop, startAgain, upstream } = await pageFleet({ isOpen: true });
    const page = await newPage(url);
    await isLive(page);
    await seen(page, 'The first commit');
    await stop();
    await seen(page, /^Not connected:/);
    await seen(page, 'What is shown below is what was known before.');
    await seen(page, 'The first commit');
    upstream.commit({ a: 'two' }, 'The second commit');
    await startAgain();
    await isLive(page);
    await seen(page, 'The second commit');
  });

  test('shows what instances and commits are called as text, whatever it is', async () => {
    const name = '<img src=x onerror=alert(1)><script>alert(2)</script>';
    const { url, upstream } = await pageFleet({ isOpen: true, name });
    const page = await newPage(url);
    upstream.commit({ a: 'two' }, '<b onclick="alert(3)">bold</b> {{7*7}} javascript:alert(4)');
    await seen(page, '<b onclick="alert(3)">bold</b> {{7*7}} javascript:alert(4)');
    await page.getByRole('link', { name: 'Instances', exact: true }).click();
    await seen(page, name);
    expect(await page.locator('main img, main script, main b').count()).toBe(0);
  });

  test.each(['light', 'dark'] as const)(
    'is fit for everybody (axe), on a wide screen and a phone, in %s colours',
    async (colorScheme) => {
      const { url, upstream, canary } = await pageFleet();
      const second = upstream.commit({ a: 'two' }, 'The second commit');
      await untilPublished(canary.link, second, canary.process);
      const page = await newPage(url, { colorScheme });
      const look = async (what: string): Promise<void> => {
        expect(await accessFaults(page), what).toEqual([]);
        await page.setViewportSize({ width: 360, height: 740 });
        expect(await fitsWidth(page), `${what} fits a phone`).toBe(true);
        expect(await accessFaults(page), `${what} on a phone`).toEqual([]);
        await page.setViewportSize({ width: 1280, height: 800 });
      };
      await page.getByLabel('Token').waitFor();
      await look('the login');
      await logIn(page, 'boss');
      await seen(page, 'soaking');
      await look('the overview');
      await openRollout(page);
      await look('a rollout');
      await page.getByRole('button', { name: 'Revert…' }).click();
      await page.getByRole('dialog').waitFor();
      await look('the question before an order');
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: 'Instances', exact: true }).click();
      await page.getByRole('row', { name: 'canary-1' }).waitFor();
      await look('the instances');
    },
  );
});

describe.skipIf(missing('chromium'))('the page with 10,000 instances', () => {
  test('draws the rows that are seen, finds any, and shows one that changes', async () => {
    const relay = await pageRelay(10_000);
    const page = await newPage(`${relay.url}/#/instances`);
    await seen(page, '10,000 instances');
    const rows = page.locator('tbody tr:not(.room)');
    expect(await rows.count()).toBeLessThan(60);
    await seen(page, 'pod-0');
    const box = page.getByRole('region', { name: 'Instances' });
    await box.focus();
    await page.keyboard.press('End');
    await seen(page, 'pod-9999');
    expect(await rows.count()).toBeLessThan(60);
    await page.getByLabel('Search').fill('pod-4321');
    await page.getByText('1 instance of 10,000').waitFor();
    await isLive(page);
    relay.report(4321, '2');
    await page.getByRole('row', { name: 'pod-4321' }).getByText('22222222').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Label').selectOption('zone=z1');
    await page.getByText('3,333 instances of 10,000').waitFor();
    expect(page.url()).toContain('label=zone%3Dz1');
    await page.reload();
    await page.getByText('3,333 instances of 10,000').waitFor();
  });

  test('asks for everything now and then where the stream is refused, says so, and is live when it is not', async () => {
    const relay = await pageRelay(3);
    relay.streams = false;
    const page = await newPage(relay.url);
    await seen(page, 'not live: asked now and then');
    relay.report(7, '1');
    await page.getByRole('link', { name: 'Instances', exact: true }).click();
    await seen(page, 'pod-7');
    relay.streams = true;
    await isLive(page);
  });
});
