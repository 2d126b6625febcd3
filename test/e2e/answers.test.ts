import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { script } from '../kit/script.ts';
import { selfSigned } from '../kit/self-signed.ts';
import { run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { fluxStandIn, slackStandIn } from '../kit/stand-ins/channels.ts';
import { githubStandIn } from '../kit/stand-ins/forges.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const SLACK = '/services/T0/B0/secret-of-slack';
const HOOK = '/hook/secret-of-flux';

/** A relay that shows its rollouts at a GitHub with TLS, in Slack and to Flux; and instances that follow it. */
async function setUp(policy = 'done: published') {
  const dir = tempDir();
  const team = join(dir, 'projects', 'team');
  mkdirSync(team, { recursive: true });
  const upstream = new Upstream(team);
  const first = upstream.commit({ a: 'one' });
  const server = await httpGit(join(dir, 'projects'));
  const host = hostOf(server);
  const certificate = selfSigned();
  const github = await githubStandIn('/api/v3', certificate);
  const [slack, flux] = [await slackStandIn(SLACK), await fluxStandIn(HOOK, 'key-of-flux')];
  const secret = (name: string, text: string): string => {
    writeFileSync(join(dir, name), `${text}\n`);
    return name;
  };
  const file = join(dir, 'rollouts.yaml');
  const write = (more = ''): void =>
    writeFileSync(
      file,
      `
rollouts:
  - name: app
    repository: ${host}/team/*
    refs: [main]
    stages: [{ name: canary, select: { instances: [canary-*] } }]
    ${policy.trim().replaceAll('\n', '\n    ')}
answers:
  - name: github
    to: github
    repository: ${host}/team/*
    url: ${github.url}/api/v3
    token-file: ${secret('token', 'good-token')}
    page-url: https://relay.example.com/?ref={{ref}}
notifications:
  - { name: on-call, to: slack, url-file: ${secret('slack', `${slack.url}${SLACK}`)} }
  - name: flux
    to: webhook
    url-file: ${secret('flux', `${flux.url}${HOOK}`)}
    secret-file: ${secret('key', 'key-of-flux')}
    events: [completed]
${more}`,
    );
  write();
  const access = join(dir, 'access');
  writeFileSync(access, `bearer pod ${host}/**\nsteer bearer boss ${host}/**\n`);
  for (const name of ['pod', 'boss']) secret(name, name);
  const args = [`--allow=${server}/team/*`, `--rollouts=${file}`, `--access-file=${access}`, '--http-metrics'];
  const start = async (port?: number): Promise<RunningRelay> =>
    await startRelay({ dir, args, env: { SSL_CERT_FILE: certificate.certFile }, ...(port !== undefined && { port }) });
  let relay = await start();
  const instance = (name: string, ...words: string[]) => {
    const link = join(dir, name, 'link');
    const own = [`--repo=${server}/team/repo.git`, `--root=${join(dir, name)}`, '--link=link', '--ref=main'];
    const with_ = [`--relay=${relay.url}`, `--relay-token-file=${join(dir, 'pod')}`, `--instance=${name}`];
    return { link, process: sidecar([...own, '--period=200ms', ...with_, ...words]) };
  };
  const order = async (verb: string): Promise<void> => {
    const words = ['--why=a test', '--who=ada', `--token-file=${join(dir, 'boss')}`];
    const given = await run(['fleet', verb, relay.url, `${host}/team/repo.git#main`, ...words], {}, 'git-sidecar');
    expect(given.stderr).toBe('');
  };
  return {
    ...{ dir, upstream, first, github, slack, flux, instance, order, write, relay: () => relay },
    /** Everything is delivered, and that is noted. */
    delivered: async (): Promise<void> => {
      await until('nothing is pending', async () => {
        const metrics = await (await relay.get('/metrics')).text();
        return !/git_sidecar_rollout_messages_pending\{[^}]*\} [1-9]/.test(metrics);
      });
    },
    restart: async (signal: NodeJS.Signals): Promise<void> => {
      const { port } = relay;
      await relay.process.stop(signal);
      relay = await start(port);
    },
    last: (oid: string) => github.statuses.findLast((status) => status.oid === oid),
  };
}

describe('a relay with answers and notifications', () => {
  test('shows a rollout at the git host over TLS, in Slack, and wakes Flux when it is complete', async () => {
    const it = await setUp();
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    for (const { link, process } of [canary, web]) await untilPublished(link, it.first, process);
    const second = it.upstream.commit({ a: 'two' });
    await until('it is a success at GitHub', () => it.last(second)?.state === 'success');
    expect(it.github.statuses.filter(({ oid }) => oid === it.first)).toEqual([]);
    expect(it.last(second)).toMatchObject({
      ...{ place: 'team/repo', context: 'git-sidecar/app/main' },
      page: 'https://relay.example.com/?ref=refs%2Fheads%2Fmain',
    });
    await until('Flux was woken', () => it.flux.taken.length === 1);
    expect(JSON.parse(it.flux.taken[0] ?? '')).toMatchObject({ event: 'completed', commit: second });
    await until('Slack has it', () => it.slack.taken.join('\n').includes('is complete'));
    const metrics = await (await it.relay().get('/metrics')).text();
    expect(metrics).toMatch(/git_sidecar_rollout_messages_total\{kind="github",result="sent"\} [1-9]/);
    const log = it.relay().process.stderr;
    for (const hidden of ['good-token', 'secret-of-slack', 'secret-of-flux', 'key-of-flux'])
      expect(log).not.toContain(hidden);
  });

  test('sends what it could not deliver before it was killed, and nothing twice', async () => {
    const it = await setUp('done: published\nsoak: 1h');
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    for (const { link, process } of [canary, web]) await untilPublished(link, it.first, process);
    const second = it.upstream.commit({ a: 'two' });
    await until('it soaks', () => it.last(second)?.text.includes('it soaks'));
    await until('Slack has the start', () => it.slack.taken.length > 0);
    await it.delivered();
    it.github.outage = { status: 503 };
    it.slack.outage = { status: 503 };
    await it.order('abort');
    await until('it was tried', () => it.github.requests.length > it.github.statuses.length);
    await it.restart('SIGKILL');
    const before = it.slack.taken.length;
    it.github.outage = undefined;
    it.slack.outage = undefined;
    await until('it is a failure at GitHub', () => it.last(second)?.state === 'failure');
    expect(it.last(second)?.text).toBe('Aborted in stage canary by ada: a test');
    await until('Slack has it', () => it.slack.taken.length > before);
    const told = it.slack.taken.slice(before).join('\n');
    expect(told).toContain('is aborted');
    expect(told).not.toContain('has started');
    await it.delivered();
    await it.restart('SIGTERM');
    const sent = [it.github.requests.length, it.slack.requests.length];
    await new Promise((done) => setTimeout(done, 2500));
    expect([it.github.requests.length, it.slack.requests.length]).toEqual(sent);
  });

  test('names a token that is refused once in the log, and takes the next one from the file', async () => {
    const it = await setUp();
    it.github.token = 'rotated';
    const canary = it.instance('canary-1');
    await untilPublished(canary.link, it.first, canary.process);
    const second = it.upstream.commit({ a: 'two' });
    const line = await it.relay().process.logged('an answer or notification was not taken');
    expect(line).toMatchObject({ code: 'ERR_ANSWER_REFUSED', destination: 'github' });
    expect(line.hint).toContain('token-file');
    await until('Flux was woken all the same', () => it.flux.taken.length === 1);
    writeFileSync(join(it.dir, 'token'), 'rotated\n');
    await until('it is a success at GitHub', () => it.last(second)?.state === 'success');
    expect(it.relay().process.count('an answer or notification was not taken')).toBe(1);
  });

  test('keeps what it has when the file is changed into nonsense, and says which line', async () => {
    const it = await setUp();
    const canary = it.instance('canary-1');
    await untilPublished(canary.link, it.first, canary.process);
    it.write('  - { name: more, to: slak, url-file: slack }\n');
    const line = await it.relay().process.logged('the rollout policies cannot be used');
    expect(line.error).toMatch(/rollouts\.yaml:\d+:\d+: to of a notification must be/);
    const second = it.upstream.commit({ a: 'two' });
    await until('it is a success at GitHub', () => it.last(second)?.state === 'success');
  });
});

describe('the GitHub App of a relay', () => {
  test('is enough to show rollouts as statuses and deployments', async () => {
    const dir = tempDir();
    const team = join(dir, 'projects', 'team');
    const upstream = new Upstream(team);
    const first = upstream.commit({ a: 'one' });
    const server = await httpGit(join(dir, 'projects'));
    const github = await githubStandIn('/api/v3');
    github.token = 'token-of-the-app';
    const file = join(dir, 'rollouts.yaml');
    const repository = `${hostOf(server)}/team/*`;
    const entry = `to: github, repository: "${repository}", url: "${github.url}/api/v3", github-app: true, deployments: true`;
    const policy = `rollouts:\n- { name: app, repository: "${repository}", refs: main, done: published }\n`;
    writeFileSync(file, `${policy}answers:\n- { name: hub, ${entry} }\n`);
    const key = join(dir, 'app.pem');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const app = [
      '--github-app-application-id=1',
      '--github-app-installation-id=7',
      `--github-app-private-key-file=${key}`,
    ];
    const args = [`--allow=${server}/team/*`, `--rollouts=${file}`, ...app, `--github-base-url=${github.url}/api/v3`];
    const relay = await startRelay({ dir, args });
    const link = join(dir, 'web', 'link');
    const own = [`--repo=${server}/team/repo.git`, `--root=${join(dir, 'web')}`, '--link=link', '--ref=main'];
    const web = sidecar([...own, '--period=200ms', `--relay=${relay.url}`, '--instance=web-1']);
    await untilPublished(link, first, web);
    const second = upstream.commit({ a: 'two' });
    await until(
      'it is a success at GitHub',
      () => github.statuses.findLast(({ oid }) => oid === second)?.state === 'success',
    );
    await until('the deployment is one', () => github.deployments[0]?.statuses.at(-1)?.state === 'success');
    expect(github.deployments).toMatchObject([{ sha: second, environment: 'production' }]);
    expect(relay.process.stderr).not.toContain('token-of-the-app');
  });
});

describe('an instance with an exechook', () => {
  test('that fails again and again has failed with the revision, and the commit shows why', async () => {
    const it = await setUp('on-failure: revert\nsoak: 1h');
    const hook = script(join(it.dir, 'hook'), 'grep -q bad a && { echo "no such table" >&2; exit 3; }', 'exit 0');
    const words = [`--exechook-command=${hook}`, '--exechook-backoff=1s', '--relay-exechook-failures=2'];
    const [canary, web] = [it.instance('canary-1', ...words), it.instance('web-1')];
    for (const { link, process } of [canary, web]) await untilPublished(link, it.first, process);
    const second = it.upstream.commit({ a: 'bad' });
    await until('it is a failure at GitHub', () => it.last(second)?.state === 'failure');
    expect(it.last(second)?.text).toMatch(
      /^Halted: one instance failed in stage .*the exechook failed: it exited with status 3/,
    );
    await untilPublished(canary.link, it.first, canary.process);
  });
});
