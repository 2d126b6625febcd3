import { isUtf8 } from 'node:buffer';
import type { Git } from '../git/git.ts';
import type { Oid } from '../model/oid.ts';
import { type BytePath, bytesOfPath, HERE, splitPaths } from '../platform/byte-path.ts';
import type { Change, Changes } from './publish-details.ts';

/** Enough for a consumer that acts on paths; with many more it does better to look at everything. */
const MOST_CHANGES = 1000;
/** Of the list as JSON. The whole message stays below 64 KiB, which every carrier of CloudEvents has to take. */
const MOST_BYTES = 40 * 1024;
/** Of git's output: holds `MOST_CHANGES` of the longest paths that fit into `MOST_BYTES`. */
const MOST_OUTPUT_BYTES = 1024 * 1024;

export interface ChangedPathsQuestion {
  readonly git: Git;
  readonly gitDir: string;
  readonly from: Oid;
  readonly to: Oid;
  /** Only what is there or below; none: everything. */
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

function changeOf(status: string, path: BytePath): Change {
  const bytes = bytesOfPath(path);
  const change = status === 'A' ? 'added' : status === 'D' ? 'removed' : 'modified';
  return { path: bytes.toString(), ...(!isUtf8(bytes) && { pathBase64: bytes.toString('base64') }), change };
}

/**
 * @param output of `git diff-tree -z --name-status --no-renames`: a letter, NUL, a path, NUL, …
 * @param isCut its end is missing
 */
export function parseChanges(output: Buffer, isCut: boolean): Changes {
  const fields = splitPaths(output);
  const changes: Change[] = [];
  let room = MOST_BYTES;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [status = HERE, path = HERE] = [fields[index], fields[index + 1]];
    const change = changeOf(bytesOfPath(status).toString(), path);
    room -= Buffer.byteLength(JSON.stringify(change)) + 1;
    if (room < 0 || changes.length === MOST_CHANGES) return { changes, changesTruncated: true, changesUnknown: null };
    changes.push(change);
  }
  return { changes, changesTruncated: isCut, changesUnknown: null };
}

/**
 * What two commits differ in.
 * @throws SidecarError as git fails
 */
export async function readChangedPaths(question: ChangedPathsQuestion): Promise<Changes> {
  const { git, gitDir, from, to, paths, signal, timeoutMs } = question;
  const how = ['-r', '-z', '--name-status', '--no-renames', '--ignore-submodules=none'];
  const args = ['--git-dir', gitDir, 'diff-tree', ...how, from, to, '--', ...paths];
  const { bytes, truncated } = await git.run(args, {
    op: 'compare with',
    target: from,
    signal,
    timeoutMs,
    maxOutputBytes: MOST_OUTPUT_BYTES,
    env: { GIT_LITERAL_PATHSPECS: '1', GIT_NO_LAZY_FETCH: '1' },
  });
  return parseChanges(bytes, truncated);
}
