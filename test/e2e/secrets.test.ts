import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStub } from '../kit/http-stub.ts';
import { nginx } from '../kit/nginx.ts';
import { script } from '../kit/script.ts';
import { read, Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { NGINX_PROGRAMS } from '../peers/nginx.ts';
import { freePort } from '../peers/ports.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

type Service = 'sync' | 'run' | 'relay' | 'up';
type Way = 'variables' | 'flags' | 'services';

/** One text for each place where a secret can stand. */
const SECRETS = {
  url: 'S3cretOfTheUrl-1',
  credential: 'S3cretCredential-2',
  header: 'S3cretHeader-3',
  proxy: 'S3cretProxy-4',
  insteadOf: 'S3cretInsteadOf-5',
  webhookUser: 'S3cretWebhookUser-6',
  webhookPath: 'S3cretWebhookPath-7',
  nats: 'S3cretNats-8',
  askpassUser: 'S3cretAskpassUser-9',
  askpassPath: 'S3cretAskpassPath-10',
  push: 'S3cretPush-11',
  token: 'S3cretToken-12',
  profiles: 'S3cretProfiles-13',
} as const;

function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const basic = Buffer.from(`alice:${secret}`).toString('base64');
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
    basic,
  ];
}

/** The secrets that `text` shows, in any spelling. */
function leaks(text: string): string[] {
  return Object.entries(SECRETS).flatMap(([name, secret]) =>
    spellings(secret).some((spelling) => text.includes(spelling)) ? [name] : [],
  );
}

const GIT_CONFIG = [
  `"http.http://other.example/.extraHeader":"Authorization: Bearer ${SECRETS.header}"`,
  `"http.http://third.example/.proxy":"http://p:${SECRETS.proxy}@127.0.0.1:1"`,
].join(',');
const GIT_CONFIG_ADD = `"url.http://u:${SECRETS.insteadOf}@fourth.example/.insteadOf":"http://fifth.example/"`;
const CREDENTIAL = JSON.stringify({ url: 'http://sixth.example/', username: 'alice', password: SECRETS.credential });

async function setUp(service: Service, way: Way) {
  const dir = tempDir();
  const oid = new Upstream(join(dir, 'srv')).commit({ a: 'one' });
  const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv'), users: { alice: SECRETS.url } });
  const stub = await httpStub(({ path }, response) => {
    // The webhook fails, so that the failure is logged.
    if (!path.startsWith('/askpass')) response.writeHead(500).end(`no ${path} for you`);
    else response.end(`username=alice\npassword=${SECRETS.url}\n`);
  });
  const at = (user: string, path: string): string => `${stub.url.replace('://', `://u:${user}@`)}${path}`;
  const port = await freePort();
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const look = (name: string): string =>
    `tr '\\0' '\\n' < /proc/self/environ >> ${dir}/${name}; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >> ${dir}/arguments`;
  const git = script(join(dir, 'git'), `${look('git-environment')}\nexec git "$@"`);
  const hook = script(join(dir, 'hook'), `${look('hook-environment')}\ncat missing-file`);
  const isRelay = service === 'relay';
  const repo = `${server.url}/repo.git`;
  const secretRepo = repo.replace('://', `://alice:${SECRETS.url}@`);
  const webhook = at(SECRETS.webhookUser, `/hooks/${SECRETS.webhookPath}`);
  const askpass = at(SECRETS.askpassUser, `/askpass/${SECRETS.askpassPath}`);
  const login = { username: 'alice', password: SECRETS.url };
  const git_ = { 'git-config': GIT_CONFIG, 'git-config-add': GIT_CONFIG_ADD, credential: CREDENTIAL };
  const given: Record<string, string> = {
    ...git_,
    ...(way === 'services' ? { 'askpass-url': askpass } : isRelay || way === 'flags' ? login : {}),
    ...(!isRelay && { 'webhook-url': webhook, repo: way === 'variables' ? secretRepo : repo }),
  };
  const nats = { GITSYNC_NATS: `nats://alice:${SECRETS.nats}@127.0.0.1:1` };
  const variables = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [`GITSYNC_${name.toUpperCase().replaceAll('-', '_')}`, value]),
  );
  const plain = [
    `--root=${dir}/root`,
    ...(isRelay
      ? [`--allow=${server.url}/*`, `--follow=${repo}`]
      : [`--exechook-command=${hook}`, '--exechook-backoff=1s']),
    ...(isRelay ? [] : ['--link=link', `--error-file=${dir}/error`, '--max-failures=-1']),
    `--git=${git}`,
    `--http-bind=127.0.0.1:${port}`,
    '--http-metrics',
    '--http-pprof',
    `--http-pprof-token-file=${file('profiles', SECRETS.profiles)}`,
    `--push-secret-file=${file('push', SECRETS.push)}`,
    `--sync-token-file=${file('token', SECRETS.token)}`,
    `--termination-log=${file('termination', '')}`,
    '--period=100ms',
    '-v=9',
  ];
  const words = [
    ...(service === 'run' ? ['run', `--state=${dir}/state`, '--ready-delay=100ms', '--ready-for=0s'] : [service]),
    ...plain,
    ...(way === 'flags' ? Object.entries(given).map(([name, value]) => `--${name}=${value}`) : []),
    ...(service === 'run' ? ['--', 'sh', '-c', `${look('application-environment')}; exec sleep 1000`] : []),
  ];
  const isInFile = service === 'up' && way === 'flags';
  const env = { ...(isInFile ? {} : nats), ...(way === 'flags' ? {} : variables), OWN_VARIABLE: 'kept' };
  const textOf = (name: string, value: string): string =>
    way === 'flags' ? value : `\${GITSYNC_${name.toUpperCase().replaceAll('-', '_')}}`;
  const document = {
    http: {
      ...{ bind: `127.0.0.1:${port}`, metrics: true, pprof: true },
      'pprof-token-file': join(dir, 'profiles'),
      'push-secret-file': join(dir, 'push'),
      'sync-token-file': join(dir, 'token'),
    },
    log: { verbose: 9, format: 'json' },
    process: { 'termination-log': join(dir, 'termination') },
    sync: [
      {
        ...{ name: 'app', root: `${dir}/root`, link: 'link', 'error-file': `${dir}/error`, git, period: '100ms' },
        ...{ 'exechook-command': hook, 'exechook-backoff': '1s' },
        ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, textOf(name, value)])),
        nats: textOf('nats', nats.GITSYNC_NATS),
      },
    ],
    run: [
      {
        ...{ name: 'web', from: 'app', state: `${dir}/state`, 'ready-delay': '100ms', 'ready-for': '0s' },
        command: ['sh', '-c', `${look('application-environment')}; exec sleep 1000`],
      },
    ],
  };
  const start = service === 'up' ? ['up', file('document.yaml', JSON.stringify(document))] : words;
  const process = new Sidecar(start, env, { command: 'git-sidecar' });
  const get = async (path: string): Promise<string> => await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  return { dir, oid, server, process, get, stub };
}

describe.skipIf(missing(...NGINX_PROGRAMS))('what is secret is shown nowhere', () => {
  const cases = (['sync', 'run', 'relay', 'up'] as const).flatMap((service) =>
    (['variables', 'flags', 'services'] as const).map((way) => [service, way] as const),
  );

  test.each(cases)(
    '%s, secrets given as %s',
    async (service, way) => {
      const { dir, server, process, get, stub } = await setUp(service, way);
      await until(
        () => `everything has run; so far:\n${process.stderr.slice(-3000)}`,
        async () => {
          if (service === 'relay') return (await get('/readyz').catch(() => '')).startsWith('ok');
          const isCalled = stub.requests.some(({ path }) => path.startsWith('/hooks/'));
          return (
            isCalled && read(dir, 'hook-environment') && (service === 'sync' || read(dir, 'application-environment'))
          );
        },
        60_000,
      );
      const shown: Record<string, string> = {};
      for (const path of ['/', '/readyz', '/status', '/metrics', '/debug/pprof/cmdline']) shown[path] = await get(path);
      for (const path of ['profile', 'allocs']) shown[path] = await get(`/debug/pprof/${path}?seconds=1`);
      shown['its arguments'] = read('/proc', String(process.child.pid), 'cmdline') ?? '';
      // The server refuses the old password: its answer is logged, and stands in the error file.
      server.setUsers({ alice: 'another password' });
      await process.logged('ERR_REMOTE_AUTH', 60_000);
      if (service !== 'relay') shown['error file'] = await until('the error file is written', () => read(dir, 'error'));
      await process.stop();
      shown.log = process.stderr;
      shown.output = process.stdout;
      shown['termination log'] = read(dir, 'termination') ?? '';
      shown['arguments of all processes'] = read(dir, 'arguments') ?? '';
      // git gets its credentials here, and nothing else.
      shown['environment of git'] = (read(dir, 'git-environment') ?? '').replace(/^GIT_SIDECAR_PASSWORD_\d+=.*$/gm, '');
      // The hooks of sync inherit the environment as it is: docs/compat.md, section 4.
      if (service === 'run' || service === 'up') {
        shown['environment of hooks'] = read(dir, 'hook-environment') ?? '';
        shown['environment of the application'] = read(dir, 'application-environment') ?? '';
        expect(shown['environment of the application']).toContain('OWN_VARIABLE=kept');
      }
      expect(shown['environment of git']).toContain('GIT_CONFIG_GLOBAL');
      expect(shown['arguments of all processes']).toContain('git');
      for (const [where, text] of Object.entries(shown)) expect(leaks(text), where).toEqual([]);
    },
    120_000,
  );
});
