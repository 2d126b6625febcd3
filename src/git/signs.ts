import type { ErrorCase } from '../model/case-hints.ts';
import type { ErrorCode } from '../model/error-codes.ts';

/** Which side wrote the line that a sign is looked for in: the git server's side, our own git and ssh, or either. */
type Speaker = 'remote' | 'local' | 'any';

/** What git and ssh print, and what it means. */
export interface Sign {
  readonly from: Speaker;
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  /** A remedy other than that of the code. */
  readonly case?: ErrorCase;
}

/** The first match decides. Causes stand before their consequences: ssh and curl say more than git’s last line. */
export const SIGNS: readonly Sign[] = [
  // What our own side lacks.
  { from: 'local', pattern: /no user exists for uid/i, code: 'ERR_GIT_FAILED', case: 'noUser' },
  {
    from: 'local',
    pattern: /cannot run .*ssh.*: no such file|(?:^|: )ssh: (?:command )?not found/im,
    code: 'ERR_GIT_FAILED',
    case: 'noSsh',
  },
  {
    from: 'local',
    pattern: /unable to find remote helper for|'remote-\S+' is not a git command/i,
    code: 'ERR_GIT_FAILED',
    case: 'noTransport',
  },
  {
    from: 'local',
    pattern: /transport '[^']*' not allowed/i,
    code: 'ERR_GIT_FAILED',
    case: 'transportForbidden',
  },
  {
    from: 'local',
    pattern:
      /no space left on device|disk quota exceeded|read-only file system|insufficient permission for adding an object|(?:unable|could ?not|cannot|failed) to (?:create|write|open|unlink|mkdir|make)[^;\n]*: (?:permission denied|operation not permitted|input\/output error)/i,
    code: 'ERR_ROOT_WRITE',
  },
  {
    from: 'local',
    pattern:
      /unable to create '.*\.lock': file exists|unable to create file .*packed-refs\.new: file exists|could not lock config file|another git process seems to be running|unable to lock/i,
    code: 'ERR_GIT_LOCKED',
  },
  // The server about its own repository.
  {
    from: 'remote',
    pattern:
      /possible repository corruption on the remote side|corrupt|bad (?:tree )?object|missing (?:blob|tree|commit)|unable to read|unpack failed|inflate: data stream error|object file .* is empty|broken link|packfile .* (?:cannot be|does not match)/i,
    code: 'ERR_REMOTE_CORRUPT',
  },
  {
    from: 'remote',
    pattern: /no space left on device|out of memory|cannot allocate memory|internal (?:server )?error/i,
    code: 'ERR_REMOTE_UNREACHABLE',
    case: 'serverFailed',
  },
  // Who may.
  { from: 'any', pattern: /does not match pinned public key/i, code: 'ERR_REMOTE_TLS_PIN' },
  {
    from: 'any',
    pattern: /key for \S+ is marked as revoked|host key for \S+ was revoked/i,
    code: 'ERR_REMOTE_HOST_KEY',
    case: 'hostKeyRevoked',
  },
  {
    from: 'any',
    pattern: /remote host identification has changed/i,
    code: 'ERR_REMOTE_HOST_KEY',
    case: 'hostKeyChanged',
  },
  { from: 'any', pattern: /host key verification failed|no \S+ host key is known/i, code: 'ERR_REMOTE_HOST_KEY' },
  {
    from: 'any',
    pattern: /407 from proxy|returned error: 407|proxy authentication required/i,
    code: 'ERR_REMOTE_AUTH',
    case: 'proxyRefused',
  },
  {
    from: 'any',
    pattern: /could not resolve proxy|from proxy after connect|proxy connect aborted|socks\S* (?:proxy|connection)/i,
    code: 'ERR_REMOTE_UNREACHABLE',
    case: 'proxy',
  },
  { from: 'any', pattern: /unprotected private key|bad permissions/i, code: 'ERR_REMOTE_AUTH', case: 'openKey' },
  {
    from: 'any',
    pattern: /load key .*(?:invalid format|error in libcrypto|incorrect passphrase)/i,
    code: 'ERR_REMOTE_AUTH',
    case: 'badKey',
  },
  {
    from: 'any',
    pattern: /permission denied \((?:[^)]*)\)|too many authentication failures|load key .*permission denied/i,
    code: 'ERR_REMOTE_AUTH',
    case: 'key',
  },
  { from: 'any', pattern: /access denied or repository not exported/i, code: 'ERR_REMOTE_NOT_FOUND' },
  { from: 'any', pattern: /returned error: 403/i, code: 'ERR_REMOTE_AUTH', case: 'forbidden' },
  {
    from: 'any',
    pattern: /authentication failed|access denied|invalid (?:user ?name|credentials)|returned error: 401/i,
    code: 'ERR_REMOTE_AUTH',
    case: 'refused',
  },
  { from: 'any', pattern: /could not read (?:username|password)|terminal prompts disabled/i, code: 'ERR_REMOTE_AUTH' },
  // What the server has, and how it answers.
  { from: 'any', pattern: /returned error: 30[12378]/i, code: 'ERR_REMOTE_PROTOCOL', case: 'redirect' },
  { from: 'any', pattern: /returned error: (?:429|503)|too many requests/i, code: 'ERR_REMOTE_BUSY' },
  {
    from: 'any',
    pattern:
      /couldn't find remote ref|not our ref|unadvertised object|remote ref .* not found|remote branch .* not found|unknown revision/i,
    code: 'ERR_REMOTE_REF',
  },
  {
    from: 'any',
    pattern:
      /unable to update url base from redirection|info\/refs not valid|not valid: (?:could not determine hash algorithm; )?is this a git repository/i,
    code: 'ERR_REMOTE_PROTOCOL',
    case: 'webPage',
  },
  {
    from: 'any',
    pattern: /bad line length character|protocol error: (?!expected)|expected flush after|invalid content-type/i,
    code: 'ERR_REMOTE_PROTOCOL',
    case: 'shellTalks',
  },
  {
    from: 'any',
    pattern:
      /repository .* not found|returned error: 404|does not appear to be a git repository|repository not found|service not enabled|could not be found or you don't have permission|either does not exist or you do not have|TF401019/i,
    code: 'ERR_REMOTE_NOT_FOUND',
  },
  // Our own repository.
  {
    from: 'local',
    pattern:
      /not a git repository|bad object|missing (?:blob|tree|commit)|broken link|is corrupt|corrupt(?:ed)? |object file .* is empty|unable to read (?:tree|sha1 file)|did not send all necessary objects|bad tree object|inflate: data stream error|packfile .* (?:cannot be|does not match)|unable to find [0-9a-f]{40}/i,
    code: 'ERR_FETCH_OBJECTS',
  },
  // The way to the server.
  {
    from: 'any',
    pattern: /alert.*(?:certificate|unknown ca)/i,
    code: 'ERR_REMOTE_UNREACHABLE',
    case: 'clientCertificate',
  },
  {
    from: 'any',
    pattern: /certificate/i,
    code: 'ERR_REMOTE_UNREACHABLE',
    case: 'certificate',
  },
  {
    from: 'any',
    pattern: /returned error: 5\d\d|internal server error/i,
    code: 'ERR_REMOTE_UNREACHABLE',
    case: 'serverFailed',
  },
  {
    from: 'any',
    pattern:
      /could not resolve host|connection refused|timed out|failed to connect|unable to access|connection reset|early eof|could not read from remote repository|hung up|rpc failed|unable to connect|network is unreachable|no route to host|connection closed/i,
    code: 'ERR_REMOTE_UNREACHABLE',
  },
];

/** git marks what the other side said (gitprotocol-pack, side-band channel 2; `remote error` comes in an ERR packet). */
const REMOTE_LINE =
  /^(?:remote:|fatal: remote error:|(?:fatal|error): the remote end |error: remote unpack failed|(?:fatal|error): protocol error: .*remote side)/i;

/** The sign that `stderr` holds; undefined when it holds none. */
export function findSign(stderr: string): Sign | undefined {
  const lines = stderr.split(/[\r\n]+/);
  const texts: Readonly<Record<Speaker, string>> = {
    any: stderr,
    remote: lines.filter((line) => REMOTE_LINE.test(line)).join('\n'),
    local: lines.filter((line) => !REMOTE_LINE.test(line)).join('\n'),
  };
  return SIGNS.find(({ from, pattern }) => pattern.test(texts[from]));
}
