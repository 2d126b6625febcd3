import { CASE_HINTS } from '../model/case-hints.ts';
import { SidecarError } from '../model/error.ts';
import { changedHostKey } from './changed-host-key.ts';
import { findSign } from './signs.ts';

/** The lines of `stderr` that say what went wrong, in one line. */
function summarizeStderr(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(?:hint:|From |Cloning into|Submodule path|warning: redirecting)/.test(line));
  const telling = lines.filter((line) =>
    /^(?:fatal|error|remote|ssh|ERROR)\b|permission denied|verification failed|denied/i.test(line),
  );
  return [...new Set(telling.length > 0 ? telling : lines)].slice(-4).join('; ').slice(0, 1000);
}

/** The typed error for a git command that exited with `code` after printing `stderr`. */
export function classifyGitFailure(
  op: string,
  target: string | undefined,
  code: number | null,
  stderr: string,
): SidecarError {
  const sign = findSign(stderr);
  const changed = sign?.case === 'hostKeyChanged' ? changedHostKey(stderr) : undefined;
  const said = [summarizeStderr(stderr), changed?.detail].filter(Boolean).join('; ');
  return new SidecarError(sign?.code ?? 'ERR_GIT_FAILED', {
    op,
    ...(sign?.case && { hint: changed?.hint ?? CASE_HINTS[sign.case].hint }),
    ...(target !== undefined && { target }),
    detail: said === '' ? `git exited with status ${code ?? 'unknown'} and said nothing` : said,
  });
}
