import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { judgeMemory } from '../../src/doctor/machine.ts';
import { nats } from '../kit/nats.ts';
import { openPrivateMounts, type PrivateMounts } from '../kit/private-mounts.ts';
import { startRelay } from '../kit/relay.ts';
import { script } from '../kit/script.ts';
import { git } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { findProgram, missing } from '../peers/programs.ts';
import { diagnose, type Place, place, plain } from './kit.ts';

interface SetUp {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
}

type Row = readonly [name: string, setUp: (at: Place) => Promise<SetUp> | SetUp, line: string];

const sync = (at: Place, ...more: string[]): string[] => [`--repo=${at.repository()}`, `--root=${at.root}`, ...more];

const relay = (at: Place, ...more: string[]): string[] => [
  'relay',
  `--root=${at.root}`,
  '--http-bind=127.0.0.1:0',
  '--allow=git://127.0.0.1/x',
  ...more,
];

const POLICY =
  'rollouts: [{name: app, repository: 127.0.0.1/x, refs: main, stages: [{name: a, select: {percent: 9}}]}]\n';
const TOLD = `${POLICY}notifications: [{name: chat, to: slack, url-file: slack}]\n`;

async function taken(): Promise<number> {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  onTestFinished(async () => {
    await new Promise((done) => server.close(done));
  });
  return port;
}

/** A directory for PATH that holds these programs only. */
function onlyPrograms(at: Place, ...names: string[]): Record<string, string> {
  mkdirSync(join(at.dir, 'bin'));
  for (const name of names) symlinkSync(findProgram(name) ?? name, join(at.dir, 'bin', name));
  return { PATH: join(at.dir, 'bin') };
}

/** The root, as `plain` shows it. */
const ROOT = 'DIR/root';

const ROWS: readonly Row[] = [
  [
    'a flag that does not exist; the rest is looked at too',
    (at) => ({ args: sync(at, '--perod=3s') }),
    '✗ options flags and variables: unknown flag: --perod → Did you mean --period?',
  ],
  [
    'a second mistake beside it',
    (at) => ({ args: sync(at, '--perod=3s', '--ref=main', '--depth=-3') }),
    '✗ options flags and variables: --depth must be 0 or more → Run the same command with `--explain` to see each value and where it came from.',
  ],
  [
    'a flag without which nothing can be looked at',
    (at) => ({ args: [`--repo=${at.repository()}`] }),
    '✗ options flags and variables: --root must be set → Run the same command with `--explain` to see each value and where it came from.',
  ],
  [
    'a variable whose value is not allowed',
    (at) => ({ args: sync(at), env: { GITSYNC_PERIOD: 'often' } }),
    '✗ options GITSYNC_PERIOD: FATAL: invalid duration env GITSYNC_PERIOD="often" → Correct GITSYNC_PERIOD or unset it; in v4 an empty value is a value.',
  ],
  [
    'a misspelled variable',
    (at) => ({ args: sync(at), env: { GITSYNC_REFF: 'main' } }),
    '✗ options flags and variables: GITSYNC_REFF is not a variable that git-sidecar knows: did you mean GITSYNC_REF? → correct its name, or unset it; docs/options.md lists all variables',
  ],
  [
    'a document with an unknown key',
    (at) => ({ args: ['up', at.file('d.yaml', 'sync:\n  - {name: a, rpo: /r, root: /tmp/x}\n')] }),
    '✗ options flags and variables: DIR/d.yaml:2:15: rpo is not known in a sync; did you mean repo? → Correct the lines that are named. docs/document.md has the rules, docs/options.md every option.',
  ],
  [
    'a file in place of the root',
    (at) => ({ args: [`--repo=${at.repository()}`, `--root=${at.file('root', '')}`] }),
    '✗ root DIR/root: DIR/root is no directory → name a directory, or remove that file',
  ],
  [
    'a root that is somebody’s checkout',
    (at) => {
      const args = sync(at);
      git(at.dir, 'clone', '-q', join(at.dir, 'srv', 'repo.git'), at.root);
      return { args };
    },
    '✗ root DIR/root: it holds a git repository that git-sidecar did not make → choose another `--root`, or pass `--move-aside` to rename that repository',
  ],
  [
    'a directory in the place of the link',
    (at) => {
      mkdirSync(join(at.root, 'current'), { recursive: true });
      return { args: sync(at, '--link=current') };
    },
    `✗ link ${ROOT}/current: a directory is in its place → choose another \`--link\`, or pass \`--move-aside\` to rename what is there`,
  ],
  [
    'a link whose directory is a file',
    (at) => ({ args: sync(at, `--link=${at.file('file', '')}/current`) }),
    '✗ link DIR/file/current: DIR/file is no directory → choose another `--link`',
  ],
  [
    'a port that is taken',
    async (at) => ({ args: sync(at, `--http-bind=127.0.0.1:${await taken()}`) }),
    "✗ port --http-bind 127.0.0.1:PORT: another process listens there, perhaps the one that this set-up is of → see which (`ss -ltnp 'sport = :PORT'`) and end it, or choose another port in `--http-bind`",
  ],
  [
    'an address that this machine does not have',
    (at) => ({ args: sync(at, '--http-bind=192.0.2.1:8080') }),
    '✗ port --http-bind 192.0.2.1:8080: this machine does not have that address → leave the host out in `--http-bind`: `:8080`',
  ],
  [
    'no git',
    (at) => ({ args: sync(at, '--git=/nope/git') }),
    '✗ git /nope/git: it is not an executable file → install git, or name it with `--git=/path/to/git`',
  ],
  [
    'a git that does not start',
    (at) => ({ args: sync(at, `--git=${script(join(at.dir, 'git'), 'echo broken >&2; exit 3')}`) }),
    '✗ git DIR/git: it ends with status 3: broken → install git, or name it with `--git=/path/to/git`',
  ],
  [
    'no git-lfs where it is wanted',
    (at) => ({ args: sync(at, '--lfs'), env: onlyPrograms(at, 'git', 'node', 'sh') }),
    '✗ git-lfs git-lfs: it is in no directory of PATH → install git-lfs, or leave `--lfs` out',
  ],
  [
    'a hook that is not there',
    (at) => ({ args: sync(at, '--exechook-command=/nope/hook') }),
    '✗ exechook /nope/hook: there is no such file, nor the directory /nope (ENOENT) → correct the path, or mount or install the program in this container',
  ],
  [
    'a hook that may not be executed',
    (at) => ({ args: sync(at, `--exechook-command=${at.file('hook', '#!/bin/sh\n', 0o644)}`) }),
    '✗ exechook DIR/hook: it may not be executed → `chmod +x DIR/hook`',
  ],
  [
    'a hook without its interpreter',
    (at) => ({ args: sync(at, `--pre-publish-exechook-command=${at.file('hook', '#!/nope/python\n', 0o755)}`) }),
    '✗ pre-publish hook DIR/hook: its interpreter /nope/python is not there → install it in this container, or correct the first line of the script (no CR LF)',
  ],
  [
    'a webhook that is unreachable',
    async (at) => ({ args: sync(at, `--webhook-url=http://127.0.0.1:${await freePort()}/S3cretPathOfTheHook`) }),
    '✗ webhook 127.0.0.1:PORT: nothing listens there (ECONNREFUSED) → start the server, correct host and port, or let the firewall or NetworkPolicy pass this connection',
  ],
  [
    'NATS that is unreachable',
    async (at) => ({ args: sync(at, `--nats=nats://127.0.0.1:${await freePort()}`) }),
    '✗ nats tcp 127.0.0.1:PORT: nothing listens there (ECONNREFUSED) → start the server, correct host and port, or let the firewall or NetworkPolicy pass this connection',
  ],
  [
    'a relay that is unreachable',
    async (at) => ({
      args: [`--repo=https://git.test/x.git`, `--root=${at.root}`, `--relay=http://127.0.0.1:${await freePort()}`],
    }),
    '✗ relay tcp 127.0.0.1:PORT: nothing listens there (ECONNREFUSED) → start the server, correct host and port, or let the firewall or NetworkPolicy pass this connection',
  ],
  [
    'a relay that does not take our token',
    async (at) => {
      const access = at.file('access', 'bearer S3cretRight git.test/**\n');
      const relay = await startRelay({ dir: at.dir, args: ['--allow=https://git.test/**', `--access-file=${access}`] });
      const token = `--relay-token-file=${at.file('token', 'S3cretWrong')}`;
      return { args: ['--repo=https://git.test/x.git', `--root=${at.root}`, `--relay=${relay.url}`, token] };
    },
    '✗ relay credentials http://127.0.0.1:PORT/git/git.test/x.git: refused: git-sidecar with the password in DIR/token (the server answered with status 401) → The server knows no such user with this password or token: has it expired, been rotated or been revoked? Check what `--username` and `--password-file` (or the source of the password) hold.',
  ],
  [
    'a command of run that is not there',
    (at) => ({ args: ['run', `--link=${at.dir}/current`, '--', 'no-such-program'] }),
    '✗ command no-such-program: it is in no directory of PATH → correct the path, or mount or install the program in this container',
  ],
  [
    'a run whose volume is not mounted',
    (at) => ({ args: ['run', `--link=${at.dir}/volume/current`, '--', 'true'] }),
    '✗ link DIR/volume/current: there is no directory DIR/volume → mount the volume of the sync there, or correct `--link`',
  ],
  [
    'a run that sees the link and not the tree',
    (at) => {
      symlinkSync('.worktrees/nowhere', join(at.dir, 'current'));
      return { args: ['run', `--link=${at.dir}/current`, '--', 'true'] };
    },
    '✗ link DIR/current: it shows .worktrees/nowhere, which is not there → mount the whole volume of the root at the same place as in the container of the sync',
  ],
  [
    'a relay without its access file',
    async (at) => ({
      args: [
        'relay',
        `--root=${at.root}`,
        '--http-bind=127.0.0.1:0',
        '--allow=git://127.0.0.1/x',
        `--access-file=${at.dir}/nope`,
      ],
    }),
    '✗ access file DIR/nope: it cannot be read: there is no such file (ENOENT) → mount the Secret there, or correct `--access-file`',
  ],
  [
    'a relay without its policies',
    (at) => ({ args: relay(at, `--rollouts=${at.dir}/nope`) }),
    '✗ rollouts DIR/nope: it cannot be read: there is no such file (ENOENT) → mount the ConfigMap there, or correct `--rollouts`',
  ],
  [
    'a relay with a policy that is wrong',
    (at) => ({
      args: relay(
        at,
        `--rollouts=${at.file('rollouts', 'rollouts:\n  - name: app\n    repository: h/x\n    ref: x\n', 0o644)}`,
      ),
    }),
    '✗ rollouts DIR/rollouts: DIR/rollouts:2:5: refs of a policy is missing; which branches or tags does it govern?; DIR/rollouts:4:5: ref does not belong in a policy: it is an option of sync → Correct the lines that are named. docs/rollouts.md says what a policy may hold.',
  ],
  [
    'a relay whose policies name a secret that is not mounted',
    (at) => ({ args: relay(at, `--rollouts=${at.file('rollouts', TOLD, 0o644)}`) }),
    '✗ rollouts DIR/rollouts: cannot read DIR/slack: there is no such file (ENOENT) → mount the Secret there',
  ],
  [
    'a relay with NATS and a decider',
    async (at) => {
      const file = at.file('rollouts', `decider: {name: a, url: http://a:8080}\n${POLICY}`, 0o644);
      return { args: relay(at, `--rollouts=${file}`, `--nats=nats://127.0.0.1:${await freePort()}`) };
    },
    '✗ rollouts DIR/rollouts: it names a decider; relays with --nats choose by themselves which one decides → Correct the lines that are named. docs/rollouts.md says what a policy may hold.',
  ],
];

describe('doctor names what is wrong with this machine', () => {
  test.each(ROWS)('%s', { timeout: 40_000 }, async (_name, setUp, line) => {
    const at = place();
    const { args, env = {} } = await setUp(at);
    const { status, lines, stderr } = await diagnose(args, env);
    const said = lines.map((each) => plain(each, at).replace(/sport = :\d+/, 'sport = :PORT'));
    expect(said.filter((each) => each.startsWith('✗'))).toContainEqual(line);
    expect([status, stderr]).toEqual([1, '']);
    expect(lines.join('')).not.toContain('S3cret');
  });

  test.skipIf(missing('nats-server'))('NATS that refuses the password', { timeout: 40_000 }, async () => {
    const at = place();
    const server = await nats(join(at.dir, 'nats'), ['--user', 'u', '--pass', 'right']);
    const env = { GITSYNC_NATS: server.url.replace('//', '//u:S3cretWrong@') };
    const { lines, stdout } = await diagnose(sync(at), env);
    expect(lines.map((each) => plain(each, at))).toContainEqual(
      '✗ nats nats://127.0.0.1:PORT: it refuses us: Authorization Violation → correct `--nats`, or the user and password or file that it is given',
    );
    expect(stdout).not.toContain('S3cret');
  });

  test('too little memory, and processes that were killed for want of it', () => {
    const group = (limit: number | undefined, kills: number | undefined) => ({ limit, kills: () => kills });
    expect(judgeMemory(group(32 * 2 ** 20, 0))).toEqual({
      mark: 'wrong',
      reason: '32 MiB: git is killed there on all but small repositories',
      mend: 'raise `resources.limits.memory` to 64Mi or more',
    });
    expect(judgeMemory(group(2 ** 30, 2))).toMatchObject({
      mark: 'wrong',
      reason: expect.stringContaining('killed 2'),
    });
    expect([judgeMemory(group(undefined, undefined)), judgeMemory(group(2 ** 30, 0))]).toMatchObject([
      { mark: 'ok', reason: 'no limit' },
      { mark: 'ok', reason: '1024 MiB' },
    ]);
  });
});

const MOUNTS: readonly (readonly [string, (at: Place, mounts: PrivateMounts) => void, RegExp])[] = [
  [
    'a root that is mounted read-only',
    (at, mounts) => {
      mounts.tmpfs(at.root, 64);
      mounts.command('mount', '-o', 'remount,ro', at.root);
    },
    /^✗ root DIR\/root: DIR\/root is on a file system that is mounted read-only → mount the volume writable: no `readOnly: true`$/,
  ],
  [
    'a volume that is nearly full',
    (at, mounts) => mounts.tmpfs(at.root, 8),
    /^✗ root space DIR\/root: 8 MiB and \d+ inodes are free → make room on the volume \(`df -h`\), or enlarge it$/,
  ],
  [
    'a volume without inodes',
    (at, mounts) => void mounts.command('mount', '-t', 'tmpfs', '-o', 'size=64m,nr_inodes=20', 'none', at.root),
    /^✗ root space DIR\/root: 64 MiB and \d+ inodes are free → remove files on the volume \(`df -i`\), or enlarge it$/,
  ],
  [
    'something mounted inside our directories',
    (at, mounts) => {
      mkdirSync(join(at.root, '.worktrees', 'x'), { recursive: true });
      mounts.tmpfs(join(at.root, '.worktrees', 'x'), 1);
    },
    /^✗ root mounts DIR\/root: something is mounted inside our own directories: DIR\/root\/\.worktrees\/x → `umount DIR\/root\/\.worktrees\/x`, or mount it outside of DIR\/root$/,
  ],
];

describe('doctor names what is wrong with a volume', () => {
  test.for(MOUNTS)('%s', { timeout: 40_000 }, async ([, setUp, line], { skip }) => {
    const mounts = openPrivateMounts();
    if (!mounts) return skip();
    const at = place();
    const args = sync(at);
    mkdirSync(at.root, { recursive: true });
    setUp(at, mounts);
    const { status, lines } = await diagnose(args, {}, mounts.enter);
    expect(lines.map((each) => plain(each, at)).filter((each) => line.test(each))).toHaveLength(1);
    expect(status).toBe(1);
  });

  test('a root of another user', { timeout: 40_000 }, async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can give a directory to another user');
    const at = place();
    const args = sync(at);
    mkdirSync(at.root, { mode: 0o755 });
    execFileSync('chmod', ['-R', 'a+rX', at.dir]);
    const { lines } = await diagnose(args, {}, ['setpriv', '--reuid=65533', '--regid=65533', '--clear-groups', '--']);
    expect(lines.map((each) => plain(each, at))).toContainEqual(
      '✗ root DIR/root: this process, user 65533:65533, may not write to DIR/root (mode 0755, owner 0:0) → `chown 65533:65533 DIR/root`, in a Pod `securityContext.fsGroup`, or run as the owner',
    );
  });

  test('a name server that never answers: it ends within 15 s', { timeout: 40_000 }, async ({ skip }) => {
    const mounts = openPrivateMounts();
    if (!mounts) return skip();
    const at = place();
    // A socket that nobody reads takes the questions.
    const holder = createSocket('udp4');
    await new Promise<void>((done) => holder.bind(53, '127.0.0.53', done));
    onTestFinished(() => void holder.close());
    writeFileSync(join(at.dir, 'resolv.conf'), 'nameserver 127.0.0.53\n');
    mounts.bind(join(at.dir, 'resolv.conf'), '/etc/resolv.conf');
    const before = performance.now();
    const { status, lines } = await diagnose([`--repo=https://git.test/x`, `--root=${at.root}`], {}, mounts.enter);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(status).toBe(1);
    expect(lines).toContainEqual(
      expect.stringMatching(/^✗ dns git\.test: (?:no result within 4 s|the name server gives no answer)/),
    );
  });
});
