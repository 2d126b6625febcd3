import { describe, expect, test } from 'vitest';
import { classifyGitFailure } from '../../src/git/classify.ts';
import { SIGNS } from '../../src/git/signs.ts';
import { CASE_HINTS, type ErrorCase } from '../../src/model/case-hints.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/model/error-codes.ts';

/** What git 2.39, OpenSSH 9.2, curl and hosting services print, the code, and the case where the code's own hint would mislead. */
const SAMPLES: readonly (readonly [string, ErrorCode, ErrorCase?])[] = [
  // http
  ["fatal: could not read Username for 'http://h': terminal prompts disabled", 'ERR_REMOTE_AUTH'],
  ["fatal: Authentication failed for 'http://h/r.git/'", 'ERR_REMOTE_AUTH', 'refused'],
  [
    "remote: HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled.\nfatal: Authentication failed for 'https://h/r.git/'",
    'ERR_REMOTE_AUTH',
    'refused',
  ],
  ['remote: Invalid username or password.\nfatal: Authentication failed for x', 'ERR_REMOTE_AUTH', 'refused'],
  ["fatal: unable to access 'http://h/r/': The requested URL returned error: 403", 'ERR_REMOTE_AUTH', 'forbidden'],
  ["fatal: repository 'http://h/r/' not found", 'ERR_REMOTE_NOT_FOUND'],
  ["fatal: unable to access 'http://h/r/': The requested URL returned error: 429", 'ERR_REMOTE_BUSY'],
  ["fatal: unable to access 'http://h/r/': The requested URL returned error: 503", 'ERR_REMOTE_BUSY'],
  ["fatal: unable to access 'http://h/r/': The requested URL returned error: 302", 'ERR_REMOTE_PROTOCOL', 'redirect'],
  [
    "fatal: unable to access 'http://h/r/': The requested URL returned error: 500",
    'ERR_REMOTE_UNREACHABLE',
    'serverFailed',
  ],
  [
    "fatal: unable to access 'http://h/r/': The requested URL returned error: 502",
    'ERR_REMOTE_UNREACHABLE',
    'serverFailed',
  ],
  [
    'error: RPC failed; HTTP 504 curl 22 The requested URL returned error: 504\nfatal: the remote end hung up unexpectedly',
    'ERR_REMOTE_UNREACHABLE',
    'serverFailed',
  ],
  [
    'fatal: unable to update url base from redirection:\n  asked for: http://h/r/info/refs?service=git-upload-pack\n   redirect: http://h/login',
    'ERR_REMOTE_PROTOCOL',
    'webPage',
  ],
  [
    'fatal: http://h/r.git/info/refs not valid: could not determine hash algorithm; is this a git repository?',
    'ERR_REMOTE_PROTOCOL',
    'webPage',
  ],
  ["fatal: unable to access 'https://h/': Could not resolve host: h", 'ERR_REMOTE_UNREACHABLE'],
  ["fatal: unable to access 'https://h/': SSL: public key does not match pinned public key", 'ERR_REMOTE_TLS_PIN'],
  [
    '@       WARNING: REVOKED HOST KEY DETECTED!               @\nThe ED25519 host key for [h]:22 is marked as revoked.\nThis could mean that a stolen key is being used to impersonate this host.\nHost key verification failed.\nfatal: Could not read from remote repository.',
    'ERR_REMOTE_HOST_KEY',
    'hostKeyRevoked',
  ],
  [
    "fatal: unable to access 'https://h/': Failed to connect to h port 443 after 1 ms: Couldn't connect to server",
    'ERR_REMOTE_UNREACHABLE',
  ],
  ["fatal: unable to access 'https://h/': Could not resolve proxy: p", 'ERR_REMOTE_UNREACHABLE', 'proxy'],
  ["fatal: unable to access 'https://h/': Proxy CONNECT aborted", 'ERR_REMOTE_UNREACHABLE', 'proxy'],
  [
    "fatal: unable to access 'https://h/': Received HTTP code 403 from proxy after CONNECT",
    'ERR_REMOTE_UNREACHABLE',
    'proxy',
  ],
  [
    "fatal: unable to access 'https://h/': Received HTTP code 407 from proxy after CONNECT",
    'ERR_REMOTE_AUTH',
    'proxyRefused',
  ],
  [
    "fatal: unable to access 'https://h/': OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0",
    'ERR_REMOTE_UNREACHABLE',
    'clientCertificate',
  ],
  [
    "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate",
    'ERR_REMOTE_UNREACHABLE',
    'certificate',
  ],
  [
    "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none CRLfile: none",
    'ERR_REMOTE_UNREACHABLE',
    'certificate',
  ],
  // ssh
  ['Host key verification failed.\nfatal: Could not read from remote repository.', 'ERR_REMOTE_HOST_KEY'],
  [
    '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\nfatal: Could not read from remote repository.',
    'ERR_REMOTE_HOST_KEY',
    'hostKeyChanged',
  ],
  ['git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'ERR_REMOTE_AUTH', 'key'],
  ['Load key "/k": error in libcrypto\ngit@h: Permission denied (publickey).', 'ERR_REMOTE_AUTH', 'badKey'],
  ['Load key "/k": invalid format\r\ngit@h: Permission denied (publickey).', 'ERR_REMOTE_AUTH', 'badKey'],
  [
    '@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nLoad key "/k": bad permissions\ngit@h: Permission denied (publickey).',
    'ERR_REMOTE_AUTH',
    'openKey',
  ],
  [
    'ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.',
    'ERR_REMOTE_UNREACHABLE',
  ],
  [
    'ssh: Could not resolve hostname h: Name or service not known\nfatal: Could not read from remote repository.',
    'ERR_REMOTE_UNREACHABLE',
  ],
  ['No user exists for uid 1234567\nfatal: Could not read from remote repository.', 'ERR_GIT_FAILED', 'noUser'],
  ['error: cannot run ssh: No such file or directory\nfatal: unable to fork', 'ERR_GIT_FAILED', 'noSsh'],
  ['fatal: protocol error: bad line length character: Welc', 'ERR_REMOTE_PROTOCOL', 'shellTalks'],
  ['ERROR: Repository not found.\nfatal: Could not read from remote repository.', 'ERR_REMOTE_NOT_FOUND'],
  [
    "remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.\nfatal: Could not read from remote repository.",
    'ERR_REMOTE_NOT_FOUND',
  ],
  [
    "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
    'ERR_REMOTE_NOT_FOUND',
  ],
  // git daemon and protocol
  ['fatal: remote error: access denied or repository not exported: /x', 'ERR_REMOTE_NOT_FOUND'],
  ["fatal: couldn't find remote ref nope", 'ERR_REMOTE_REF'],
  ['fatal: remote error: upload-pack: not our ref abc', 'ERR_REMOTE_REF'],
  ['fatal: Remote branch nope not found in upstream origin', 'ERR_REMOTE_REF'],
  // the server's repository
  [
    'remote: error: object file ./objects/ab/cd is empty\nremote: fatal: loose object abcd is corrupt\nfatal: early EOF',
    'ERR_REMOTE_CORRUPT',
  ],
  [
    'fatal: bad object abcd\nremote: aborting due to possible repository corruption on the remote side.\nfatal: protocol error: bad pack header',
    'ERR_REMOTE_CORRUPT',
  ],
  [
    'remote: fatal: bad tree object abcd\nerror: git upload-pack: git-pack-objects died with error.',
    'ERR_REMOTE_CORRUPT',
  ],
  ['error: remote unpack failed: unable to create temporary object directory', 'ERR_REMOTE_CORRUPT'],
  ['remote: fatal: write error: No space left on device\nfatal: early EOF', 'ERR_REMOTE_UNREACHABLE', 'serverFailed'],
  // our own
  ['fatal: bad object HEAD', 'ERR_FETCH_OBJECTS'],
  ['error: object file .git/objects/aa/bb is empty', 'ERR_FETCH_OBJECTS'],
  ["fatal: not a git repository: '/git/.git'", 'ERR_FETCH_OBJECTS'],
  ["fatal: Unable to create '/x/shallow.lock': File exists.", 'ERR_GIT_LOCKED'],
  ['fatal: unable to write new packed-refs: unable to create file /x/packed-refs.new: File exists', 'ERR_GIT_LOCKED'],
  ['fatal: unable to write loose object file: No space left on device', 'ERR_ROOT_WRITE'],
  ['error: unable to create file a: Permission denied', 'ERR_ROOT_WRITE'],
  ['error: insufficient permission for adding an object to repository database .git/objects', 'ERR_ROOT_WRITE'],
  ['fatal: cannot mkdir x: Read-only file system', 'ERR_ROOT_WRITE'],
  ["git: 'remote-foo' is not a git command. See 'git --help'.", 'ERR_GIT_FAILED', 'noTransport'],
  ["fatal: transport 'file' not allowed", 'ERR_GIT_FAILED', 'transportForbidden'],
  ['fatal: something new', 'ERR_GIT_FAILED'],
];

const rows: readonly (readonly [string, ErrorCode, ErrorCase | undefined])[] = SAMPLES.map(([text, code, kind]) => [
  text,
  code,
  kind,
]);

describe('what git and ssh print, the code and the hint', () => {
  test.each(rows)('%j is %s (%s)', (stderr, code, kind) => {
    const error = classifyGitFailure('fetch', 'x', 128, stderr);
    expect(error.code).toBe(code);
    expect(error.hint).toBe(kind === undefined ? ERROR_CODES[code].hint : CASE_HINTS[kind].hint);
  });

  test('each sign is needed by a sample', () => {
    for (const sign of SIGNS)
      expect(
        SAMPLES.some(([text]) => sign.pattern.test(text)),
        String(sign.pattern),
      ).toBe(true);
  });

  test('a case belongs to one code, and each is used', () => {
    for (const { case: kind, code } of SIGNS) if (kind) expect(CASE_HINTS[kind].code).toBe(code);
  });

  test('nobody who has set a user name is told to set one', () => {
    for (const kind of ['refused', 'forbidden', 'key', 'badKey', 'openKey', 'proxyRefused'] as const)
      expect(CASE_HINTS[kind].hint).not.toMatch(/set `--username`/i);
  });
});
