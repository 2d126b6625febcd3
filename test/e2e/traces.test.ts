import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { traceIdOf } from '../../src/platform/trace/span.ts';
import { httpGit } from '../kit/http-git.ts';
import { httpStub } from '../kit/http-stub.ts';
import { startRelay } from '../kit/relay.ts';
import { deployed } from '../kit/runner.ts';
import { script } from '../kit/script.ts';
import { read, run, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly name: string;
  readonly status: { readonly code: number; readonly message?: string };
}

/** A collector, and what it got. */
async function collector() {
  const stub = await httpStub((_request, response) => void response.writeHead(200).end('{}'));
  const spans = (): SentSpan[] =>
    stub.requests.flatMap(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans as SentSpan[]);
  const named = (traceId: string, name: string): SentSpan[] =>
    spans().filter((each) => each.traceId === traceId && each.name === name);
  return { url: stub.url, spans, named };
}

test('the way of a push is one trace: relay, sync, its stages and its hook, and what the hook starts continues it', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const server = await httpGit(dir);
  const { url, named } = await collector();
  const relay = await startRelay({ dir, args: [`--allow=${server}/*`, `--otlp-endpoint=${url}`] });
  const seen = join(dir, 'seen');
  const hook = script(join(dir, 'hook'), `printf %s "$TRACEPARENT" > ${seen}.new && mv ${seen}.new ${seen}`);
  const words = [`--repo=${server}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'];
  const process = sidecar([
    ...words,
    ...[`--relay=${relay.url}`, `--otlp-endpoint=${url}`, `--exechook-command=${hook}`, '--period=500ms'],
  ]);
  await untilPublished(join(dir, 'root', 'link'), first, process);
  const second = upstream.commit({ a: 'two' });
  await untilPublished(join(dir, 'root', 'link'), second, process);
  const traceId = traceIdOf(second);
  await until('all spans are there', () =>
    ['relay', 'fetch', 'sync', 'checkout', 'publish', 'exechook'].every((name) => named(traceId, name).length > 0),
  );
  const [sync] = named(traceId, 'sync');
  const [exechook] = named(traceId, 'exechook');
  expect(exechook?.parentSpanId).toBe(sync?.spanId);
  expect(named(traceId, 'checkout')[0]?.parentSpanId).toBe(sync?.spanId);
  expect(read(seen)).toBe(`00-${traceId}-${exechook?.spanId}-01`);
  // What was there at the start is no push.
  expect(named(traceIdOf(first), 'sync')).toEqual([]);
});

test('a push that a webhook announces, the relay, a sync, and the deployment of a run are one trace, linked to the sender', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
  const server = await httpGit(dir);
  const { url, named } = await collector();
  writeFileSync(join(dir, 'secret'), 'known\n');
  const hook = [`--push-secret-file=${join(dir, 'secret')}`, '--period=1h'];
  const relay = await startRelay({ dir, args: [`--allow=${server}/*`, `--otlp-endpoint=${url}`, ...hook] });
  const link = join(dir, 'root', 'link');
  const sync = sidecar([
    ...[`--repo=${server}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main', '--period=500ms'],
    ...[`--relay=${relay.url}`, `--otlp-endpoint=${url}`],
  ]);
  await untilPublished(link, first, sync);
  const words = [`--link=${link}`, `--state=${join(dir, 'state')}`, `--otlp-endpoint=${url}`, '--ready-for=300ms'];
  const process = new Sidecar(['run', ...words, '--', '/bin/sh', 'app.sh'], {}, { command: 'git-sidecar' });
  await deployed(process, first);
  const second = upstream.commit({ 'app.sh': 'exec sleep 2000\n' });
  const sender = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
  const push = { object_kind: 'push', before: first, after: second, ref: 'refs/heads/main' };
  const project = { git_http_url: `${server}/repo.git` };
  const answer = await fetch(`${relay.url}/push`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/json', 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': 'known' },
      traceparent: `00-${sender.traceId}-${sender.spanId}-01`,
    },
    body: JSON.stringify({ ...push, project, repository: project }),
  });
  expect(answer.status).toBe(202);
  await deployed(process, second);
  const traceId = traceIdOf(second);
  const names = ['relay', 'push', 'poll', 'fetch', 'sync', 'checkout', 'publish', 'deploy'];
  await until(
    () => `all spans are there: ${names.filter((name) => named(traceId, name).length === 0)} are missing`,
    () => names.every((name) => named(traceId, name).length > 0),
  );
  expect(named(traceId, 'deploy')).toMatchObject([{ status: { code: 1 } }]);
  expect(named(traceId, 'push')).toMatchObject([
    { parentSpanId: named(traceId, 'relay')[0]?.spanId, links: [sender], status: { code: 1 } },
  ]);
});

test('a deployment that fails is a span with its reason, in the trace of its commit', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
  const { url, named } = await collector();
  const process = new Sidecar(
    [
      ...['run', `--repo=file://${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'],
      ...[`--state=${join(dir, 'state')}`, '--period=300ms', `--otlp-endpoint=${url}`, '--ready-for=500ms'],
      ...['--', '/bin/sh', 'app.sh'],
    ],
    {},
    { command: 'git-sidecar' },
  );
  await untilPublished(join(dir, 'root', 'link'), first, process);
  const bad = upstream.commit({ 'app.sh': 'exit 3\n' });
  await until('the failure is there', () => named(traceIdOf(bad), 'deploy').length > 0);
  const [deploy] = named(traceIdOf(bad), 'deploy');
  expect(deploy?.status.code).toBe(2);
  expect(deploy?.status.message).toContain('3');
  expect(named(traceIdOf(bad), 'sync')).toHaveLength(1);
});

test('a collector that does not answer changes nothing: the sync publishes and ends as without it', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const silent = await httpStub(() => undefined);
  const words = [`--repo=file://${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'];
  const { code } = await run([...words, '--one-time', `--otlp-endpoint=${silent.url}`]);
  expect(code).toBe(0);
  await untilPublished(join(dir, 'root', 'link'), first);
  const refused = await run([...words, '--one-time', '--otlp-endpoint=collector:4317']);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('--otlp-endpoint must be a URL');
});
