import { mkdirSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Published } from '../../src/run/follow-link.ts';
import { PublishedBoot } from '../../src/run/published-boot.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { notTried } from '../peers/not-tried.ts';

/** A worktree as sync publishes it, whose repository has this state. */
function worktree(state: string | undefined, gitFile = 'gitdir: ../../.git/worktrees/id\n'): Published {
  const root = tempDir();
  const path = join(root, '.worktrees', 'id', 'part');
  mkdirSync(path, { recursive: true });
  mkdirSync(join(root, '.git', 'git-sidecar'), { recursive: true });
  writeFileSync(join(root, '.worktrees', 'id', '.git'), gitFile);
  if (state !== undefined) writeFileSync(join(root, '.git', 'git-sidecar', 'state.json'), state);
  return { id: 'id', path, since: 0 };
}

function doubts(patienceMs?: number, boot = 'this') {
  const clock = new HandClock();
  return { clock, published: new PublishedBoot({ boot, patienceMs, clock, log: silentLog }) };
}

const isLocal = async (): Promise<boolean> =>
  [0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x794c7630].includes((await statfs(tempDir())).type);

describe('what is published is deployed', () => {
  test.each<[string, () => Published]>([
    ['sync has read it since the machine was started', () => worktree('{"boot":"this"}')],
    ['sync says nothing about boots', () => worktree('{}')],
    ['there is no sync of ours', () => worktree(undefined)],
    ['it belongs to another kind of repository', () => worktree('{"boot":"other"}', 'something else')],
  ])('at once where %s', async (_when, make) => {
    expect(await doubts().published.isInDoubt(make())).toBe(false);
  });

  test('at once where the machine does not tell its boots apart', async () => {
    expect(await doubts(undefined, '').published.isInDoubt(worktree('{"boot":"other"}'))).toBe(false);
  });

  test.each<[string, () => Published]>([
    ['sync knew it to be whole in another boot only', () => worktree('{"boot":"other"}')],
    ['a power cut has torn the state of the repository', () => worktree('')],
    ['a power cut has torn the file that leads to the repository', () => worktree('{"boot":"this"}', '')],
  ])('later where %s', async (_when, make) => {
    if (!(await isLocal())) {
      notTried('the temporary directory is not on a disk of this machine');
      return;
    }
    expect(await doubts().published.isInDoubt(make())).toBe(true);
  });

  test('after a minute as it is, where no sync comes to read it', async () => {
    if (!(await isLocal())) {
      notTried('the temporary directory is not on a disk of this machine');
      return;
    }
    const { clock, published } = doubts(60_000);
    const shown = worktree('{"boot":"other"}');
    expect(await published.isInDoubt(shown)).toBe(true);
    await clock.advance(59_000);
    expect(await published.isInDoubt(shown)).toBe(true);
    await clock.advance(1_000);
    expect(await published.isInDoubt(shown)).toBe(false);
  });
});
