import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { openPrivateMounts, type PrivateMounts } from '../kit/private-mounts.ts';
import { hostOf, startRelay } from '../kit/relay.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const execute = promisify(execFile);

/** Leaves not one byte free on the volume. */
function fill({ command }: PrivateMounts, file: string): void {
  command('sh', '-c', `dd if=/dev/zero of='${file}' bs=64k oflag=append conv=notrunc 2>/dev/null; true`);
  command('sh', '-c', `dd if=/dev/zero of='${file}' bs=1k oflag=append conv=notrunc 2>/dev/null; true`);
}

describe('a relay whose volume is full', () => {
  test('drops its answers first and mirrors on; with nothing left it is not ready, serves what it has, and recovers', async ({
    skip,
  }) => {
    const mounts = openPrivateMounts();
    if (!mounts) return skip();
    const dir = tempDir();
    const volume = join(dir, 'volume');
    mkdirSync(volume);
    mounts.tmpfs(volume, 64);
    const upstream = new Upstream(join(dir, 'srv'), 'app.git');
    const first = upstream.commit({ big: randomBytes(6 * 2 ** 20).toString('latin1') });
    const host = hostOf(await httpGit(join(dir, 'srv')));
    const args = [`--allow=http://${host}/*`, '--http-metrics'];
    const relay = await startRelay({ dir, root: join(volume, 'relay'), args, enter: mounts.enter });
    let clones = 0;
    const clone = async (...more: string[]): Promise<string> => {
      clones += 1;
      const url = `${relay.url}/git/${host}/app.git`;
      await execute('git', ['clone', '-q', ...more, url, `c${clones}`], { cwd: dir, env: GIT_ENV });
      return git(join(dir, `c${clones}`), 'rev-parse', 'HEAD');
    };
    const ready = async (): Promise<string> => await (await relay.get('/readyz')).text();
    const answers = (): string => mounts.command('ls', join(volume, 'relay/answers'));
    expect(await clone()).toBe(first);
    expect(await clone('--depth=1')).toBe(first);
    expect(answers()).not.toBe('');

    // What is left is for the mirror.
    fill(mounts, join(volume, 'filler'));
    await until('the answers are gone', () => answers() === '');
    const second = upstream.commit({ small: 'x' });
    await until('the news has come', async () => (await clone('--filter=blob:none', '--no-checkout')) === second);

    fill(mounts, join(volume, 'filler'));
    await until('it is not ready', async () => (await relay.get('/readyz')).status === 503);
    expect(await ready()).toMatch(/full|nothing can be written/);
    upstream.commit({ other: randomBytes(2 ** 20).toString('latin1') });
    // More than is kept in memory, and a question that was never asked.
    expect(await clone('--single-branch', '--no-tags', '--depth=7')).toBe(second);
    expect(answers()).toBe('');
    expect((await relay.get('/healthz')).status).toBe(200);
    expect(relay.process.stderr).not.toContain('is damaged');

    mounts.command('rm', join(volume, 'filler'));
    await until('it is ready again', async () => (await relay.get('/readyz')).status === 200, 30_000);
    await until('what was missed has come', async () => (await clone('--depth=1')) === upstream.head(), 60_000);
    expect(await clone('--depth=9')).toBe(upstream.head());
    expect(answers()).not.toBe('');
  }, 180_000);
});
