import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { BASE, Container, IMAGE, volume } from '../kit/podman.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

describe('--into, with two containers', () => {
  test.each([
    ['the image’s user', []],
    ['an arbitrary user', ['--user=1234567:0']],
  ])('a consumer that mounts a part of the volume, as a subPath does, sees each update (%s)', async (_who, user) => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    upstream.commit({ 'conf/a': 'one', 'conf/gone': 'x', other: 'o' });
    const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv') });
    const git = volume();
    // As an emptyDir: any user may write. The kubelet makes the directory of a subPath.
    const site = join(dir, 'site');
    for (const path of [site, join(site, 'conf')]) {
      mkdirSync(path);
      chmodSync(path, 0o777);
    }
    const sync = new Container(
      [...user, '--read-only', '--tmpfs=/tmp:mode=1777', '-v', `${git}:/git`, '-v', `${site}:/site`],
      IMAGE,
      ...[`--repo=${server.url}/repo.git`, '--link=link', '--into=/site', '--revision-file=.revision'],
      ...['--period=100ms', '--max-failures=-1'],
    );
    // A bind mount of the sub-directory alone: what `subPath` is to a container.
    const consumer = new Container(
      ['--user=0', '-v', `${join(site, 'conf')}:/conf`, '--entrypoint=/bin/sleep'],
      BASE,
      '600',
    );
    const shows = async (text: string): Promise<void> => {
      await until(
        () => `the consumer sees ${text}\n${sync.logs().slice(-2000)}`,
        () => consumer.ask('cat', '/conf/a') === text,
      );
    };
    await shows('one');
    upstream.commit({ 'conf/a': 'two', 'conf/gone': null, 'conf/new/deep': 'n' });
    await shows('two');
    await until('all of it', () => consumer.ask('ls', '/conf') === 'a\nnew\n');
    expect(consumer.ask('cat', '/conf/new/deep')).toBe('n');
    // The consumer edits a file: it is ours, so the next update repairs it.
    consumer.exec('sh', '-c', 'echo edited > /conf/a');
    upstream.commit({ other: 'p' });
    await shows('two');
    expect(sync.stop()).toBe(143);
  });
});
