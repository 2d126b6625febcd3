import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, type Io } from '../app/outcome.ts';
import { childEnvironment } from '../config/environment.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { DemoFleet } from '../demo/fleet.ts';
import { startGitServer } from '../demo/git-server.ts';
import { SampleRepository } from '../demo/sample-repository.ts';
import { Visitor } from '../demo/visitor.ts';
import { ownNode } from '../platform/process/own-node.ts';
import { createProcessRunner } from '../platform/process/runner.ts';
import { NODE_FLAGS, PROGRAM } from '../platform/version.ts';
import { findFreePort } from '../run/instance.ts';
import { Narrator } from './narrator.ts';
import { perform } from './perform.ts';
import { startRun } from './run.ts';

/** Time to read a line before the next thing happens. */
const PAUSE_MS = 1500;

interface Stage {
  readonly repository: string;
  readonly site: string;
  readonly directory: string;
  /** undefined when run from source. */
  readonly fleet: DemoFleet | undefined;
}

function introduction({ repository, site, directory, fleet }: Stage): string {
  const page =
    fleet &&
    `  fleet        ${fleet.url}
               the page of a relay: open it in a browser and log in with the token ${fleet.token}
               ${fleet.size} instances follow it; a push reaches the canary first
`;
  return `
A git server, a web application that is deployed from it, and a visitor who uses it all the time,
all on this machine:

  repository   ${repository}
  published    ${directory}/sync/current
               a link that always shows one complete commit of the branch
  application  ${site}
               runs from it, behind \`git-sidecar run --listen\`
${page ?? ''}
`;
}

function yourTurn({ repository, directory, fleet }: Stage): string {
  const clone = join(directory, 'my-copy');
  return `
Your turn, from another terminal:

  git clone ${repository} ${clone}
  cd ${clone}
  echo '{ "greeting": "my own words" }' > config/app.json
  git -c user.name=me -c user.email=me@example.com commit -am "A change"
  git push

${
  fleet
    ? `${fleet.url} shows how it reaches the fleet (token ${fleet.token}).
`
    : ''
}Ctrl-C ends everything and removes these files.

`;
}

/** Shows the whole story: a change goes live, a mistake does not, the next change does. */
async function tour(stage: Stage, sample: SampleRepository, narrator: Narrator, visitor: Visitor): Promise<void> {
  await narrator.nextOutcome();
  visitor.start();
  await greetFleet(stage, narrator);
  const steps: readonly [string, () => Promise<string>][] = [
    ['pushing another greeting…', () => sample.pushGreeting(stage.repository, 'Hello from the second commit')],
    ['pushing a mistake: a configuration that cannot be read…', () => sample.pushBroken(stage.repository)],
    ['pushing the correction…', () => sample.pushGreeting(stage.repository, 'Hello again')],
  ];
  for (const [words, push] of steps) {
    await delay(PAUSE_MS);
    narrator.say(words);
    const outcome = narrator.nextOutcome();
    const commit = await push();
    await outcome;
    await delay(100);
    narrator.say(`the visitor reads: ${visitor.last}`);
    await tellOfFleet(stage, narrator, commit);
  }
}

async function greetFleet({ fleet }: Stage, narrator: Narrator): Promise<void> {
  const ready = await fleet?.waitFor(({ status, oid }) => status === 'complete' && oid !== null);
  if (!fleet || !ready || !(await fleet.allConnected())) return;
  narrator.say(`the fleet: ${fleet.size} instances run commit ${ready.oid?.slice(0, 10)}`);
}

/** How the rollout of a commit ended. */
async function tellOfFleet({ fleet }: Stage, narrator: Narrator, commit: string): Promise<void> {
  const end = await fleet?.waitFor(
    ({ oid, status }) => oid === commit && (status === 'complete' || status === 'halted' || status === 'reverting'),
  );
  if (!end) return;
  const [failure] = end.failures;
  if (end.status === 'complete') narrator.say('the fleet: the canary was well, and all instances run it');
  else
    narrator.say(
      `the fleet: ${failure?.instance ?? 'the canary'} failed, the rollout stopped by itself, and nobody else got the commit`,
    );
}

/** `git-sidecar demo`: the main job with an embedded git server, with a text around it for a person. */
export async function demoCommand(env: EnvironmentVariables, io: Io): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'git-sidecar-demo-'));
  const runner = createProcessRunner();
  const children = { ...childEnvironment(env), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  const projectRoot = join(directory, 'server');
  const sample = new SampleRepository(projectRoot, runner, children);
  await sample.create();
  const port = await findFreePort();
  const visitor = new Visitor(`http://127.0.0.1:${port}/`);
  const narrator = new Narrator(io, visitor);
  const server = await startGitServer({ runner, env: children, projectRoot, onPush: () => narrator.pushed() });
  const repository = `${server.url}/app.git`;
  const fleet =
    PROGRAM === undefined
      ? undefined
      : new DemoFleet({
          ...{ runner, env: children, directory: join(directory, 'fleet'), repository, program: PROGRAM },
          ...{ nodeFlags: NODE_FLAGS.split(' ').filter(Boolean), port: await findFreePort() },
        });
  const stage: Stage = { repository, site: `http://127.0.0.1:${port}/`, directory, fleet };
  io.stdout(introduction(stage));
  await fleet?.start();
  const toured = tour(stage, sample, narrator, visitor).then(
    () => io.stdout(yourTurn(stage)),
    (error: unknown) => narrator.say(`the tour ended early: ${String(error)}`),
  );
  try {
    const args = [
      `--repo=${stage.repository}`,
      '--ref=main',
      `--root=${directory}/sync`,
      '--link=current',
      '--period=500ms',
      `--state=${directory}/run`,
      `--listen=127.0.0.1:${port}`,
      '--ready-http=/',
      '--ready-timeout=10s',
      '--ready-for=0s',
      '--drain-delay=0s',
      '--log-format=json',
      '--',
      ownNode().file,
      ...ownNode().args,
      'server.js',
    ];
    const own = Object.fromEntries(Object.entries(env).filter(([name]) => !/^GIT_?(?:SYNC|SIDECAR)_/.test(name)));
    const surroundings = { env: own, cwd: directory, io: { ...io, stderr: (text: string) => narrator.hear(text) } };
    const status = await perform({ name: 'run', start: startRun }, args, 'git-sidecar run', surroundings);
    visitor.stop();
    io.stdout('everything is stopped and removed\n');
    return status >= 128 || status === EXIT.ok ? EXIT.ok : status;
  } finally {
    visitor.stop();
    await fleet?.stop();
    await runner.endAll();
    await Promise.race([toured, delay(500)]);
    await server.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
