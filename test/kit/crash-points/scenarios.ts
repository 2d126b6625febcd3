import { appendFileSync, chmodSync, lstatSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exactTree } from '../exact-tree.ts';
import { published } from '../sidecar.ts';
import { faultsOfPublished, leftovers } from './checks.ts';
import { recover, runOneCycle } from './crashing-run.ts';
import type { Place } from './place.ts';

/** One kind of update, and what has to be there before it. */
export interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  /** The repository is behind a smart HTTP server, so that its objects come without git. */
  readonly overHttp?: true;
  /** Nothing was published before. */
  readonly isFirst?: true;
  /** A point that has to be among its points: else it is not the kind of update that its name says. */
  readonly shows: RegExp;
  /** Brings the place to the moment before. It is what {@link settle} left. @returns damaged trees that may be seen */
  readonly prepare: (place: Place) => Promise<readonly ReadonlyMap<string, string>[]>;
}

/** These trees are so small that none would be kept. */
const SPARE = '--spare=always';
const V4 = ['--link=link', SPARE];
const V3 = ['--compat=v3', '--branch=main', '--dest=link', SPARE];

function whatIsLeft(place: Place): string[] {
  if (published(place.link) !== place.newest) return ['an old commit'];
  try {
    return [...faultsOfPublished(place, false), ...leftovers(place, ['.git/git-sidecar/running'])];
  } catch {
    return ['a tree that goes while it is read'];
  }
}

/** Lets a sync publish what is newest and do all that is left to do. */
export async function settle(place: Place, args: readonly string[]): Promise<void> {
  await recover(place, args, () => whatIsLeft(place));
}

function hasSpare(place: Place): boolean {
  const record = join(place.root, '.git/worktrees/git-sidecar-spare/git-sidecar.json');
  return lstatSync(record, { throwIfNoEntry: false }) !== undefined;
}

async function makeSpare(place: Place, args: readonly string[]): Promise<void> {
  for (let times = 0; !hasSpare(place); times += 1) {
    if (times === 3) throw new Error('no spare is made');
    place.push();
    await settle(place, args);
  }
}

const update =
  (args: readonly string[], spare: 'with spare' | 'without spare') =>
  async (place: Place): Promise<readonly []> => {
    if (published(place.link) === undefined) await settle(place, args);
    if (spare === 'with spare') await makeSpare(place, args);
    place.push();
    return [];
  };

/** Somebody edits, removes and adds files of what is published. */
function damage(place: Place): readonly ReadonlyMap<string, string>[] {
  appendFileSync(join(place.link, 'text'), 'edited');
  rmSync(join(place.link, 'same/a'));
  chmodSync(join(place.link, 'same/b'), 0o600);
  return [exactTree(`${place.link}/.`)];
}

const WITHOUT_SPARE = ['--link=link', '--no-spare'];
const LATE = '--stale-worktree-timeout=1h';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'first sync',
    args: V4,
    isFirst: true,
    shows: /^mkdir root\/\.git\/worktrees\/NEW/,
    prepare: async (place) => {
      place.empty();
      return [];
    },
  },
  {
    name: 'update from the spare',
    args: V4,
    shows: /^rename root\/\.git\/git-sidecar\/spare -> root\/\.worktrees\/NEW/,
    prepare: update(V4, 'with spare'),
  },
  {
    name: 'update over HTTP',
    args: V4,
    overHttp: true,
    shows: /^rename root\/\.git\/\.tmp-git-sidecar\.\* -> root\/\.git\/shallow/,
    prepare: update(V4, 'with spare'),
  },
  {
    name: 'update without a spare',
    args: WITHOUT_SPARE,
    shows: /^unlink root\/\.worktrees\/OLD\/text/,
    prepare: update(WITHOUT_SPARE, 'without spare'),
  },
  {
    name: 'repair of a damaged tree',
    args: V4,
    shows: /root\/\.worktrees\/(?:rebuilt\/)?NEW\/\.git/,
    prepare: async (place) => {
      if (published(place.link) === undefined) await settle(place, V4);
      // A repair of what is in the second place goes to the first one: that would be another update.
      if (realpathSync(place.link).includes('/rebuilt/')) {
        place.push();
        await settle(place, V4);
      }
      return damage(place);
    },
  },
  {
    name: 'retirement of a stale tree, of which the spare is made',
    args: V4,
    shows: /^rename root\/\.worktrees\/OLD\/same\/a -> root\/\.git\/git-sidecar\/spare\/same\/a/,
    prepare: async (place) => {
      if (published(place.link) === undefined) await settle(place, V4);
      rmSync(join(place.root, '.git/worktrees/git-sidecar-spare'), { recursive: true, force: true });
      place.push();
      await runOneCycle(place, [...V4, LATE], undefined);
      return [];
    },
  },
  {
    name: 'update in the layout of v3',
    args: V3,
    shows: /^rename root\/\.git\/git-sidecar\/spare -> root\/(?:rev-)?NEW/,
    prepare: update(V3, 'with spare'),
  },
  {
    name: 'start over a process that was killed in an update',
    args: V4,
    shows: /^rename root\/tmp-link/,
    prepare: async (place) => {
      await update(V4, 'with spare')(place);
      await runOneCycle(place, V4, 'start of git reset #1');
      return [];
    },
  },
  {
    name: 'start over a process that was killed in its first sync',
    args: V4,
    isFirst: true,
    shows: /^rename root\/tmp-link/,
    prepare: async (place) => {
      place.empty();
      await runOneCycle(place, V4, 'start of git fetch #1');
      return [];
    },
  },
];
