// npm run test:containers: builds the image and runs test/containers with podman. Needs root on Debian; where that is not
// given it says why and leaves the tests out. With --contents it writes into docs/containers.md what the image holds.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentsIn, readContents, renderContents, withContents } from './image-contents.js';
import { ensureBundle, ensureDependencies } from './prepare.js';

const PACKAGES = ['podman', 'runc', 'debootstrap', 'containernetworking-plugins', 'iptables'];
/** What the image's base and the articles' application container need. */
const BASE_PACKAGES =
  'binutils,ca-certificates,git,openssh-client,git-lfs,tar,gzip,curl,libnss-wrapper,inotify-tools,busybox-static';
/** Named after what is in it: it is kept, and made again when that changes. */
const BASE = `localhost/git-sidecar-test-base:${createHash('sha256').update(BASE_PACKAGES).digest('hex').slice(0, 12)}`;
const NODE = 'localhost/git-sidecar-test-node';
const IMAGE = 'localhost/git-sidecar';
const PAGE = 'docs/containers.md';

function leaveOut(reason) {
  const { NOT_TRIED, REQUIRE_ALL } = process.env;
  process.stdout.write(`container tests are left out: ${reason}\n`);
  if (NOT_TRIED) appendFileSync(NOT_TRIED, `container tests: ${reason}\n`);
  process.exit(REQUIRE_ALL === '1' ? 1 : 0);
}

function run(file, args, options = {}) {
  const { status, stdout } = spawnSync(file, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  return status === 0 ? (stdout ?? '') : undefined;
}

/** podman for hosts that may not raise limits and have no systemd: a runtime that asks for neither. */
function configurePodman(home) {
  const runtime = join(home, 'runc');
  writeFileSync(
    runtime,
    `#!/usr/bin/env node
const { readFileSync, writeFileSync, existsSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const args = process.argv.slice(2);
const edit = (path, change) => {
  if (!existsSync(path)) return;
  const spec = JSON.parse(readFileSync(path, 'utf8'));
  change(spec);
  writeFileSync(path, JSON.stringify(spec));
};
args.forEach((word, at) => {
  const [name, value = args[at + 1]] = word.split('=');
  if (name === '--bundle' || name === '-b') edit(value + '/config.json', ({ process: it }) => { delete it.rlimits; delete it.oomScoreAdj; });
  if (name === '--process' || name === '-p') edit(value, (it) => { delete it.rlimits; });
});
const { status } = spawnSync('/usr/sbin/runc', args, { stdio: 'inherit' });
process.exit(status ?? 1);
`,
  );
  chmodSync(runtime, 0o755);
  const limits = run('sh', ['-c', 'ulimit -Hn'])?.trim();
  const configuration = join(home, 'containers.conf');
  writeFileSync(
    configuration,
    `[containers]
default_ulimits = ["nofile=${limits}:${limits}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "plain"
[engine.runtimes]
plain = ["${runtime}"]
`,
  );
  return { ...process.env, CONTAINERS_CONF: configuration };
}

function ensureBase(env, home) {
  if (run('podman', ['image', 'exists', BASE], { env }) !== undefined) return;
  const root = join(home, 'root');
  const targets = run('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE)']) ?? '';
  const mirror = targets
    .split('\n')
    .find((line) => !line.includes('security'))
    ?.split(' ')[0];
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  process.stderr.write('making a base image of Debian packages…\n');
  const made = run('debootstrap', ['--variant=minbase', `--include=${BASE_PACKAGES}`, release, root, mirror], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (made === undefined) leaveOut('debootstrap failed');
  const archive = join(home, 'root.tar');
  run('tar', ['-C', root, '-cf', archive, '.']);
  if (run('podman', ['import', archive, BASE], { env }) === undefined) leaveOut('podman cannot import an image');
}

/** An image with Node, made of the Node that runs this. */
function ensureNode(env, home) {
  const context = join(home, 'node');
  mkdirSync(context);
  run(process.execPath, ['dist/git-sidecar.cjs', 'install', join(context, 'runtime')]);
  const loader = run('sh', ['-c', `ls ${context}/runtime/lib | grep '^ld-'`])?.trim();
  writeFileSync(
    join(context, 'start'),
    `#!/bin/sh\nexec /runtime/lib/${loader} --library-path /runtime/lib /runtime/bin/node "$@"\n`,
  );
  chmodSync(join(context, 'start'), 0o755);
  writeFileSync(
    join(context, 'Containerfile'),
    `FROM ${BASE}\nCOPY runtime /runtime\nCOPY start /usr/local/bin/node\n`,
  );
  if (run('podman', ['build', '-q', '-t', NODE, context], { env }) === undefined)
    leaveOut('podman cannot build an image');
}

ensureDependencies();
ensureBundle();
if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) leaveOut('they need root on Debian');
if (!existsSync('/usr/bin/podman') || !existsSync('/usr/sbin/debootstrap')) {
  process.stderr.write(`installing ${PACKAGES.join(' ')}…\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  run('apt-get', ['update', '-qq'], options);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], options);
}
if (!existsSync('/usr/bin/podman')) leaveOut('podman could not be installed');
const home = mkdtempSync(join(tmpdir(), 'git-sidecar-containers-'));
let status = 0;
try {
  const env = configurePodman(home);
  ensureBase(env, home);
  ensureNode(env, home);
  copyFileSync('LICENSE', join(home, 'LICENSE'));
  const from = ['-f', 'deploy/Containerfile', '--build-arg', `NODE=${NODE}`, '--build-arg', `BASE=${BASE}`, '.'];
  const build = (...options) => run('podman', ['build', '-q', ...options, ...from], { env });
  if (build('-t', IMAGE) === undefined) throw new Error('deploy/Containerfile cannot be built');
  if (run('podman', ['run', '--rm', '--network=host', IMAGE, '--version'], { env }) === undefined)
    leaveOut('podman cannot run a container here');
  const files = build('--target', 'files').trim();
  const inspected = run('podman', ['image', 'inspect', '--format', '{{.Size}}', IMAGE], { env });
  const script = readFileSync('deploy/image/sizes.sh', 'utf8');
  const options = ['run', '--rm', '-i', '--network=host', '--user=0', '--entrypoint=/bin/sh', files];
  const said = run('podman', options, { env, input: script, stdio: ['pipe', 'pipe', 'inherit'] });
  const contents = readContents(said, Number(inspected));
  if (process.argv.includes('--contents'))
    writeFileSync(PAGE, withContents(readFileSync(PAGE, 'utf8'), renderContents(contents)));
  const page = contentsIn(readFileSync(PAGE, 'utf8'));
  const vitest = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'vitest.containers.config.ts',
    ...process.argv.slice(2).filter((word) => word !== '--contents'),
  ];
  status =
    spawnSync(process.execPath, vitest, {
      env: { ...env, IMAGE, BASE, NODE_IMAGE: NODE, CONTENTS: JSON.stringify({ ...contents, page }) },
      stdio: 'inherit',
    }).status ?? 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}
process.exit(status);
