import { comparedWith, type GitSyncBinary } from '../git-sync.ts';
import { size } from '../size.ts';
import { median, ms, table } from '../statistics.ts';
import { type Client, contenders, type Place, type Scene } from './scene.ts';

const ROUNDS = 2 * size('BENCH_ROUNDS', { full: 5, smoke: 1 });

/** The git commands of git-sync v4.7.1's first sync (compat.md 3), without the time its own process takes to start. */
function firstSync(root: string, url: string): readonly string[] {
  const script = [
    'set -e',
    `cd ${root}`,
    'git version',
    'git config --global gc.autoDetach false',
    'git config --global gc.pruneExpire now',
    'git config --global bench.helper cache',
    'git config --global core.askPass true',
    "git config --global safe.directory '*'",
    'git init -q -b git-sync',
    `git remote add origin ${url}`,
    `git fetch ${url} HEAD --verbose --no-progress --prune --no-auto-gc --depth 1`,
    'H=$(git rev-parse "FETCH_HEAD^{}")',
    'git reset -q --soft $H',
    'git worktree add -q --force --detach --no-checkout .worktrees/$H $H',
    'cd .worktrees/$H',
    'git reset -q --hard $H --',
    'git submodule -q update --init --recursive --depth 1',
    'git rev-parse HEAD',
    'git fsck --no-progress --connectivity-only',
    'cd ../..',
    'ln -s .worktrees/$H tmp-link',
    'mv -T tmp-link link',
  ];
  return ['/bin/sh', '-c', script.join('\n')];
}

/** Milliseconds from starting the process to the link being there. */
async function startToPublish(start: () => Client): Promise<number> {
  const before = performance.now();
  const client = start();
  try {
    await client.published();
    return performance.now() - before;
  } finally {
    await client.end();
  }
}

export async function startTimes(scene: Scene, place: Place, gitSync: GitSyncBinary | undefined): Promise<string> {
  const programs = contenders(gitSync);
  const starts: readonly (() => Client)[] = [
    ...programs.map((contender) => () => scene.follow(contender, place)),
    // Its commands write to the settings.
    () =>
      scene.start((root) => firstSync(root, place.url), {
        ...place.env,
        ...place.bareEnv,
        GIT_CONFIG_GLOBAL: scene.copyOfSettings(),
      }),
  ];
  const found = starts.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, start] of starts.entries()) found[at]?.push(await startToPublish(start));
  return [
    '## Start to first publish',
    `Milliseconds from process start until the link is there, median of ${ROUNDS}. ${comparedWith(gitSync)} The loop is the git commands of its first sync, run by a shell, without the start of a process of its own.`,
    table(
      ['remote', ...programs.map(({ name }) => name), 'the loop'],
      [[place.name, ...found.map((times) => ms(median(times)))]],
    ),
  ].join('\n\n');
}
