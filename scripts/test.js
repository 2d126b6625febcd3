// npm test: installs what the tests need, then runs them. Arguments are passed to vitest.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureBundle, ensureDependencies } from './prepare.js';

/** Programs that tests use as real peers, and the Debian packages that bring them. */
const PROGRAMS = {
  nginx: 'nginx-light',
  fcgiwrap: 'fcgiwrap',
  openssl: 'openssl',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  inotifywait: 'inotify-tools',
  'git-lfs': 'git-lfs',
  unshare: 'util-linux',
  ps: 'procps',
  script: 'bsdutils',
  'mkfs.xfs': 'xfsprogs',
  busybox: 'busybox-static',
  'nats-server': 'nats-server',
  gpg: 'gnupg',
  'gpg-agent': 'gpg-agent',
  gpgsm: 'gpgsm',
  'mkfs.ext4': 'e2fsprogs',
  unzip: 'unzip',
  promtool: 'prometheus',
  strace: 'strace',
  chromium: 'chromium',
  // Git clients with a protocol of their own; a Python module without a program is known by its directory.
  dulwich: 'python3-dulwich',
  '/usr/lib/python3/dist-packages/pygit2': 'python3-pygit2',
};

function isInstalled(program) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return program.startsWith('/') ? existsSync(program) : directories.some((each) => existsSync(join(each, program)));
}

function installPackages() {
  const absent = Object.keys(PROGRAMS).filter((program) => !isInstalled(program));
  if (absent.length === 0) return;
  const packages = absent.map((program) => PROGRAMS[program]);
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    process.stderr.write(
      `tests that need ${absent.join(', ')} are left out; on Debian: apt-get install ${packages.join(' ')}\n`,
    );
    return;
  }
  process.stderr.write(`installing ${packages.join(' ')}…\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
  const still = absent.filter((program) => !isInstalled(program));
  if (still.length > 0)
    process.stderr.write(`could not install ${still.join(', ')}: tests that need them are left out\n`);
}

ensureDependencies();
ensureBundle();
installPackages();
const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-report-'));
const report = join(directory, 'report.json');
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
if (existsSync(report)) {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
}
rmSync(directory, { recursive: true, force: true });
process.exit(status ?? 1);
