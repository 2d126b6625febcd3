import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FleetDocument } from '../../src/relay/server/fleet/fleet-document.ts';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

/** A relay of one repository, for two tenants who may both read it. */
async function setUp() {
  const dir = tempDir();
  const oid = new Upstream(dir).commit({ a: 'one' });
  const server = await httpGit(dir);
  writeFileSync(join(dir, 'access'), ['alice', 'mallory'].map((who) => `bearer ${who} ${hostOf(server)}/*\n`).join(''));
  const relay = await startRelay({ dir, args: [`--allow=${server}/*`, `--access-file=${join(dir, 'access')}`] });
  const as = (who: string) => ({ authorization: `Bearer ${who}` });
  const withKey = (key: string | undefined) => (key === undefined ? {} : { 'git-sidecar-key': key });
  const openStream = async (who: string, report: object | string, key?: string) => {
    const text = typeof report === 'string' ? report : JSON.stringify(report);
    const headers = { ...as(who), ...withKey(key), 'git-sidecar-report': text };
    return await relay.get(`/events?repo=${hostOf(server)}/repo.git`, headers);
  };
  const post = async (who: string, report: object | string, key?: string): Promise<Response> =>
    await fetch(`${relay.url}/reports`, {
      method: 'POST',
      headers: { ...as(who), ...withKey(key) },
      body: typeof report === 'string' ? report : JSON.stringify(report),
    });
  const report = (stream: string, more: object = {}) => ({
    stream,
    instance: `pod-${stream}`,
    published: { ref: 'HEAD', oid, at: Date.now() },
    ...more,
  });
  return { relay, oid, openStream, post, report, instances: () => instancesOf(relay) };
}

async function instancesOf({ get }: RunningRelay): Promise<FleetDocument['repositories'][number]['instances']> {
  const answer = await get('/fleet', { authorization: 'Bearer alice' });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as FleetDocument).repositories.flatMap(({ instances }) => instances);
}

/** What a stream says until it has told the refs. */
async function firstEvents(stream: Response): Promise<string> {
  const reader = stream.body?.getReader();
  let text = '';
  while (!text.includes('event: refs')) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) break;
    text += Buffer.from(value ?? []).toString();
  }
  return text;
}

describe('reports of tenants that mean harm', () => {
  test('a date that is none is refused with a reason; the stream goes on, and the overview of everybody else stays', async () => {
    const { oid, openStream, post, report, instances } = await setUp();
    const honest = await openStream('alice', report('a'));
    expect(honest.headers.get('git-sidecar-report')).toBeNull();
    const bad = '{"stream":"m","instance":"m","published":{"ref":"HEAD","oid":"@","at":1e308}}'.replace('@', oid);
    const stream = await openStream('mallory', bad);
    expect(stream.status).toBe(200);
    expect(stream.headers.get('git-sidecar-report')).toMatch(/^refused: `published.at` must be milliseconds/);
    expect(await firstEvents(stream)).toContain(oid);
    expect((await instances()).map(({ instance }) => instance)).toEqual(['pod-a']);
    const later = await openStream('mallory', report('late'));
    expect(later.status).toBe(200);
    const answer = await post('mallory', bad.replace('"m"', '"late"'));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/published\.at/);
    expect((await instances()).map(({ instance }) => instance)).toEqual(['pod-a', 'pod-late']);
  });

  test('a tenant cannot remove, rename or move the instance of another one', async () => {
    const { openStream, post, report, instances } = await setUp();
    await openStream('alice', report('a'));
    await openStream('mallory', report('m', { replaces: 'a' }));
    expect((await post('mallory', report('a', { instance: 'forged' }))).status).toBe(421);
    await openStream('mallory', report('a', { instance: 'same name' }));
    await until('everybody is shown', async () => (await instances()).length === 3);
    expect((await instances()).find(({ instance }) => instance === 'pod-a')).toMatchObject({ connected: true });
    expect((await post('alice', report('a', { instance: 'pod-a2' }))).status).toBe(204);
    expect((await instances()).map(({ instance }) => instance).sort()).toEqual(['pod-a2', 'pod-m', 'same name']);
  });

  test('one that reconnects replaces its own old stream', async () => {
    const { openStream, report, instances } = await setUp();
    await openStream('alice', report('a'));
    await openStream('alice', report('b', { replaces: 'a' }));
    await until(
      'one instance is shown',
      async () => (await instances()).map(({ instance }) => instance).join() === 'pod-b',
    );
  });
});

describe('with the same token, one that has no key of a stream', () => {
  const [KEY, OTHER] = ['k'.repeat(43), 'o'.repeat(43)];

  test('cannot report on it, replace it or take its name, and sees nothing in the overview that would help', async () => {
    const { relay, openStream, post, report, instances } = await setUp();
    await openStream('alice', report('a'), KEY);
    for (const key of [undefined, OTHER, 'short'])
      expect((await post('alice', report('a', { instance: 'forged' }), key)).status).toBe(403);
    const same = await openStream('alice', report('a', { instance: 'same' }), OTHER);
    expect(same.headers.get('git-sidecar-report')).toContain('another client has a stream of this name');
    await openStream('alice', report('b', { replaces: 'a' }), OTHER);
    await until('two are shown', async () => (await instances()).length === 2);
    expect((await instances()).map(({ connected }) => connected)).toEqual([true, true]);
    expect((await post('alice', report('a', { instance: 'pod-a2' }), KEY)).status).toBe(204);
    for (const path of ['/fleet', '/overview', '/status', '/rollouts'])
      expect(await (await relay.get(path, { authorization: 'Bearer alice' })).text()).not.toMatch(/"(?:stream|key)"/);
  });

  test('does not keep the one with the key from replacing its own old stream', async () => {
    const { openStream, report, instances } = await setUp();
    await openStream('alice', report('a'), KEY);
    await openStream('alice', report('b', { replaces: 'a' }), KEY);
    await until('one is shown', async () => (await instances()).map(({ instance }) => instance).join() === 'pod-b');
  });
});
