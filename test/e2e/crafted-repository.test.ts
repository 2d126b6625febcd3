import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixture } from '../kit/setup.ts';
import { published, run } from '../kit/sidecar.ts';

describe('a repository that wants git to run something', () => {
  test('filters, hooks, aliases and settings in it are files like all others', async () => {
    const { dir, upstream, args, link } = fixture();
    const mark = join(dir, 'executed');
    const script = `#!/bin/sh\ntouch ${mark}\n`;
    const settings = `[core]\n\thooksPath = hooks\n\tfsmonitor = touch ${mark}\n[filter "x"]\n\tsmudge = touch ${mark}\n`;
    const oid = upstream.commit({
      '.gitattributes': '* filter=x diff=x merge=x\n',
      '.gitconfig': settings,
      config: settings,
      'hooks/post-checkout': script,
      'hooks/reference-transaction': script,
      '.githooks/post-checkout': script,
    });
    const { code, stderr } = await run([...args, '--one-time'], { HOME: upstream.bare });
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(oid);
    expect(readFileSync(join(link, 'hooks/post-checkout'), 'utf8')).toBe(script);
    expect(existsSync(mark)).toBe(false);
  });

  test.each([
    ['a command for an update', (mark: string) => `\tpath = lib\n\turl = ./lib.git\n\tupdate = !touch ${mark}\n`],
    ['a command for a URL', (mark: string) => `\tpath = lib\n\turl = ext::sh -c touch% ${mark}\n`],
    ['an option for a URL', (mark: string) => `\tpath = lib\n\turl = --upload-pack=touch ${mark}\n`],
    ['an option for a host', (mark: string) => `\tpath = lib\n\turl = ssh://-oProxyCommand=touch ${mark}/x\n`],
  ])('%s in .gitmodules runs nothing', async (_name, section) => {
    const { dir, upstream, args } = fixture();
    const mark = join(dir, 'executed');
    writeFileSync(join(upstream.work, '.gitmodules'), `[submodule "lib"]\n${section(mark)}`);
    upstream.git('add', '.gitmodules');
    upstream.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},lib`);
    upstream.git('commit', '--quiet', '-m', 'a submodule');
    upstream.git('push', '--quiet', 'origin', 'HEAD');
    const { code } = await run([...args, '--ref=HEAD', '--one-time']);
    expect(code).toBe(1);
    expect(existsSync(mark)).toBe(false);
  });
});
