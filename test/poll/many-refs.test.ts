import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createGit } from '../../src/git/git.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { lsRemote } from '../../src/poll/ls-remote.ts';
import { Poller } from '../../src/poll/poller.ts';
import { allRefs } from '../../src/poll/read-refs.ts';
import { Mirror } from '../../src/relay/server/mirror/mirror.ts';
import { MOST_REFS, readLsRefs } from '../../src/remote/wire/ls-refs.ts';
import { dataPacket, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git as runGit, Upstream } from '../kit/upstream.ts';

const { signal } = new AbortController();
const LONG_NAME = 'x'.repeat(100);

/** A bare repository with so many tags, all of one commit. */
function repositoryWith(tags: number): { gitDir: string; git: ReturnType<typeof createGit> } {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const oid = upstream.commit({ a: 'one' });
  const gitDir = join(dir, 'repo.git');
  runGit(gitDir, 'pack-refs', '--all');
  const lines = Array.from({ length: tags }, (_each, index) => {
    return `${oid} refs/tags/${LONG_NAME}${String(index).padStart(7, '0')}\n`;
  });
  writeFileSync(
    join(gitDir, 'packed-refs'),
    `# pack-refs with: peeled fully-peeled sorted \n${oid} refs/heads/main\n${lines.join('')}`,
  );
  const runner = createProcessRunner();
  const git = createGit({ program: 'git', runner, log: silentLog, environment: () => GIT_ENV, cwd: dir });
  return { gitDir, git };
}

describe('a repository with very many refs', () => {
  test('git ls-remote and a mirror that is opened again give all of 80,000 refs, not those of the first 8 MiB', async () => {
    const { gitDir, git } = repositoryWith(80_000);
    // 80,000, HEAD and main.
    const listed = await lsRemote(git, gitDir, gitDir, ['HEAD', 'refs/*'], signal, allRefs);
    expect(listed).toHaveLength(80_002);
    const mirror = new Mirror({ git, root: dirname(gitDir), gitDir, clock: systemClock, log: silentLog });
    expect(await mirror.open(signal)).toBe(true);
    expect(mirror.refs.size).toBe(80_002);
  });

  test('are read once: the same answer gives the very same list', async () => {
    const { gitDir, git } = repositoryWith(5000);
    const remote = { transport: 'local', fetchUrl: gitDir, shownUrl: gitDir } as never;
    const poller = new Poller({ remote, git, log: silentLog, native: undefined });
    const first = await poller.list(['HEAD', 'refs/*'], [], signal);
    expect(first).toHaveLength(5002);
    expect(await poller.list(['HEAD', 'refs/*'], [], signal)).toBe(first);
    runGit(gitDir, 'update-ref', 'refs/heads/new', 'main');
    expect(await poller.list(['HEAD', 'refs/*'], [], signal)).toHaveLength(5003);
  });

  test('half a list is no list: more than is kept of git ls-remote is an error with a code', async () => {
    const { gitDir, git } = repositoryWith(240_000);
    await expect(lsRemote(git, gitDir, gitDir, ['HEAD', 'refs/*'], signal, allRefs)).rejects.toMatchObject({
      code: 'ERR_REMOTE_TOO_LARGE',
    });
  });

  test('a server that lists more refs than are taken is refused before they fill the memory', () => {
    const packet = dataPacket(`${'a'.repeat(40)} refs/heads/main`);
    const answer = Buffer.concat([...Array.from({ length: MOST_REFS }, () => packet), FLUSH_PACKET]);
    expect([...readLsRefs(answer)]).toHaveLength(MOST_REFS);
    expect(() => [...readLsRefs(Buffer.concat([packet, answer]))]).toThrowError(
      expect.objectContaining({ code: 'ERR_REMOTE_TOO_LARGE' }),
    );
  });
});
