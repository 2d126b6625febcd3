import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Oid } from '../../src/model/oid.ts';
import type { FleetDocument } from '../../src/relay/server/fleet/fleet-document.ts';
import type { RolloutEntry } from '../../src/relay/server/rollouts/rollout-desk.ts';
import { balancer } from '../kit/balancer.ts';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { deployed } from '../kit/runner.ts';
import { published, run, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

/** A relay with a policy, and instances that follow it. */
async function setUp(policy: string, names = '') {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const server = await httpGit(dir);
  const host = hostOf(server);
  const [policies, access, tokenFile] = [join(dir, 'rollouts.yaml'), join(dir, 'access'), join(dir, 'token')];
  const indented = policy.trim().replaceAll('\n', '\n    ');
  writeFileSync(policies, `rollouts:\n  - name: app\n    repository: ${host}/*\n    refs: [main]\n    ${indented}\n`);
  writeFileSync(access, `bearer pod ${host}/* ${names}\nsteer bearer boss ${host}/*\n`);
  writeFileSync(tokenFile, 'pod\n');
  writeFileSync(join(dir, 'boss'), 'boss\n');
  const args = [`--allow=${server}/*`, `--rollouts=${policies}`, `--access-file=${access}`];
  const startAgain = async (): Promise<RunningRelay> => await startRelay({ dir, args });
  let relay = await startAgain();
  const instance = (name: string, start?: (words: readonly string[]) => Sidecar, url = relay.url): Instance => {
    const link = join(dir, name, 'link');
    const words = [
      ...[`--repo=${server}/repo.git`, `--root=${join(dir, name)}`, '--link=link', '--ref=main', '--period=200ms'],
      ...[`--relay=${url}`, `--relay-token-file=${tokenFile}`, `--instance=${name}`],
    ];
    const process = start ? start(words) : sidecar(words);
    return { name, link, process };
  };
  const app = (name: string, ...more: readonly string[]): Instance =>
    instance(name, (words) => {
      const own = [`--state=${join(dir, name, 'state')}`, '--ready-for=300ms', '--drain-delay=0s', ...more];
      return new Sidecar(['run', ...words, ...own, '--', 'sh', 'app.sh'], {}, { command: 'git-sidecar' });
    });
  const fleet = async (...words: string[]) => await run(['fleet', ...words], {}, 'git-sidecar');
  const ref = `${host}/repo.git#main`;
  return {
    ...{ dir, server, upstream, first, instance, app, repository: `${host}/repo.git`, url: () => relay.url },
    rollout: async (): Promise<RolloutEntry> => {
      const answer = await relay.get('/rollouts', { authorization: 'Bearer pod' });
      const { rollouts } = (await answer.json()) as { rollouts: RolloutEntry[] };
      const [only] = rollouts;
      if (!only) throw new Error('there is no rollout');
      return only;
    },
    fleet: async () => {
      const answer = await relay.get('/fleet', { authorization: 'Bearer pod' });
      return ((await answer.json()) as FleetDocument).repositories.flatMap(({ instances }) => instances);
    },
    /** A stream that reports what a sidecar would. */
    open: async (name: string, { key }: { readonly key?: string }) => {
      const revision = { ref: 'refs/heads/main', oid: first, at: Date.now() };
      return await relay.get(`/events?repo=${host}/repo.git&ref=refs/heads/main`, {
        authorization: 'Bearer pod',
        'git-sidecar-report': JSON.stringify({ stream: name, instance: name, published: revision }),
        ...(key !== undefined && { 'git-sidecar-key': key }),
      });
    },
    order: async (verb: string, token = 'boss') =>
      await fleet(verb, relay.url, ref, '--why=a test', '--who=me', `--token-file=${join(dir, token)}`),
    wait: async (commit: string) =>
      await fleet('wait', relay.url, ref, commit, '--within=30s', `--token-file=${tokenFile}`),
    /** A wait that goes on; a relay may restart meanwhile. */
    startWait: (commit: string): Sidecar =>
      new Sidecar(
        ['fleet', 'wait', relay.url, ref, `--commit=${commit}`, '--timeout=60s', `--token-file=${tokenFile}`],
        {},
        { command: 'git-sidecar' },
      ),
    watch: (...words: string[]): Sidecar =>
      new Sidecar(['fleet', 'watch', relay.url, `--token-file=${tokenFile}`, ...words], {}, { command: 'git-sidecar' }),
    show: async () => await fleet(relay.url, `--token-file=${tokenFile}`),
    writePolicies: (text: string): void => writeFileSync(policies, text),
    /** Kills the relay, and starts it again at the same address. */
    restart: async (goneMs = 0): Promise<void> => {
      const { port } = relay;
      relay.process.kill('SIGKILL');
      await relay.process.exited;
      await new Promise((done) => setTimeout(done, goneMs));
      relay = await startRelay({ dir, args, port });
    },
  };
}

interface Instance {
  readonly name: string;
  readonly link: string;
  readonly process: Sidecar;
}

const STAGES = `
done: published
soak: 1s
stages:
  - name: canary
    select: { instances: [canary-*] }
  - name: half
    select: { percent: 50 }
`;

async function everyone(instances: readonly Instance[], oid: string): Promise<void> {
  await Promise.all(instances.map(async ({ link, process }) => await untilPublished(link, oid, process)));
}

describe('a rollout policy of a relay', () => {
  test('brings a push to one stage after the other, and to everybody in the end', async () => {
    const it = await setUp(STAGES);
    const canary = it.instance('canary-1');
    const others = ['web-1', 'web-2', 'web-3'].map((name) => it.instance(name));
    await everyone([canary, ...others], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await untilPublished(canary.link, second, canary.process);
    expect(others.map(({ link }) => published(link))).toEqual(others.map(() => it.first));
    const waited = await it.wait(second);
    expect(waited.stdout).toContain('canary 1/1');
    expect(waited.code).toBe(0);
    await everyone(others, second);
    expect((await it.rollout()).status).toBe('complete');
    expect((await it.show()).stdout).toContain('complete');
  });

  test('goes on where it was after the relay was killed, and a new instance gets the completed revision', async () => {
    const it = await setUp(STAGES.replace('1s', '1h'));
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    await everyone([canary, web], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await untilPublished(canary.link, second, canary.process);
    await until('it soaks', async () => (await it.rollout()).status === 'soaking');
    await it.restart();
    const late = it.instance('web-2');
    await untilPublished(late.link, it.first, late.process);
    expect(await it.rollout()).toMatchObject({ stage: 'canary', oid: second });
    await until('it soaks again, since the instance is back', async () => (await it.rollout()).status === 'soaking');
    expect([published(canary.link), published(web.link)]).toEqual([second, it.first]);
    expect((await it.order('promote')).code).toBe(0);
    await until('the next stage opens', async () => (await it.rollout()).stage !== 'canary');
    expect((await it.rollout()).journal).toContainEqual(expect.objectContaining({ what: 'promoted', who: 'me' }));
  });

  test('is given up by a person: those who had the revision go back, and nobody else gets it', async () => {
    const it = await setUp(STAGES.replace('1s', '1h'));
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    await everyone([canary, web], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await untilPublished(canary.link, second, canary.process);
    expect((await it.order('abort')).code).toBe(0);
    await untilPublished(canary.link, it.first, canary.process);
    expect((await it.wait(second)).code).toBe(1);
    expect(published(web.link)).toBe(it.first);
    const third = it.upstream.commit({ a: 'three' });
    await untilPublished(canary.link, third, canary.process);
  });

  test('stops at a commit whose process fails, and those who had the one before keep it running', async () => {
    const it = await setUp(STAGES.replace('done: published', 'done: ready\non-failure: revert'));
    const good = it.upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
    const [canary, web] = [it.app('canary-1'), it.app('web-1')];
    await Promise.all([canary, web].map(async ({ process }) => await deployed(process, good)));
    const bad = it.upstream.commit({ 'app.sh': 'exit 7\n' });
    await until('it halts', async () => (await it.rollout()).refused.includes(bad as Oid));
    const { failures, status } = await it.rollout();
    expect(status).toMatch(/halted|reverting/);
    expect(failures).toContainEqual(expect.objectContaining({ instance: 'canary-1' }));
    await untilPublished(canary.link, good, canary.process);
    expect(published(web.link)).toBe(good);
    expect((await it.wait(bad)).code).toBe(1);
  });

  test('stops at a commit whose process ends again and again after it was ready, and says why', async () => {
    const it = await setUp(STAGES.replace('done: published', 'done: ready\non-failure: revert').replace('1s', '1h'));
    const good = it.upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
    const [canary, web] = [it.app('canary-1'), it.app('web-1')];
    await Promise.all([canary, web].map(async ({ process }) => await deployed(process, good)));
    const bad = it.upstream.commit({ 'app.sh': 'sleep 2\nexit 7\n' });
    await until('it halts', async () => (await it.rollout()).refused.includes(bad as Oid));
    const { failures, journal } = await it.rollout();
    expect(failures).toMatchObject([{ instance: 'canary-1', stage: 'canary' }]);
    expect(failures[0]?.reason).toContain('its process ended 2 times: it exited with status 7');
    // The soak began, was interrupted when the process ended, and began again.
    const steps = journal.filter(({ oid, stage }) => oid === bad && stage === 'canary').map(({ what }) => what);
    expect(steps.reverse()).toEqual(['opened', 'soaking', 'soaking', 'failed', 'halted']);
    await untilPublished(canary.link, good, canary.process);
    expect(published(web.link)).toBe(good);
  });

  test('waits again for an instance that was restarted, until its process is ready', async () => {
    const it = await setUp(STAGES.replace('done: published', 'done: ready').replace('1s', '1h'));
    const flag = join(it.dir, 'ready');
    writeFileSync(flag, '');
    const good = it.upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
    const start = (): Instance => it.app('canary-1', `--ready-exec=test -e ${flag}`);
    const canary = start();
    await deployed(canary.process, good);
    const second = it.upstream.commit({ a: 'two' });
    await until('it soaks', async () => (await it.rollout()).status === 'soaking');
    rmSync(flag);
    await canary.process.stop();
    const again = start();
    const isStarting = async (): Promise<boolean> => (await it.fleet()).find(isThere)?.process?.state === 'starting';
    const isThere = ({ connected }: { readonly connected: boolean }): boolean => connected;
    await until('it is back, and not ready', isStarting);
    await until('it is published', () => published(again.link) === second);
    expect((await it.rollout()).status).toBe('running');
    writeFileSync(flag, '');
    await until('it soaks again', async () => (await it.rollout()).status === 'soaking');
    expect((await it.fleet()).find(isThere)).toMatchObject({ running: { oid: second }, process: { state: 'ready' } });
  });

  test('gives out only what was released to an instance, where it is enforced', async () => {
    const it = await setUp(STAGES.replace('1s', '1h\nenforce: true\nmax-unavailable: 9'));
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    await everyone([canary, web], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await untilPublished(canary.link, second, canary.process);
    const fetched = (instance: string, key?: string): { readonly ok: boolean; readonly said: string } => {
      const bare = mkdtempSync(join(it.dir, `fetch-${instance}-`));
      git(it.dir, 'init', '-q', '--bare', bare);
      const shown = key === undefined ? [] : [`git-sidecar-key: ${key}`];
      const headers = ['Authorization: Bearer pod', `git-sidecar-instance: ${instance}`, ...shown];
      const settings = headers.flatMap((header) => ['-c', `http.extraHeader=${header}`]);
      const words = [...settings, 'fetch', '-q', `${it.url()}/git/${it.repository}`, second];
      const { status, stderr } = spawnSync('git', words, { cwd: bare, env: GIT_ENV, encoding: 'utf8' });
      return { ok: status === 0, said: stderr };
    };
    expect(fetched('web-1').said).toContain('not our ref');
    // While the real one is there, nobody with the same token fetches in its name.
    expect(fetched('canary-1').said).toContain('not our ref');
    expect(fetched('canary-1', 'a'.repeat(43)).said).toContain('not our ref');
    const key = 'k'.repeat(43);
    const stream = await it.open('canary-2', { key });
    await until('it has a place', async () => (await it.fleet()).some(({ instance }) => instance === 'canary-2'));
    expect(fetched('canary-2', key).ok).toBe(true);
    expect(fetched('canary-2').said).toContain('not our ref');
    await stream.body?.cancel();
    // One of an older release has no key, and is known by its name alone.
    await it.open('canary-3', {});
    await until('it has a place', async () => (await it.fleet()).some(({ instance }) => instance === 'canary-3'));
    expect(fetched('canary-3').ok).toBe(true);
    expect(published(web.link)).toBe(it.first);
  });

  test('lets a token be only those instances that the access file names', async () => {
    const it = await setUp(STAGES.replace('1s', '1h\nenforce: true'), 'as web-* other');
    const [web, canary] = [it.instance('web-1'), it.instance('canary-1')];
    await everyone([web, canary], it.first);
    const named = async (): Promise<string[]> => (await it.fleet()).map(({ instance }) => instance);
    await until('it is there', async () => (await named()).includes('web-1'));
    expect(await named()).toEqual(['web-1']);
    const refused = await it.open('canary-2', {});
    expect(refused.headers.get('git-sidecar-report')).toContain('does not let this token or certificate be `canary-2`');
    expect(await canary.process.logged('the relay does not take the report')).toMatchObject({ severity: 'warning' });
    const second = it.upstream.commit({ a: 'two' });
    await until('the rollout begins', async () => (await it.rollout()).oid === second);
    expect((await it.rollout()).why).toContain('no instance that stage canary selects is connected');
    expect(published(canary.link)).toBe(it.first);
  });

  test('follows a changed file of policies: without the policy everybody gets what the git server has', async () => {
    const it = await setUp(STAGES.replace('1s', '1h'));
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    await everyone([canary, web], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await untilPublished(canary.link, second, canary.process);
    it.writePolicies('rollouts: []\n');
    await untilPublished(web.link, second, web.process);
    it.writePolicies('rollouts: nonsense\n');
    const third = it.upstream.commit({ a: 'three' });
    await everyone([canary, web], third);
  });

  test('is watched in a terminal: a line for each step, and a relay that is gone for a while is asked again', async () => {
    const it = await setUp(STAGES);
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    await everyone([canary, web], it.first);
    const watching = it.watch();
    const reads = async (text: RegExp): Promise<true> =>
      await until(
        () => `${text} in ${watching.stdout}`,
        () => text.test(watching.stdout) || undefined,
      );
    await reads(/#main {2}complete/);
    const second = it.upstream.commit({ a: 'two' });
    await reads(new RegExp(`#main  \\w+ ${second.slice(0, 12)}: canary 1/1`));
    await everyone([canary, web], second);
    await reads(new RegExp(`#main  complete ${second.slice(0, 12)}`));
    await it.restart(2500);
    await reads(/no answer: .*\n(?:.*\n)*.*the relay answers again/);
    watching.kill('SIGINT');
    expect(watching.stderr).toBe('');
    const other = it.watch('git.example.com/another.git#main', '--json');
    await new Promise((done) => setTimeout(done, 1500));
    expect(other.stdout).toBe('');
    other.kill('SIGINT');
    await Promise.all([watching.exited, other.exited]);
  });

  test('is waited for by a pipeline, also while the relay restarts, and a commit that was replaced ends the wait', async () => {
    const it = await setUp(STAGES.replace('1s', '1h\npush: replace'));
    const [canary, web] = [it.instance('canary-1'), it.instance('web-1')];
    await everyone([canary, web], it.first);
    const second = it.upstream.commit({ a: 'two' });
    const waiting = it.startWait(second);
    const reads = async (text: RegExp, { process }: { readonly process: Sidecar }): Promise<true> =>
      await until(
        () => `${text} in ${process.stdout}`,
        () => text.test(process.stdout) || undefined,
      );
    await reads(/soaking/, { process: waiting });
    await it.restart(2500);
    await reads(/no answer: /, { process: waiting });
    const third = it.upstream.commit({ a: 'three' });
    await untilPublished(canary.link, third, canary.process);
    expect(await waiting.exited).toEqual({ code: 1, signal: null });
    expect(waiting.stderr).toContain(`${second.slice(0, 12)} is not rolled out: replaced: ${third} takes its place`);
    const last = it.startWait(third);
    await until('it soaks', async () => (await it.rollout()).status === 'soaking');
    while ((await it.rollout()).status !== 'complete') expect((await it.order('promote')).code).toBe(0);
    expect(await last.exited).toEqual({ code: 0, signal: null });
  });

  test('reaches the instances of a relay below with the last stage, all at once', async () => {
    const it = await setUp(STAGES.replace('1s', '1h'));
    const canary = it.instance('canary-1');
    const below = await startRelay({
      dir: it.dir,
      root: join(it.dir, 'below'),
      args: [`--allow=${it.server}/*`, `--relay=${it.url()}`, `--relay-token-file=${join(it.dir, 'token')}`],
    });
    const far = it.instance('far-1', sidecar, below.url);
    await everyone([canary, far], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await untilPublished(canary.link, second, canary.process);
    await until('it soaks', async () => (await it.rollout()).status === 'soaking');
    expect(published(far.link)).toBe(it.first);
    while ((await it.rollout()).status !== 'complete') expect((await it.order('promote')).code).toBe(0);
    await untilPublished(far.link, second, far.process);
    const third = it.upstream.commit({ a: 'three' });
    await untilPublished(canary.link, third, canary.process);
    expect((await it.order('abort')).code).toBe(0);
    expect(published(far.link)).toBe(second);
  });

  test('warns of another relay behind the same name that decides too, and not of one that was there before', async () => {
    const it = await setUp(STAGES);
    const args = [`--allow=${it.server}/*`, `--rollouts=${join(it.dir, 'rollouts.yaml')}`];
    const access = `--access-file=${join(it.dir, 'access')}`;
    const before = await startRelay({ dir: it.dir, root: join(it.dir, 'one'), args: [...args, access] });
    const later = await startRelay({ dir: it.dir, root: join(it.dir, 'two'), args: [...args, access] });
    const { url, ports } = await balancer([later.port]);
    const web = it.instance('web-1', sidecar, url);
    await untilPublished(web.link, it.first, web.process);
    ports.splice(0, 1, before.port);
    later.process.kill('SIGKILL');
    expect(await before.process.logged('another relay behind the same name')).toMatchObject({ severity: 'warning' });
    // The instance goes to one that began later.
    const last = await startRelay({ dir: it.dir, root: join(it.dir, 'two'), args: [...args, access] });
    ports.splice(0, 1, last.port);
    before.process.kill('SIGKILL');
    await until('it is there', async () => {
      const answer = await last.get('/fleet', { authorization: 'Bearer pod' });
      const { repositories } = (await answer.json()) as { repositories: readonly { connected: number }[] };
      return repositories[0]?.connected === 1;
    });
    expect(last.process.count('another relay behind the same name')).toBe(0);
  });

  test('takes orders only from those that may steer', async () => {
    const it = await setUp(STAGES);
    const canary = it.instance('canary-1');
    await untilPublished(canary.link, it.first, canary.process);
    const refused = await it.order('pause', 'token');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('steer');
  });
});
