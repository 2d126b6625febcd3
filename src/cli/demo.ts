import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '../config/environment.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { startGitServer } from '../demo/git-server.ts';
import { createSampleRepository } from '../demo/sample-repository.ts';
import { createProcessRunner } from '../platform/process.ts';
import { EXIT, type Io } from './outcome.ts';
import { syncCommand } from './sync.ts';

function introduction(url: string, directory: string): string {
  const clone = join(directory, 'my-copy');
  return `
A git server and a sidecar that follows it, both on this machine:

  repository   ${url}
  published    ${directory}/root/current
               a link that always shows one complete commit of the branch

Push a change from another terminal and watch it arrive:

  git clone ${url} ${clone}
  cd ${clone}
  echo "a change" >> README.md
  git -c user.name=me -c user.email=me@example.com commit -am "A change"
  git push
  cat ${directory}/root/current/README.md

Ctrl-C ends everything and removes these files.

`;
}

interface SyncLine {
  readonly msg?: string;
  readonly error?: string;
  readonly hash?: string;
  readonly link?: string;
  readonly ms?: number;
}

/** Turns the sync's log lines into a few words for a newcomer. */
class Narrator {
  readonly #io: Io;
  #pushedAt: number | undefined;
  #rest = '';

  constructor(io: Io) {
    this.#io = io;
  }

  pushed(): void {
    this.#pushedAt = performance.now();
    this.#say('the server received a push');
  }

  hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#tell(line);
  }

  #tell(text: string): void {
    let line: SyncLine;
    try {
      line = JSON.parse(text) as SyncLine;
    } catch {
      this.#say(text);
      return;
    }
    if (line.error !== undefined) this.#say(`${line.msg}: ${line.error}`);
    if (line.msg !== 'published') return;
    const since =
      this.#pushedAt === undefined ? '' : `, ${Math.round(performance.now() - this.#pushedAt)} ms after the push`;
    this.#pushedAt = undefined;
    this.#say(`published commit ${line.hash?.slice(0, 10)} in ${line.ms} ms${since}`);
  }

  #say(text: string): void {
    this.#io.stdout(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`);
  }
}

/** `git-sidecar demo`: the main job on an embedded default, with words around it. */
export async function demoCommand(env: EnvironmentVariables, io: Io): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'git-sidecar-demo-'));
  const runner = createProcessRunner();
  const children = { ...childEnvironment(env), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  const narrator = new Narrator(io);
  const projectRoot = join(directory, 'server');
  await createSampleRepository(projectRoot, runner, children);
  const server = await startGitServer({ runner, env: children, projectRoot, onPush: () => narrator.pushed() });
  const url = `${server.url}/app.git`;
  io.stdout(introduction(url, directory));
  try {
    const args = [
      `--repo=${url}`,
      '--ref=main',
      `--root=${directory}/root`,
      '--link=current',
      '--period=1s',
      '--max-failures=-1',
      '--log-format=json',
    ];
    const own = Object.fromEntries(Object.entries(env).filter(([name]) => !/^GIT_?SYNC_/.test(name)));
    const status = await syncCommand(args, own, 'git-sidecar demo', { ...io, stderr: (text) => narrator.hear(text) });
    io.stdout('everything is stopped and removed\n');
    return status === EXIT.interrupt || status === EXIT.terminate ? EXIT.ok : status;
  } finally {
    await runner.endAll();
    await server.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
