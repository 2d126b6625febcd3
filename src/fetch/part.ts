import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { splitPaths } from '../platform/byte-path.ts';
import { nameSome } from '../platform/owned-directory.ts';
import { showPath } from '../platform/show-path.ts';
import type { LookedInto } from './present-commits.ts';

/** What a commit has at a path. */
export type Part =
  /** `identity` changes whenever a checkout of the directory would look different. */
  | { readonly kind: 'directory'; readonly identity: string }
  /** `above` is the last directory on the way that is there; `` for the top. */
  | { readonly kind: 'missing'; readonly above: string }
  | { readonly kind: 'no directory'; readonly at: string; readonly what: string };

/** git reads paths as they are, without wildcards (git, "GIT_LITERAL_PATHSPECS"). */
const LITERAL = { GIT_LITERAL_PATHSPECS: '1' };

/** By the mode in a tree (git-fast-import, "filemodify"). */
const KINDS: Readonly<Record<string, string>> = { '120000': 'a symbolic link', '160000': 'a submodule' };
const DIRECTORY = '040000';

const ATTRIBUTES = '.gitattributes';
const MODULES = '.gitmodules';

/** `a`, `a/b`, `a/b/c` of `a/b/c`. */
function waysTo(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

/** What a checkout of the directory `path` looks like: itself, and files above it that say how its files are written. */
export function shapingPaths(path: string): string[] {
  const above = waysTo(path).slice(0, -1);
  return [ATTRIBUTES, ...above.map((directory) => `${directory}/${ATTRIBUTES}`), path];
}

/** All that a checkout of the directory `path` needs: with {@link shapingPaths}, where its submodules come from. */
export function pathsOfPart(path: string): string[] {
  return [MODULES, ...shapingPaths(path)];
}

interface TreeEntry {
  readonly mode: string;
  readonly oid: string;
}

/** Entries of a commit's trees (git-ls-tree, "OUTPUT FORMAT"); reads the trees on the way only. */
async function readEntries(
  { git, gitDir }: LookedInto,
  commit: Oid,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<(path: string) => TreeEntry | undefined> {
  const args = ['--git-dir', gitDir, 'ls-tree', '-z', '-t', '--full-tree', commit, '--', ...paths];
  const { bytes } = await git.run(args, { op: 'look at the paths of', target: commit, env: LITERAL, signal });
  // One byte in each character, as in a `BytePath`: the names are compared only.
  const lines = bytes.toString('latin1').split('\0');
  const found = lines.flatMap((line) => {
    const [, mode = '', oid = '', name] = /^(\d+) \w+ (\w+)\t(.*)$/s.exec(line) ?? [];
    return name === undefined ? [] : [[name, { mode, oid }] as const];
  });
  const entries = new Map(found);
  return (path) => entries.get(Buffer.from(path).toString('latin1'));
}

/** Whether a file of attributes is executable matters to nobody; a link in its place is not read. */
function shapeOf(entry: TreeEntry | undefined): string | null {
  return entry ? `${entry.mode.slice(0, 3)} ${entry.oid}` : null;
}

/**
 * What `commit` has at `path`. Nothing on the way is followed: a symbolic link or a submodule is no directory.
 * @throws SidecarError as git fails
 */
export async function readPart(place: LookedInto, commit: Oid, path: string, signal: AbortSignal): Promise<Part> {
  const ways = waysTo(path);
  const shaping = shapingPaths(path);
  const at = await readEntries(place, commit, [...new Set([...ways, ...shaping])], signal);
  for (const [index, way] of ways.entries()) {
    const entry = at(way);
    if (!entry) return { kind: 'missing', above: ways[index - 1] ?? '' };
    if (entry.mode !== DIRECTORY) return { kind: 'no directory', at: way, what: KINDS[entry.mode] ?? 'a file' };
  }
  return { kind: 'directory', identity: JSON.stringify(shaping.map((each) => shapeOf(at(each)))) };
}

/** More names are not worth reading: only a few are shown. */
const MOST_BYTES = 256 * 1024;

/** What a directory of a commit holds, in a few names. */
async function describeDirectory(
  { git, gitDir }: LookedInto,
  commit: Oid,
  directory: string,
  signal: AbortSignal,
): Promise<string> {
  const args = ['--git-dir', gitDir, 'ls-tree', '-z', '--name-only', `${commit}:${directory}`];
  const options = { op: 'look at the paths of', target: commit, maxOutputBytes: MOST_BYTES, signal };
  const { bytes } = await git.run(args, options);
  const names = splitPaths(bytes).map((name) => showPath(name));
  const where = directory === '' ? 'at its top' : `in ${directory}`;
  if (names.length === 0) return `${where} there is nothing`;
  return `${where} there ${names.length === 1 ? 'is' : 'are'} ${nameSome(names)}`;
}

/** Why `commit` cannot be published: it does not have `path` as a directory. */
export async function refusalOf(
  place: LookedInto,
  commit: Oid,
  path: string,
  part: Exclude<Part, { readonly kind: 'directory' }>,
  signal: AbortSignal,
): Promise<SidecarError> {
  const context = { op: `take ${path} of`, target: commit };
  if (part.kind === 'no directory')
    return new SidecarError('ERR_CHECKOUT_PATH_KIND', { ...context, detail: `${part.at} is ${part.what} there` });
  const detail = `it is not there; ${await describeDirectory(place, commit, part.above, signal)}`;
  return new SidecarError('ERR_CHECKOUT_PATH_MISSING', { ...context, detail });
}
