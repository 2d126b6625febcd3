import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

describe('compat 13: numbers', () => {
  test('a hook and whoever waits for the touch file read the new numbers; a first loop on an up-to-date root is a success', async () => {
    const { dir, upstream, link, first, args } = fixture();
    const port = await freePort();
    const seen = join(dir, 'seen');
    const hook = script(
      join(dir, 'hook'),
      `curl -s http://127.0.0.1:${port}/metrics > '${seen}.part'`,
      `mv '${seen}.part' '${seen}'`,
    );
    const more = [
      ...args,
      '--period=10s',
      `--http-bind=127.0.0.1:${port}`,
      '--http-metrics',
      `--exechook-command=${hook}`,
    ];
    const count = async (): Promise<string> => {
      const text = await until('the hook has run', () => read(seen));
      return /^git_sync_count_total\{status="success"\} (\d+)$/m.exec(text)?.[1] ?? text;
    };
    const process = sidecar(more);
    await untilPublished(link, first, process);
    expect(await count()).toBe('1');
    await process.stop();
    rmSync(seen);
    const again = sidecar(more);
    expect(await count()).toBe('1');
    expect(again.count('published')).toBe(0);
    expect(upstream.head()).toBe(first);
  });

  test('in v3.1 every sync that does not fail is a success, in v3 one that changes nothing is a noop', async () => {
    const { upstream, root, first } = fixture();
    for (const [mode, word] of [
      ['v3.1', 'success'],
      ['v3', 'noop'],
    ] as const) {
      const port = await freePort();
      const process = sidecar([], {
        GIT_SYNC_REPO: upstream.bare,
        GIT_SYNC_BRANCH: 'main',
        GIT_SYNC_ROOT: `${root}-${mode}`,
        GIT_SYNC_DEST: 'link',
        GIT_SYNC_WAIT: '0.05',
        GIT_SYNC_HTTP_BIND: `127.0.0.1:${port}`,
        GITSYNC_COMPAT: mode,
      });
      await untilPublished(join(`${root}-${mode}`, 'link'), first, process);
      const text = await until('two polls are counted', async () => {
        const body = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        return new RegExp(`git_sync_count_total\\{status="${word}"\\} [2-9]`).test(body) ? body : undefined;
      });
      expect(text.includes('status="noop"')).toBe(mode === 'v3');
      await process.stop();
    }
  });
});

describe('compat 13: what is said', () => {
  test('v3’s error file carries git’s own words for a branch that is not there, also when it has given up', async () => {
    const { dir, upstream, root } = fixture();
    const file = join(dir, 'error.json');
    const { code } = await run([], {
      GIT_SYNC_REPO: upstream.bare,
      GIT_SYNC_BRANCH: 'nosuch',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_ERROR_FILE: file,
    });
    expect(code).toBe(1);
    const { Err } = JSON.parse(readFileSync(file, 'utf8')) as { Err: string };
    expect(Err).toContain('Remote branch nosuch not found in upstream origin');
  });

  test('the error file of a process that has given up names the cause', async () => {
    const { dir, args } = fixture();
    const file = join(dir, 'error.json');
    await run([...args, '--ref=nosuch', `--error-file=${file}`]);
    expect(readFileSync(file, 'utf8')).toContain('find remote ref nosuch');
  });

  test('the image’s own GITSYNC_ROOT causes no warning, whatever names the root; the start says what is published', async () => {
    const { upstream, root, first } = fixture();
    const image = { GITSYNC_ROOT: '/git' };
    const v3 = { GIT_SYNC_REPO: upstream.bare, GIT_SYNC_BRANCH: 'main', GIT_SYNC_ONE_TIME: 'true' };
    const v4 = [`--repo=${upstream.bare}`, '--link=link', '--one-time'];
    for (const [argv, env] of [
      [[], { ...v3, GIT_SYNC_ROOT: `${root}-3`, GIT_SYNC_DEST: 'link' }],
      [[...v4, `--root=${root}-4`], {}],
      [v4, { GIT_SYNC_ROOT: `${root}-5` }],
    ] as const) {
      for (const published of ['nothing', first]) {
        const { code, stderr } = await run(argv, { ...image, ...env });
        expect(code, stderr).toBe(0);
        expect(stderr).not.toMatch(/GITSYNC_ROOT (?:is|has)/);
        expect(stderr).toContain(`"published":"${published}"`);
      }
    }
  });
});
