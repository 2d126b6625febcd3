import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, startRelay } from '../kit/relay.ts';
import { read, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const execute = promisify(execFile);

async function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one', 'd/b': 'two' });
  const git = await httpGit(dir);
  return { dir, upstream, first, git, repo: `${git}/repo.git`, name: `${hostOf(git)}/repo.git` };
}

describe('a sync behind a relay', () => {
  test('publishes what the relay tells, then each push at once, and needs no poll for it', async () => {
    const { dir, upstream, first, git, repo } = await setUp();
    const relay = await startRelay({ dir, args: [`--allow=${git}/*`] });
    const link = join(dir, 'root/link');
    const process = sidecar([
      `--repo=${repo}`,
      `--root=${join(dir, 'root')}`,
      '--link=link',
      `--relay=${relay.url}`,
      '--period=1h',
    ]);
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'three' });
    await untilPublished(link, second, process);
    expect(read(link, 'a')).toBe('three');
    await until('the fleet shows it', async () => {
      const fleet = (await (await relay.get('/fleet')).json()) as {
        repositories: { behind: number; rollouts: { oid: string; done: number }[] }[];
      };
      return fleet.repositories[0]?.rollouts[0]?.oid === second && fleet.repositories[0].rollouts[0].done === 1;
    });
  });

  test('plain git clones, fetches shallow and filtered, and old protocols work', async () => {
    const { dir, upstream, git, name } = await setUp();
    upstream.commit({ a: 'three' });
    const relay = await startRelay({ dir, args: [`--allow=${git}/*`] });
    const url = `${relay.url}/git/${name}`;
    const run = async (...args: string[]): Promise<string> =>
      (await execute('git', args, { cwd: dir, env: GIT_ENV })).stdout;
    await run('clone', '-q', url, 'full');
    expect((await run('-C', 'full', 'rev-list', '--count', 'HEAD')).trim()).toBe('2');
    await run('clone', '-q', '--depth=1', url, 'shallow');
    expect((await run('-C', 'shallow', 'rev-list', '--count', 'HEAD')).trim()).toBe('1');
    await run('clone', '-q', '--filter=blob:none', '--no-checkout', url, 'filtered');
    for (const version of [0, 1]) {
      await run('-c', `protocol.version=${version}`, 'clone', '-q', url, `v${version}`);
      expect(read(dir, `v${version}`, 'a')).toBe('three');
    }
    await run('-C', 'filtered', 'checkout', '-q', 'main');
    expect(read(dir, 'filtered', 'a')).toBe('three');
    expect(await run('ls-remote', '--symref', url)).toContain('ref: refs/heads/main\tHEAD');
  });
});
