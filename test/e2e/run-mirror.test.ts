import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStub } from '../kit/http-stub.ts';
import { deployed, runFixture } from '../kit/runner.ts';
import { read, run, Sidecar } from '../kit/sidecar.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

async function setUp() {
  const it = await runFixture();
  const into = join(it.dir, 'into');
  mkdirSync(into);
  writeFileSync(join(into, 'theirs'), 'theirs');
  return { ...it, into, start: (...options: readonly string[]) => it.start([`--into=${into}`, ...options], []) };
}

describe('run without a command', () => {
  test('is a mirror, and says so; it runs nothing, and is ready when the directory is', async () => {
    const it = await setUp();
    const process = it.start();
    await deployed(process, it.publisher.publish({ a: 'one', 'd/b': 'one' }));
    expect(readdirSync(it.into).sort()).toEqual(['a', 'd', 'theirs']);
    await deployed(process, it.publisher.publish({ a: 'two' }));
    expect([read(join(it.into, 'a')), readdirSync(it.into).sort()]).toEqual(['two', ['a', 'theirs']]);
    const started = process.logs.find(({ msg }) => msg === 'starting up');
    expect(started?.command).toBe('none, a mirror');
    const { running } = await it.status();
    expect([running?.oid.length, running?.pid]).toEqual([40, undefined]);
    expect(process.logs.filter(({ msg }) => msg === 'the process ended')).toEqual([]);
    expect((await process.stop('SIGTERM')).code).toBe(0);
  });

  test('a revision whose build fails, or that its reader refuses, is taken back', async () => {
    const it = await setUp();
    const check = '! grep -q refused a';
    const process = it.start('--build=! grep -q broken a', `--reload-exec=${check}`);
    const good = it.publisher.publish({ a: 'good' });
    await deployed(process, good);
    expect((await deployed(process, it.publisher.publish({ a: 'broken' }))).outcome).toBe('build-failed');
    expect((await deployed(process, it.publisher.publish({ a: 'refused' }))).outcome).toBe('failed');
    expect(read(join(it.into, 'a'))).toBe('good');
    await deployed(process, it.publisher.publish({ a: 'better' }));
    expect(read(join(it.into, 'a'))).toBe('better');
  });

  test('asks the program that reads the directory to reload', async () => {
    const it = await setUp();
    const asked: string[] = [];
    const { url } = await httpStub(({ method, path }, response) => {
      asked.push(`${method} ${path} ${read(join(it.into, 'a'))}`);
      response.end();
    });
    const process = it.start(`--reload-http=${url}/reload`);
    await deployed(process, it.publisher.publish({ a: 'one' }));
    await deployed(process, it.publisher.publish({ a: 'two' }));
    expect(asked).toEqual(['POST /reload two']);
  });

  test('with --repo, the sync inside publishes for it', async () => {
    const it = await setUp();
    const upstream = new Upstream(it.dir);
    upstream.commit({ a: 'one' });
    const args = [`--repo=file://${upstream.bare}`, `--root=${join(it.dir, 'root')}`, '--ref=main', '--period=100ms'];
    const run = ['run', ...args, `--into=${it.into}`, `--state=${it.stateDir}`];
    const process = new Sidecar(run, {}, { command: 'git-sidecar' });
    await until(
      () => `the first\n${process.stderr}`,
      () => read(join(it.into, 'a')) === 'one',
    );
    upstream.commit({ a: 'two' });
    await until('the second', () => read(join(it.into, 'a')) === 'two');
  });

  test.each([
    [['--listen=:80'], '--listen is about the process of a command'],
    [['--restart=never'], '--restart is about the process of a command'],
    [['--reload-signal=HUP'], '--reload-signal is about the process of a command'],
  ])('%j is refused', async (options, reason) => {
    const it = await setUp();
    const args = ['run', `--link=${it.publisher.link}`, `--into=${it.into}`, ...options];
    const { code, stderr } = await run(args, {}, 'git-sidecar');
    expect([code, stderr]).toEqual([1, expect.stringContaining(reason)]);
  });

  test('without a directory there is nothing to mirror into, and the hint says how', async () => {
    const it = await setUp();
    const { code, stderr } = await run(['run', `--link=${it.publisher.link}`], {}, 'git-sidecar');
    expect(code).not.toBe(0);
    expect(stderr).toContain('--into=DIR');
  });
});
