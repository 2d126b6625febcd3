import { execFileSync } from 'node:child_process';
import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { differences, exactTree } from '../exact-tree.ts';
import { GIT_ENV } from '../upstream.ts';
import type { Place } from './place.ts';

type Tree = ReadonlyMap<string, string>;

/**
 * What is wrong with what consumers see, at any moment.
 * @param isFirst nothing was published before
 * @param accepted what was published was damaged by somebody else before
 */
export function faultsOfPublished(place: Place, isFirst: boolean, accepted: readonly Tree[] = []): string[] {
  const { link, newest, before, foreignFaults } = place;
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined)
    return isFirst ? foreignFaults : ['there is no link', ...foreignFaults];
  let target: string;
  try {
    target = realpathSync(link);
  } catch (error) {
    return [`the link leads nowhere: ${String(error)}`];
  }
  const oid = basename(target).replace(/^rev-/, '');
  const wanted = oid === newest || (oid === before && !isFirst) ? place.treeOf(oid) : undefined;
  if (!wanted) return [`the link shows ${target}`];
  const found = exactTree(target);
  const faults = differences(found, wanted);
  const isAccepted = accepted.some((tree) => differences(found, tree).length === 0);
  return [...(isAccepted ? [] : faults.map((text) => `the published ${text}`)), ...foreignFaults];
}

const TREE = /^(?:\.worktrees\/(?:rebuilt\/)?)?(?:rev-)?[0-9a-f]{40}$/;

/**
 * Names that may be below the root when nothing is left to do. NEW is the published commit; what is in its tree, in the
 * spare and in the store of objects is looked at elsewhere.
 */
const AT_REST: readonly RegExp[] = [
  /^(?:notes|foreign\b.*|link)$/,
  /^(?:\.worktrees|\.worktrees\/NEW|\.worktrees\/rebuilt|\.worktrees\/rebuilt\/NEW|NEW|rev-NEW)$/,
  /^\.git(?:\/(?:HEAD|config|shallow|packed-refs|objects|info|info\/refs|refs|refs\/heads|refs\/tags|refs\/heads\/(?:git-sync|main)))?$/,
  /^\.git\/git-sidecar(?:\/(?:state\.json|spare))?$/,
  /^\.git\/worktrees$/,
  /^\.git\/worktrees\/(?:(?:rev-)?NEW(?:\.rebuilt)?|git-sidecar-spare)(?:\/(?:HEAD|ORIG_HEAD|commondir|gitdir|index|git-sidecar\.(?:index|json)))?$/,
];

/** A sync may be at work: what is gone meanwhile has no entries. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Names below the root that should not be there, without what differs from run to run. */
export function leftovers(place: Place, alsoAllowed: readonly string[] = []): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of entriesOf(join(place.root, path))) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      found.push(name.replaceAll(place.newest, 'NEW').replace(/[0-9a-f]{40}/g, 'OLD'));
      const isOpaque = TREE.test(name) || name === '.git/objects' || name === '.git/git-sidecar/spare';
      if (entry.isDirectory() && !isOpaque) walk(name);
    }
  };
  walk('');
  return found.filter((name) => !alsoAllowed.includes(name) && !AT_REST.some((pattern) => pattern.test(name)));
}

/** What a command says, also when it fails. */
function output(...args: string[]): string {
  const safe = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' };
  try {
    return execFileSync('git', args, { env: { ...GIT_ENV, ...safe }, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    return `${String(error)} ${stdout} ${stderr}`;
  }
}

/** What is wrong when nothing is left to do and the process has ended. */
export function faultsAtRest(place: Place): string[] {
  const gitDir = join(place.root, '.git');
  const fsck = output('--git-dir', gitDir, 'fsck', '--full', '--strict', '--no-dangling', '--no-progress');
  const status = output('-C', place.link, 'status', '--porcelain');
  const objects = readdirSync(join(gitDir, 'objects'), { recursive: true, encoding: 'utf8' });
  const temporary = objects.filter((name) => /(?:^|\/)(?:\.?tmp|incoming)/.test(name) || name.endsWith('.lock'));
  return [
    ...(basename(realpathSync(place.link)).endsWith(place.newest) ? [] : ['the newest commit is not published']),
    ...faultsOfPublished(place, false),
    ...(fsck === '' ? [] : [`git fsck: ${fsck}`]),
    ...(status === '' ? [] : [`git status: ${status}`]),
    ...[...leftovers(place), ...temporary].map((name) => `${name} was left`),
    ...readdirSync(place.tmp).map((name) => `${name} was left in the temporary directory`),
  ];
}
