import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Publisher } from '../kit/publisher.ts';
import { run } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { notTried } from '../peers/not-tried.ts';
import { until } from '../peers/wait.ts';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);

describe('install', () => {
  test('a root that holds nothing but a static busybox runs it: a revision becomes a process, and a bad one does not', async ({
    skip,
  }) => {
    if (BUSYBOX === undefined || process.getuid?.() !== 0) {
      notTried('needs root and a static busybox');
      return skip();
    }
    const root = join(tempDir(), 'root');
    for (const directory of ['bin', 'tmp', 'proc', 'dev']) mkdirSync(join(root, directory), { recursive: true });
    // Every container runtime gives one.
    execFileSync('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    for (const name of ['sh', 'sleep', 'touch', 'cat']) symlinkSync('busybox', join(root, 'bin', name));
    const { code, stdout } = await run(['install', join(root, 'sidecar')], {}, 'git-sidecar');
    expect([code, stdout]).toEqual([0, `installed: ${join(root, 'sidecar')}/git-sidecar\n`]);
    expect(execFileSync('/usr/sbin/chroot', [root, '/sidecar/git-sidecar', 'version']).toString()).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    );

    const publisher = new Publisher(join(root, 'git'));
    const good = publisher.publish({ 'app.sh': 'touch /tmp/good; exec sleep 100' });
    const child = spawn(
      '/usr/sbin/chroot',
      [
        root,
        '/sidecar/git-sidecar',
        'run',
        '--link=/git/current',
        '--state=/tmp/state',
        '--ready-delay=100ms',
        '--',
        'sh',
        'app.sh',
      ],
      { env: { PATH: '/bin' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    onTestFinished(() => void child.kill('SIGTERM'));
    await until(
      () => `it runs\n${stderr}`,
      () => existsSync(join(root, 'tmp/good')) && stderr.includes(`"${good}","outcome":"deployed"`),
    );
    const bad = publisher.publish({ 'app.sh': 'exit 1' });
    await until(
      () => `it is refused\n${stderr}`,
      () => stderr.includes(`"${bad}","outcome":"failed"`),
    );
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
  });

  test('on Debian it needs no Node, also from a copy that was installed from a copy', async () => {
    const dir = tempDir();
    await run(['install', join(dir, 'one')], {}, 'git-sidecar');
    execFileSync(join(dir, 'one/git-sidecar'), ['install', join(dir, 'two')], { env: {} });
    const version = (path: string): string => execFileSync(join(dir, path), ['--version'], { env: {} }).toString();
    expect(version('two/git-sidecar')).toBe(version('one/git-sync'));
    symlinkSync(join(dir, 'one/git-sync'), join(dir, 'link'));
    expect(version('link')).toBe(version('one/git-sync'));
  });

  test('bad input is refused', async () => {
    expect((await run(['install'], {}, 'git-sidecar')).code).toBe(2);
    const { code, stderr } = await run(['install', '/dev/null/below-a-file'], {}, 'git-sidecar');
    expect(stderr).toContain('ERR_INSTALL');
    expect(code).toBe(1);
  });
});
