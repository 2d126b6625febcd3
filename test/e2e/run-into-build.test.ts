import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deployed, runFixture } from '../kit/runner.ts';
import { read, run } from '../kit/sidecar.ts';
import { until } from '../peers/wait.ts';

/** Notes which revision and which build it finds, the one a while after the other, when it starts and at SIGHUP. */
const SLOW_READER = `load() { v=$(cat version); sleep 1; echo "$v/$(cat built)" >> "$OUT"; : > "$READY.$$"; }
[ "$(cat version)" = bad ] && exit 3
trap load HUP; load; while :; do sleep 0.1; done`;

async function setUp(options: readonly string[] = []) {
  const it = await runFixture();
  const [into, out, ready] = ['into', 'out', 'ready'].map((name) => join(it.dir, name));
  if (!into || !out || !ready) throw new Error('unreachable');
  mkdirSync(into);
  const start = (build = 'cp version built') =>
    it.start(
      [`--into=${into}`, `--build=${build}`, `--ready-exec=test -e ${ready}.$GIT_SIDECAR_PID`, ...options],
      ['sh', '-c', SLOW_READER],
      { OUT: out, READY: ready },
    );
  const readings = (): string[] => (read(out) ?? '').split('\n').filter(Boolean);
  return { ...it, into, start, readings };
}

describe('run --into with --build', () => {
  test('a rollback brings back what was built of the files, and takes away what the bad build added', async () => {
    const it = await setUp();
    const build = 'cp version built; mkdir -p made; cp version "made/of-$(cat version)"; ln -s /etc/hostname made/link';
    const process = it.start(build);
    const good = it.publisher.publish({ version: 'good' });
    await deployed(process, good);
    const bad = it.publisher.publish({ version: 'bad' });
    expect((await deployed(process, bad)).outcome).toBe('failed');
    await until('the good one runs again', () => it.readings().length === 2);
    expect(it.readings()).toEqual(['good/good', 'good/good']);
    expect(readdirSync(join(it.into, 'made')).sort()).toEqual(['link', 'of-good']);
    // By hand as well.
    const next = it.publisher.publish({ version: 'next' });
    await deployed(process, next);
    expect((await run(['rollback', `--state=${it.stateDir}`], {}, 'git-sidecar')).code).toBe(0);
    await until('the good one runs once more', () => it.readings().length === 4);
    expect(it.readings().slice(2)).toEqual(['next/next', 'good/good']);
  });

  test('a build neither changes what the running process reads nor what is not ours', async () => {
    const it = await setUp();
    writeFileSync(join(it.into, 'theirs'), 'theirs');
    const build =
      'test "$(cat "$GIT_SIDECAR_INTO/theirs")" = theirs && cp version built && [ "$(cat version)" != broken ]';
    const process = it.start(build);
    await deployed(process, it.publisher.publish({ version: 'one' }));
    const broken = it.publisher.publish({ version: 'broken' });
    expect((await deployed(process, broken)).outcome).toBe('build-failed');
    expect(readFileSync(join(it.into, 'built'), 'utf8')).toBe('one');
    expect(readdirSync(it.into).sort()).toEqual(['built', 'theirs', 'version']);
    expect(it.readings()).toEqual(['one/one']);
  });

  test.each([
    ['restarted', []],
    ['reloaded', ['--reload-signal=HUP']],
    ['started beside the old one', ['--listen=127.0.0.1:0']],
  ])(
    'a process that is still loading after a kill never sees files of the next revision (%s)',
    async (_how, options) => {
      const it = await setUp(options);
      let process = it.start();
      await deployed(process, it.publisher.publish({ version: '1' }));
      for (const version of ['2', '3']) {
        // Its process lives on for now, and keeps the pipes open.
        process.kill('SIGKILL');
        const published = it.publisher.publish({ version });
        process = it.start();
        await deployed(process, published);
        await until(
          () => `${version} was read:\n${it.readings().join('\n')}`,
          () => it.readings().at(-1) === `${version}/${version}`,
        );
      }
      await process.stop();
      for (const reading of it.readings()) expect(reading).toMatch(/^(\d)\/\1$/);
      expect(existsSync(join(it.into, 'built'))).toBe(true);
    },
  );
});
