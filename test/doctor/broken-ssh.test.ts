import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { sshd } from '../kit/sshd.ts';
import { findProgram } from '../peers/programs.ts';
import { type Sshd, sshUnavailable } from '../peers/sshd.ts';
import { diagnose, type Place, place, plain, socketServer } from './kit.ts';

interface SetUp {
  readonly key?: string;
  readonly knownHosts?: string;
  readonly env?: Record<string, string>;
  readonly repo?: string;
}

type Row = readonly [name: string, setUp: (at: Place, server: Sshd) => SetUp | Promise<SetUp>, line: string];

const MOUNT =
  'mount the Secret there; in a Pod `securityContext.fsGroup: 65533` and `defaultMode: 0440` let this user read it';

/** A new key; returns its path. */
function newKey(path: string, ...options: string[]): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path, ...options]);
  return path;
}

const ROWS: readonly Row[] = [
  [
    'a key that is not mounted',
    (at) => ({ key: join(at.dir, 'secret', 'ssh') }),
    `✗ ssh key DIR/secret/ssh: it cannot be read: there is no such file, nor the directory DIR/secret (ENOENT) → ${MOUNT}`,
  ],
  [
    'a key that others may read',
    (at, { keyFile }) => {
      copyFileSync(keyFile, join(at.dir, 'open'));
      chmodSync(join(at.dir, 'open'), 0o644);
      return { key: join(at.dir, 'open') };
    },
    '✗ ssh key DIR/open: others may read it (mode 0644), so ssh refuses it → `chmod 400 DIR/open`, in a Pod `defaultMode: 0400`',
  ],
  [
    'a key with a passphrase',
    (at) => ({ key: newKey(join(at.dir, 'locked'), '-N', 'S3cretPhrase') }),
    "✗ ssh key DIR/locked: it has a passphrase, and nobody is there to type it → give a key without one: `ssh-keygen -p -N '' -f COPY_OF_THE_KEY`",
  ],
  [
    'the public half of a key',
    (at, { keyFile }) => ({ key: at.file('public', readFileSync(`${keyFile}.pub`, 'utf8')) }),
    '✗ ssh key DIR/public: it is the public half of a key → give the private half: the file without .pub',
  ],
  [
    'a key that lost its last line end',
    (at, { keyFile }) => ({ key: at.file('cut', readFileSync(keyFile, 'utf8').slice(0, -40)) }),
    '✗ ssh key DIR/cut: ssh cannot read it (SAID): the line end at its end is missing → write the file again, byte for byte; `ssh-keygen -y -f DIR/cut` has to work',
  ],
  [
    'a key of PuTTY',
    (at) => ({ key: at.file('putty', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n') }),
    '✗ ssh key DIR/putty: it is a key of PuTTY → convert it: `puttygen FILE -O private-openssh -o NEW`',
  ],
  [
    'an empty key',
    (at) => ({ key: at.file('empty', '') }),
    '✗ ssh key DIR/empty: the file is empty → put the private key into it',
  ],
  [
    'a key that the server does not know',
    (_at, { strangerKeyFile }) => ({ key: strangerKeyFile }),
    `✗ credentials USER@127.0.0.1:PORT: refused: ED25519 SHA256:… (DIR/ssh/my keys/stranger) (USER@127.0.0.1: Permission denied (publickey,password,keyboard-interactive).; fatal: Could not read from remote repository.) → The server takes none of the keys of \`--ssh-key-file\`: add the public half to the repository (deploy key) or user there, and check the user name in the URL.`,
  ],
  [
    'no file of known hosts',
    (at) => ({ knownHosts: join(at.dir, 'nope') }),
    '✗ known hosts 127.0.0.1: DIR/nope cannot be read: there is no such file (ENOENT) → mount the Secret there, or name another file with `--ssh-known-hosts-file`',
  ],
  [
    'known hosts without this one, all of them hashed',
    (at, { knownHostsFile }) => {
      const other = readFileSync(knownHostsFile, 'utf8').replace('127.0.0.1', '127.0.0.2');
      const file = at.file('other', other);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
      return { knownHosts: file };
    },
    '✗ known hosts 127.0.0.1: DIR/other has no line for [127.0.0.1]:PORT (it has 1, 1 of them hashed) → `ssh-keyscan -p PORT 127.0.0.1 >> DIR/other`, and compare the key with what the owner of the host publishes',
  ],
  [
    'a host that shows another key than the known one',
    (at, { knownHostsFile }) => {
      const [, type, key] = readFileSync(`${newKey(join(at.dir, 'other'))}.pub`, 'utf8').match(/^(\S+) (\S+)/) ?? [];
      const line = readFileSync(knownHostsFile, 'utf8').split(' ')[0];
      return { knownHosts: at.file('changed', `${line} ${type} ${key}\n`) };
    },
    "✗ host key USER@127.0.0.1:PORT: the server shows a key that DIR/changed does not have → The host shows another key than the file of `--ssh-known-hosts-file`, or the one that `--ssh-accept-new` keeps, has. If its owner says that it was replaced, correct the file; otherwise another machine may be pretending to be this host. In a file that can be written, this removes the old line: `ssh-keygen -R '[127.0.0.1]:PORT' -f 'DIR/changed'`",
  ],
  [
    'no ssh program',
    (at) => {
      mkdirSync(join(at.dir, 'bin'));
      for (const name of ['git', 'node', 'sh', 'ssh-keygen'])
        script(join(at.dir, 'bin', name), `exec ${findProgram(name)} "$@"`);
      return { env: { PATH: join(at.dir, 'bin') } };
    },
    '✗ ssh program ssh: there is no such program on PATH → install the ssh client (Debian: openssh-client), or name it in GIT_SSH_COMMAND',
  ],
  [
    'a repository that is not on that host',
    () => ({ repo: '/nope.git' }),
    "✗ repository USER@127.0.0.1:PORT: fatal: '/nope.git' does not appear to be a git repository; fatal: Could not read from remote repository. → Check `--repo`; many servers answer “not found” when the credentials lack access.",
  ],
];

const USER = userInfo().username;

async function setUpSsh(at: Place, { key, knownHosts, repo }: SetUp, server: Sshd): Promise<string[]> {
  const path = repo ?? at.repository();
  return [
    `--repo=ssh://${USER}@127.0.0.1:${server.port}${path}`,
    `--root=${at.root}`,
    `--ssh-key-file=${key ?? server.keyFile}`,
    `--ssh-known-hosts-file=${knownHosts ?? server.knownHostsFile}`,
  ];
}

function shown(line: string, at: Place): string {
  return plain(line, at)
    .replaceAll(`ssh://${USER}@`, 'USER@')
    .replaceAll(`${USER}@`, 'USER@')
    .replace('PORTDIR/srv/repo.git', 'PORT')
    .replace(/\((?:invalid format|error in libcrypto)\)/, '(SAID)')
    .replace(/(USER@127\.0\.0\.1:PORT)\/[^:]*(?=: )/, '$1');
}

describe.skipIf(sshUnavailable())('doctor names what is wrong between here and an ssh server', () => {
  test.each(ROWS)('%s', { timeout: 40_000 }, async (_name, setUp, line) => {
    const at = place();
    const server = await sshd(join(at.dir, 'ssh'));
    const asked = await setUp(at, server);
    const { status, lines, stderr } = await diagnose(await setUpSsh(at, asked, server), asked.env);
    expect(lines.map((each) => shown(each, at)).filter((each) => each.startsWith('✗'))).toContainEqual(line);
    expect([status, stderr]).toEqual([1, '']);
    expect(lines.join('')).not.toContain('S3cret');
  });

  test('a server that never says anything: it ends within 15 s', { timeout: 40_000 }, async () => {
    const at = place();
    const server = await sshd(join(at.dir, 'ssh'));
    const port = await socketServer();
    const silent = readFileSync(server.knownHostsFile, 'utf8').replace(String(server.port), String(port));
    const args = await setUpSsh(at, { knownHosts: at.file('silent', silent) }, { ...server, port });
    const before = performance.now();
    const { status, lines } = await diagnose(args);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(status).toBe(1);
    expect(lines.map((each) => shown(each, at)).filter((each) => each.startsWith('✗'))).toEqual([
      expect.stringContaining('✗ ssh USER@127.0.0.1:PORT: no result within 8 s'),
    ]);
  });

  test('where all is well there are only ✓, hashed known hosts included, and it exits 0', {
    timeout: 40_000,
  }, async () => {
    const at = place();
    const server = await sshd(join(at.dir, 'ssh'));
    const hashed = at.file('hashed', readFileSync(server.knownHostsFile, 'utf8'));
    execFileSync('ssh-keygen', ['-q', '-H', '-f', hashed], { stdio: 'ignore' });
    const { status, lines } = await diagnose(await setUpSsh(at, { knownHosts: hashed }, server));
    const said = lines.map((each) => shown(each, at));
    expect(said.slice(0, -1).filter((each) => !each.startsWith('✓'))).toEqual([]);
    expect(said).toContainEqual('✓ known hosts 127.0.0.1: DIR/hashed has [127.0.0.1]:PORT (hashed): ssh-ed25519');
    expect(said).toContainEqual(
      '✓ credentials USER@127.0.0.1:PORT: accepted: ED25519 SHA256:… (DIR/ssh/my keys/known)',
    );
    expect(said.at(-1)).toMatch(/^– does not apply here: /);
    expect(status).toBe(0);
  });
});
