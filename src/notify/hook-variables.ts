import { isUtf8 } from 'node:buffer';
import type { Environment } from '../platform/process/runner.ts';
import type { Change, Changes, PublishDetails } from './publish-details.ts';

/** Of the list of paths: a single variable may have 128 KiB, and all of them together not much more. */
const MOST_BYTES = 16 * 1024;

const ESCAPES: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 34: '\\"', 92: '\\\\' };

/** As git writes a path that does not fit on a line as it is (git-config, core.quotePath=false). */
export function quotePath({ path, pathBase64 }: Pick<Change, 'path' | 'pathBase64'>): string {
  const bytes = pathBase64 === undefined ? Buffer.from(path) : Buffer.from(pathBase64, 'base64');
  const isPlain = isUtf8(bytes) && !/[\0-\x1f"\\\x7f]/.test(path);
  if (isPlain) return path;
  const quoted = [...bytes].map((byte) => {
    const isText = byte >= 0x20 && byte < 0x7f;
    return ESCAPES[byte] ?? (isText ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`);
  });
  return `"${quoted.join('')}"`;
}

function listPaths({ changes, changesTruncated }: Changes): { lines: string; state: string } {
  if (!changes) return { lines: '', state: 'unknown' };
  const lines: string[] = [];
  let room = MOST_BYTES;
  for (const change of changes) {
    const line = quotePath(change);
    room -= Buffer.byteLength(line) + 1;
    if (room < 0) return { lines: lines.join('\n'), state: 'truncated' };
    lines.push(line);
  }
  return { lines: lines.join('\n'), state: changesTruncated ? 'truncated' : 'complete' };
}

/** No variable can hold a NUL. */
function text(value: string | null | undefined): string {
  return (value ?? '').replaceAll('\0', '');
}

/** The details as variables of a hook. What is not known is empty. */
export function hookVariables(details: PublishDetails): Environment {
  const { ref, oldCommit, author, authoredAt, subject } = details;
  const { lines, state } = listPaths(details);
  return {
    GITSYNC_REF: ref,
    GITSYNC_OLD_HASH: text(oldCommit),
    GITSYNC_AUTHOR_NAME: text(author?.name),
    GITSYNC_AUTHOR_EMAIL: text(author?.email),
    GITSYNC_AUTHOR_DATE: text(authoredAt),
    GITSYNC_SUBJECT: text(subject),
    GITSYNC_CHANGED_PATHS: lines,
    GITSYNC_CHANGES: state,
  };
}
