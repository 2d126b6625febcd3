import { lstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { SidecarError } from '../model/error.ts';
import { type BytePath, joinPath, pathOfText, splitPaths, systemPath } from '../platform/byte-path.ts';
import { listDirectory } from '../platform/list-directory.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';

/** Entries that are looked at before giving way to other work. */
const BATCH = 500;

/** Trees with more entries are left to find(1), which needs half the time and keeps this process free for the fetch. */
const LARGE = 3000;

/** More changed files than this are not worth going into. */
const MOST_OUTPUT_BYTES = 1024 * 1024;

export interface ChangeQuestion {
  readonly path: string;
  /** The moment in question, by the clock of the tree's file system, in nanoseconds since the epoch. */
  readonly sinceNs: bigint;
  /** About how many files there are. */
  readonly entries: number;
  readonly runner: ProcessRunner;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/**
 * Whether anything in a tree was changed after a moment. The change time shows it, because no program can set it.
 * Looking at every file of a large tree takes longer than bringing it to another commit, so it comes in two parts.
 */
export interface ChangesSince {
  /**
   * Resolves with true when a directory was changed: its permissions, or which names are in it. From then on the tree
   * may be worked on.
   */
  readonly directories: Promise<boolean>;
  /**
   * Resolves with the paths of all files and links that were changed, those by the work of the meantime included.
   * @throws SidecarError ERR_CHECKOUT_FAILED when that cannot be known
   */
  readonly files: Promise<readonly BytePath[]>;
}

/** The paths that find(1) gives; undefined when there is no find, or one that does not understand us (busybox). */
async function askFind(
  { path, sinceNs, runner, env, signal }: ChangeQuestion,
  kind: readonly string[],
  action: readonly string[],
): Promise<readonly BytePath[] | undefined> {
  const since = `@${sinceNs / 1_000_000_000n}.${String(sinceNs % 1_000_000_000n).padStart(9, '0')}`;
  // An entry that vanishes while it looks is no error: we may be at work already.
  const args = ['.', '-ignore_readdir_race', ...kind, '-newerct', since, '-printf', '%P\\0', ...action];
  const limits = { maxOutputBytes: MOST_OUTPUT_BYTES, signal };
  const result = await runner.run({ file: 'find', args, env, cwd: path, ...limits }).catch(() => undefined);
  if (result?.code !== 0 || result.stderr !== '' || result.truncated) return undefined;
  return splitPaths(result.stdout);
}

/** Looks at everything, directories and files alike. */
async function look({ path, sinceNs, signal }: ChangeQuestion): Promise<boolean> {
  const isChanged = (at: BytePath): boolean => lstatSync(systemPath(at), { bigint: true }).ctimeNs > sinceNs;
  const root = pathOfText(path);
  const directories = [root];
  let seen = 0;
  if (isChanged(root)) return true;
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const { name, kind } of listDirectory(directory)) {
      const child = joinPath(directory, name);
      if (isChanged(child)) return true;
      if (kind === 'directory') directories.push(child);
      seen += 1;
      if (seen % BATCH !== 0) continue;
      await setImmediate();
      signal.throwIfAborted();
    }
  }
  return false;
}

function lookWithFind(question: ChangeQuestion): ChangesSince {
  const found = {
    directories: askFind(question, ['-type', 'd'], ['-quit']),
    files: askFind(question, ['!', '-type', 'd'], []),
  };
  const directories = async (): Promise<boolean> => {
    const paths = await found.directories;
    question.signal.throwIfAborted();
    return paths === undefined ? await look(question) : paths.length > 0;
  };
  const files = async (): Promise<readonly BytePath[]> => {
    const [paths, changed] = [await found.directories, await found.files];
    // Then the other part has looked at the files as well.
    if (paths === undefined) return [];
    if (changed) return changed;
    const detail = 'it cannot be known what was changed in it';
    throw new SidecarError('ERR_CHECKOUT_FAILED', { op: 'recycle a worktree', target: question.path, detail });
  };
  return { directories: directories(), files: files() };
}

/** Starts to look for what was changed in a tree since a moment. Whoever knows enough need not wait for the rest. */
export function changesSince(question: ChangeQuestion): ChangesSince {
  const { directories, files } =
    question.entries > LARGE ? lookWithFind(question) : { directories: look(question), files: Promise.resolve([]) };
  for (const each of [directories, files]) each.catch(() => undefined);
  return { directories, files };
}
