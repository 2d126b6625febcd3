import { SidecarError } from '../model/error.ts';
import type { ErrorCode } from '../model/error-codes.ts';

/** What git and ssh print, and what it means; the first match counts. */
const SIGNS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/host key verification failed|remote host identification has changed/i, 'ERR_REMOTE_HOST_KEY'],
  [
    /unable to create '.*\.lock': file exists|could not lock config file|another git process seems to be running|unable to lock/i,
    'ERR_GIT_LOCKED',
  ],
  [
    /could not read (?:username|password)|authentication failed|permission denied \(|access denied|terminal prompts disabled|returned error: 40[13]|too many authentication failures|load key .*(?:permission denied|invalid format|error in libcrypto)/i,
    'ERR_REMOTE_AUTH',
  ],
  [/returned error: (?:429|503)|too many requests/i, 'ERR_REMOTE_BUSY'],
  [
    /couldn't find remote ref|not our ref|unadvertised object|remote ref .* not found|remote branch .* not found|unknown revision/i,
    'ERR_REMOTE_REF',
  ],
  [
    /repository .* not found|returned error: 404|does not appear to be a git repository|not a git repository|repository not found|service not enabled|access denied or repository not exported/i,
    'ERR_REMOTE_NOT_FOUND',
  ],
  [
    /bad object|missing (?:blob|tree|commit)|broken link|is corrupt|corrupt(?:ed)? |object file .* is empty|unable to read (?:tree|sha1 file)|did not send all necessary objects|bad tree object|inflate: data stream error|packfile .* (?:cannot be|does not match)|unable to find [0-9a-f]{40}/i,
    'ERR_FETCH_OBJECTS',
  ],
  [
    /could not resolve host|connection refused|timed out|failed to connect|unable to access|connection reset|early eof|could not read from remote repository|certificate|hung up|rpc failed|unable to connect|network is unreachable|no route to host|connection closed/i,
    'ERR_REMOTE_UNREACHABLE',
  ],
];

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
  const found = SIGNS.find(([sign]) => sign.test(stderr))?.[1] ?? 'ERR_GIT_FAILED';
  const said = summarizeStderr(stderr);
  return new SidecarError(found, {
    op,
    ...(target !== undefined && { target }),
    detail: said === '' ? `git exited with status ${code ?? 'unknown'} and said nothing` : said,
  });
}
