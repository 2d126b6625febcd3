// Idle polls: requests, server CPU and client CPU, against git-sync and git ls-remote; start to first publish; memory.
// All in one run on one machine; medians and ratios.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { startNginx } from '../test/peers/nginx.ts';
import { startSshd } from '../test/peers/sshd.ts';
import type { Conditions } from './conditions.ts';
import { idlePolls } from './poll/idle-polls.ts';
import { memoryUse } from './poll/memory-use.ts';
import { type Place, Scene } from './poll/scene.ts';
import { startTimes } from './poll/start-times.ts';
import { largeRepository, tinyRepository } from './repositories.ts';
import { size } from './size.ts';

const FILES = size('BENCH_FILES', { full: 50_000, smoke: 200 });
const [USER, PASSWORD] = ['bench', 'secret'];

export async function benchPoll({ gitSync }: Conditions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-'));
  const scene = new Scene(directory);
  const projects = join(directory, 'srv');
  const tiny = tinyRepository(projects);
  const large = largeRepository(projects, FILES);
  const { prefix } = scene.server;
  const web = await startNginx(
    join(directory, 'nginx'),
    { projectRoot: projects, tls: true, users: { [USER]: PASSWORD } },
    prefix,
  );
  const shell = await startSshd(join(directory, 'ssh'), prefix);
  writeFileSync(
    scene.settings,
    `[safe]\n\tdirectory = *\n[credential]\n\thelper = "!f() { echo username=${USER}; echo password=${PASSWORD}; }; f"\n`,
  );
  const https = (name: string, path: string): Place => ({
    name,
    url: `${web.url}/${path}`,
    requests: () => readFileSync(web.accessLog, 'utf8').split('\n').length - 1,
    args: [],
    env: { GIT_SSL_CAINFO: web.caFile, GITSYNC_USERNAME: USER, GITSYNC_PASSWORD: PASSWORD },
    bareEnv: {},
  });
  const ssh = (name: string, path: string): Place => ({
    name,
    url: `ssh://${userInfo().username}@127.0.0.1:${shell.port}${projects}/${path}`,
    requests: () => 0,
    args: [`--ssh-key-file=${shell.keyFile}`, `--ssh-known-hosts-file=${shell.knownHostsFile}`],
    env: {},
    // A program that is given a command for ssh takes it as it is, and can share no connection.
    bareEnv: { GIT_SSH_COMMAND: `ssh -i '${shell.keyFile}' -o UserKnownHostsFile='"${shell.knownHostsFile}"'` },
  });
  const tinyWeb = https('HTTPS, 3 files', 'tiny.git');
  const largeWeb = https(`HTTPS, ${FILES} files`, `files-${FILES}.git`);
  const changing = [
    { place: tinyWeb, change: (round: number) => void tiny.commit({ round: `${round} ${Math.random()}` }) },
    { place: largeWeb, change: (round: number) => void large.commit({ round: `${round} ${Math.random()}` }) },
  ];
  try {
    return [
      await idlePolls(scene, [tinyWeb, largeWeb, ssh('ssh, 3 files', 'tiny.git')], gitSync),
      await startTimes(scene, tinyWeb, gitSync),
      await memoryUse(scene, changing, gitSync),
    ].join('\n\n');
  } finally {
    await Promise.all([web.stop(), shell.stop()]);
    scene.server.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
