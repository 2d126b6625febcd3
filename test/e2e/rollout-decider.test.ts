import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RolloutEntry } from '../../src/relay/server/rollouts/rollout-desk.ts';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { published, run, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

/** Two relays with the same policies, which name the first one as the one that decides. */
async function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const server = await httpGit(dir);
  const host = hostOf(server);
  writeFileSync(join(dir, 'access'), `bearer pod ${host}/*\nsteer bearer boss ${host}/*\n`);
  for (const token of ['pod', 'boss']) writeFileSync(join(dir, token), `${token}\n`);
  /** @returns the flags of a relay of that name */
  const flags = (name: string, decider: { readonly name: string; readonly url: string }): readonly string[] => {
    const policies = join(dir, `rollouts-${name}.yaml`);
    writeFileSync(
      policies,
      `decider: { name: ${decider.name}, url: '${decider.url}', token-file: pod }
rollouts:
  - name: app
    repository: ${host}/*
    refs: [main]
    done: published
    soak: 1h
    stages: [{ name: canary, select: { instances: [canary-*] } }]
`,
    );
    const access = [`--access-file=${join(dir, 'access')}`, `--relay-name=${name}`];
    return [`--allow=${server}/*`, `--rollouts=${policies}`, ...access];
  };
  const start = async (name: string, args: readonly string[], port?: number): Promise<RunningRelay> =>
    await startRelay({ dir, root: join(dir, name), args, ...(port !== undefined && { port }) });
  const ref = `${host}/repo.git#main`;
  return {
    ...{ dir, upstream, first, flags, start, ref },
    instance: (name: string, { url }: RunningRelay) => {
      const words = [
        ...[`--repo=${server}/repo.git`, `--root=${join(dir, name)}`, '--link=link', '--ref=main', '--period=200ms'],
        ...[`--relay=${url}`, `--relay-token-file=${join(dir, 'pod')}`, `--instance=${name}`],
      ];
      return { link: join(dir, name, 'link'), process: sidecar(words) };
    },
    rollout: async (relay: RunningRelay): Promise<RolloutEntry | undefined> => {
      const answer = await relay.get('/rollouts', { authorization: 'Bearer pod' });
      return ((await answer.json()) as { rollouts: RolloutEntry[] }).rollouts[0];
    },
    fleet: async ({ url }: RunningRelay, verb?: string) => {
      const words = verb === undefined ? [url] : [verb, url, ref, '--why=a test', '--who=me'];
      return await run(['fleet', ...words, `--token-file=${join(dir, 'boss')}`], {}, 'git-sidecar');
    },
  };
}

/** Nobody connects there. */
const NOWHERE = 'http://127.0.0.1:1';

describe('relays without NATS, of which the policies name one that decides', () => {
  test('a commit that is not released reaches nobody at either, and what is released reaches all', async () => {
    const it = await setUp();
    const one = await it.start('one', it.flags('one', { name: 'one', url: NOWHERE }));
    const two = await it.start('two', it.flags('two', { name: 'one', url: one.url }));
    const canary = it.instance('canary-1', one);
    const others = [it.instance('web-1', one), it.instance('web-2', two), it.instance('canary-2', two)];
    for (const { link, process } of [canary, ...others]) await untilPublished(link, it.first, process);
    const bad = it.upstream.commit({ a: 'bad' });
    await untilPublished(canary.link, bad, canary.process);
    await until('it soaks', async () => (await it.rollout(one))?.status === 'soaking');

    // The second one decides nothing, and names the one that does.
    const refused = await it.fleet(two, 'abort');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(`give the order to ${one.url}`)]);
    expect((await it.fleet(two)).stdout).toContain(`one decides about rollouts; ask ${one.url}`);
    expect(await it.rollout(two)).toBeUndefined();

    expect((await it.fleet(one, 'abort')).code).toBe(0);
    await untilPublished(canary.link, it.first, canary.process);
    const late = it.instance('web-3', two);
    await untilPublished(late.link, it.first, late.process);
    expect(others.map(({ link }) => published(link))).toEqual(others.map(() => it.first));

    const good = it.upstream.commit({ a: 'good' });
    await untilPublished(canary.link, good, canary.process);
    while ((await it.rollout(one))?.status !== 'complete') expect((await it.fleet(one, 'promote')).code).toBe(0);
    for (const { link, process } of [...others, late]) await untilPublished(link, good, process);
  });

  test('the others go on showing what was released while the one that decides is gone, and decide only with what it knew', async () => {
    const it = await setUp();
    const flags = it.flags('one', { name: 'one', url: NOWHERE });
    const one = await it.start('one', flags);
    const following = it.flags('two', { name: 'one', url: one.url });
    const two = await it.start('two', following);
    const canary = it.instance('canary-1', one);
    const web = it.instance('web-1', two);
    for (const { link, process } of [canary, web]) await untilPublished(link, it.first, process);
    const bad = it.upstream.commit({ a: 'bad' });
    await untilPublished(canary.link, bad, canary.process);
    expect((await it.fleet(one, 'abort')).code).toBe(0);
    await untilPublished(canary.link, it.first, canary.process);
    one.process.kill('SIGKILL');
    await one.process.exited;
    await two.process.stop();
    const again = await it.start('two', following, two.port);
    const late = it.instance('web-2', again);
    await untilPublished(late.link, it.first, late.process);
    expect((await again.process.logged('the git server cannot be followed')).serving).toBe(true);
    await again.process.stop();

    const deciding = it.flags('two', { name: 'two', url: NOWHERE });
    const words = ['relay', `--root=${join(it.dir, 'two')}`, '--http-bind=127.0.0.1:0', ...deciding];
    const { code, stderr } = await run(words, {}, 'git-sidecar');
    expect([code, stderr]).toEqual([1, expect.stringContaining('ERR_ROLLOUT_STATE')]);
    cpSync(join(it.dir, 'one', 'rollouts'), join(it.dir, 'two', 'rollouts'), { recursive: true });
    const next = await it.start('two', deciding, two.port);
    await until('it knows what was refused', async () => (await it.rollout(next))?.refused.includes(bad as never));
    expect([published(late.link), published(web.link)]).toEqual([it.first, it.first]);

    // And back: what the first one knows of rollouts is too old then.
    const back = await it.start('one', it.flags('one', { name: 'two', url: next.url }));
    const last = it.instance('web-4', back);
    await untilPublished(last.link, it.first, last.process);
    await back.process.stop();
    const outdated = new Sidecar(
      [
        'relay',
        `--root=${join(it.dir, 'one')}`,
        '--http-bind=127.0.0.1:0',
        ...it.flags('one', { name: 'one', url: NOWHERE }),
      ],
      {},
      { command: 'git-sidecar' },
    );
    expect((await outdated.exited).code).toBe(1);
  });

  test('a decider beside --nats is refused, and one that changes while the relay runs changes nothing', async () => {
    const it = await setUp();
    const flags = it.flags('one', { name: 'one', url: NOWHERE });
    const words = [
      'relay',
      `--root=${join(it.dir, 'n')}`,
      '--http-bind=127.0.0.1:0',
      '--nats=nats://127.0.0.1:1',
      ...flags,
    ];
    const { code, stderr } = await run(words, {}, 'git-sidecar');
    expect([code, stderr]).toEqual([1, expect.stringContaining('choose by themselves which one decides')]);
    const one = await it.start('one', flags);
    it.flags('one', { name: 'two', url: NOWHERE });
    const line = await one.process.logged('the rollout policies cannot be used');
    expect(line.error).toContain('when the relay starts again');
  });
});
