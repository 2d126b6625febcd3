import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

const BROWSER = { accept: 'text/html,*/*;q=0.8' };

async function page(port: number): Promise<{ readonly type: string; readonly text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: BROWSER });
  return { type: answer.headers.get('content-type') ?? '', text: await answer.text() };
}

test('a sync shows a browser what is published, and a probe what git-sync shows', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const port = await freePort();
  const words = [`--repo=file://${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'];
  const process = sidecar([...words, `--http-bind=127.0.0.1:${port}`]);
  await untilPublished(join(dir, 'root', 'link'), first, process);
  await until('the page shows it', async () => (await page(port)).text.includes(first));
  expect((await page(port)).type).toBe('text/html; charset=utf-8');
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).not.toContain('<');
});

test('a run shows what runs, and why the last revision does not', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
  const port = await freePort();
  const process = new Sidecar(
    [
      ...['run', `--repo=file://${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'],
      ...[`--state=${join(dir, 'state')}`, '--period=300ms', `--http-bind=127.0.0.1:${port}`, '--ready-for=500ms'],
      ...['--', '/bin/sh', 'app.sh'],
    ],
    {},
    { command: 'git-sidecar' },
  );
  await untilPublished(join(dir, 'root', 'link'), first, process);
  await until('it runs', async () =>
    (await page(port)).text.includes(`<dt>running</dt><dd><dl><dt>oid</dt><dd>${first}`),
  );
  const bad = upstream.commit({ 'app.sh': 'exit 3\n' });
  await until('the failure is there', async () => {
    const { text } = await page(port);
    return text.includes(bad) && text.includes('<dt>outcome</dt><dd>failed</dd>');
  });
  const { text } = await page(port);
  expect(text).toContain(first);
  process.kill();
  await process.exited;
});
