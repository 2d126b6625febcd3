import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openPrivateMounts } from '../kit/private-mounts.ts';
import { Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface PodEvent {
  readonly reason: string;
  readonly type: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
}

async function apiServer(account: string, events: PodEvent[]): Promise<number> {
  const [key, cert] = [join(account, 'key'), join(account, 'ca.crt')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=kube', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...words, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      events.push(JSON.parse(`${Buffer.concat(chunks)}`) as PodEvent);
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

describe.skipIf(missing('unshare', 'openssl'))('Kubernetes events', () => {
  test('tell what was published and deployed, and what does not start', async ({ skip }) => {
    const mounts = openPrivateMounts();
    if (!mounts) return skip();
    const dir = tempDir();
    const events: PodEvent[] = [];
    const port = await apiServer(dir, events);
    for (const [name, text] of Object.entries({ token: 'account-token', namespace: 'team' }))
      writeFileSync(join(dir, name), text);
    mounts.tmpfs('/run', 4);
    mounts.command('mkdir', '-p', '/run/secrets/kubernetes.io/serviceaccount');
    mounts.bind(dir, '/run/secrets/kubernetes.io/serviceaccount');
    const upstream = new Upstream(dir);
    const first = upstream.commit({ 'app.sh': 'exec sleep 1000\n' });
    const process = new Sidecar(
      [
        ...['run', `--repo=file://${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'],
        ...[`--state=${join(dir, 'state')}`, '--period=300ms', '--kubernetes-events', '--ready-for=500ms'],
        ...['--', '/bin/sh', 'app.sh'],
      ],
      { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: `${port}`, POD_NAME: 'web-0' },
      { command: 'git-sidecar', within: mounts.enter },
    );
    const told = async (reason: string): Promise<PodEvent> =>
      await until(
        () => `${reason} in ${JSON.stringify(events)} ${process.stderr.slice(-1000)}`,
        () => events.find((event) => event.reason === reason),
      );
    expect((await told('Published')).note).toContain(first);
    expect((await told('Deployed')).regarding.name).toBe('web-0');
    upstream.commit({ 'app.sh': 'exit 3\n' });
    expect(await told('DeploymentFailed')).toMatchObject({ type: 'Warning' });
    process.kill();
    await process.exited;
  });
});

test('outside of Kubernetes the option has no effect, and the log says why', async () => {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const words = [`--repo=file://${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'];
  const process = sidecar([...words, '--kubernetes-events']);
  await untilPublished(join(dir, 'root', 'link'), first, process);
  await until('it is said', () => process.stderr.includes('KUBERNETES_SERVICE_HOST is not set'));
});
