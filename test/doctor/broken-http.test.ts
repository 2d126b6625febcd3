import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStub } from '../kit/http-stub.ts';
import { nginx } from '../kit/nginx.ts';
import { proxy } from '../kit/proxy.ts';
import { NGINX_PROGRAMS, type NginxOptions } from '../peers/nginx.ts';
import { freePort } from '../peers/ports.ts';
import { missing } from '../peers/programs.ts';
import { certificate, diagnose, type Place, place, plain, socketServer, tlsServer } from './kit.ts';

interface SetUp {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
}

type Row = readonly [name: string, setUp: (place: Place) => Promise<SetUp> | SetUp, line: string];

const CLIENT_CERTIFICATE =
  'The server wants a client certificate that it trusts: `--git-config=http.sslCert:/path/tls.crt,http.sslKey:/path/tls.key` (or GIT_SSL_CERT and GIT_SSL_KEY). If both are set, see which CA the server accepts and whether the certificate has expired.';
const NO_PORT = 'start the server, correct host and port, or let the firewall or NetworkPolicy pass this connection';

/** nginx with git-http-backend, and what follows its repository. */
async function served(place: Place, options: Partial<NginxOptions>, ...more: string[]) {
  place.repository();
  const server = await nginx(join(place.dir, 'nginx'), { projectRoot: join(place.dir, 'srv'), ...options });
  const args = [`--repo=${server.url}/repo.git`, `--root=${place.root}`, ...more];
  return { server, args, tls: { GIT_SSL_CAINFO: server.caFile } };
}

const following = (place: Place, port: number, scheme = 'http', host = '127.0.0.1'): string[] => [
  `--repo=${scheme}://${host}:${port}/repo.git`,
  `--root=${place.root}`,
];

/** Answers as GitHub does to an App. */
async function gitHub(place: Place, status: number, permissions: Record<string, string>): Promise<SetUp> {
  const { args } = await served(place, {});
  const api = await httpStub((_request, response) => {
    const expires_at = '2049-01-01T00:00:00Z';
    response.writeHead(status).end(JSON.stringify({ token: 'S3cretToken', expires_at, permissions }));
  });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = place.file('app.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const app = [
    '--github-app-application-id=7',
    '--github-app-installation-id=8',
    `--github-app-private-key-file=${key}`,
  ];
  return { args: [...args, ...app, `--github-base-url=${api.url}`] };
}

const ROWS: readonly Row[] = [
  [
    'a host name that nobody has',
    (at) => ({ args: [`--repo=https://${'a'.repeat(64)}.example/x`, `--root=${at.root}`] }),
    `✗ dns ${'a'.repeat(64)}.example: there is no such name (ENOTFOUND) → correct the host name, or the name server of this machine: \`getent hosts ${'a'.repeat(64)}.example\`, /etc/resolv.conf`,
  ],
  [
    'a port on which nothing listens',
    async (at) => ({ args: following(at, await freePort()) }),
    `✗ tcp 127.0.0.1:PORT: nothing listens there (ECONNREFUSED) → ${NO_PORT}`,
  ],
  [
    'a server that accepts and never answers',
    async (at) => ({ args: following(at, await socketServer()) }),
    '✗ http http://127.0.0.1:PORT/repo.git: no result within 8 s → see whether the server, or a proxy before it, is overloaded or hangs: its log, `curl -v URL`',
  ],
  [
    'https:// to a port that speaks http',
    async (at) => {
      const { server } = await served(at, {});
      return { args: following(at, server.port, 'https') };
    },
    '✗ tls 127.0.0.1:PORT: the server does not speak TLS on this port → write http:// in the URL, or use the port on which it speaks TLS',
  ],
  [
    'a server that is silent in the TLS handshake',
    async (at) => ({ args: following(at, await socketServer(), 'https') }),
    '✗ tls 127.0.0.1:PORT: no result within 5 s → see whether the port is that of HTTPS, and what is between: `openssl s_client -connect HOST:PORT`',
  ],
  [
    'a certificate of a CA that is not known here',
    async (at) => ({ args: (await served(at, { tls: true })).args }),
    '✗ tls 127.0.0.1:PORT: the certificate is signed by itself and not trusted here: TLSv1.2, localhost (DATE to DATE) → name the CA that signed it with GIT_SSL_CAINFO=/path/ca.crt, if it is the right server',
  ],
  [
    'a certificate of another host',
    async (at) => {
      const made = certificate(at.dir, 'DNS:other.test');
      return { args: following(at, await tlsServer(made), 'https'), env: { GIT_SSL_CAINFO: made.certFile } };
    },
    '✗ tls 127.0.0.1:PORT: the certificate is for another host: DNS:other.test: TLSv1.3, git.test (DATE to DATE) → use a name that the certificate has in the URL, or give the server a certificate with this name',
  ],
  [
    'a certificate that has ended',
    async (at) => {
      const made = certificate(at.dir, 'IP:127.0.0.1', ['20200101000000Z', '20200201000000Z']);
      return { args: following(at, await tlsServer(made), 'https'), env: { GIT_SSL_CAINFO: made.certFile } };
    },
    '✗ tls 127.0.0.1:PORT: a certificate ended on DATE: TLSv1.3, git.test (DATE to DATE) → renew the certificate of the server, or correct the clock of this machine',
  ],
  [
    'a certificate that is not valid yet',
    async (at) => {
      const made = certificate(at.dir, 'IP:127.0.0.1', ['20480101000000Z', '20490101000000Z']);
      return { args: following(at, await tlsServer(made), 'https'), env: { GIT_SSL_CAINFO: made.certFile } };
    },
    '✗ tls 127.0.0.1:PORT: the certificate begins on DATE: TLSv1.3, git.test (DATE to DATE) → correct the clock of this machine (`date`), or wait',
  ],
  [
    'a CA file that is not there',
    async (at) => ({ args: (await served(at, { tls: true })).args, env: { GIT_SSL_CAINFO: join(at.dir, 'nope.pem') } }),
    '✗ tls 127.0.0.1:PORT: cannot read DIR/nope.pem: there is no such file (ENOENT) → mount or correct the file of that setting',
  ],
  [
    'a server that wants a client certificate',
    async (at) => {
      const { args, tls } = await served(at, { tls: true, clientCertificate: true });
      return { args, env: tls };
    },
    `✗ protocol https://127.0.0.1:PORT/repo.git: the server answered with status 400: No required SSL certificate was sent → ${CLIENT_CERTIFICATE}`,
  ],
  [
    'a server that accepts another client certificate',
    async (at) => {
      const { args, tls } = await served(at, { tls: true, clientCertificate: true });
      const { certFile, keyFile } = certificate(at.dir, 'DNS:client.test');
      return { args: [...args, `--git-config=http.sslCert:${certFile},http.sslKey:${keyFile}`], env: tls };
    },
    `✗ protocol https://127.0.0.1:PORT/repo.git: the server answered with status 400: The SSL certificate error → ${CLIENT_CERTIFICATE}`,
  ],
  [
    'a server that wants a client certificate in the handshake',
    async (at) => {
      const made = certificate(at.dir, 'IP:127.0.0.1');
      const port = await tlsServer(made, { requestCert: true });
      return { args: following(at, port, 'https'), env: { GIT_SSL_CAINFO: made.certFile } };
    },
    `✗ http https://127.0.0.1:PORT/repo.git: tlsv13 alert certificate required → ${CLIENT_CERTIFICATE}`,
  ],
  [
    'http:// to a port that speaks https',
    async (at) => {
      const { server } = await served(at, { tls: true });
      return { args: following(at, server.port, 'http') };
    },
    '✗ protocol http://127.0.0.1:PORT/repo.git: the server answered with status 400: The plain HTTP request was sent to HTTPS port → The server speaks TLS on this port: write https:// in the URL.',
  ],
  [
    'a proxy that is not there',
    async (at) => ({
      args: (await served(at, { tls: true })).args,
      env: { https_proxy: `http://127.0.0.1:${await freePort()}` },
    }),
    `✗ proxy tcp 127.0.0.1:PORT: nothing listens there (ECONNREFUSED) → ${NO_PORT}`,
  ],
  [
    'a proxy that wants another password',
    async (at) => ({
      args: (await served(at, { tls: true })).args,
      env: { https_proxy: `http://u:S3cretProxy@${(await proxy('u:right')).address}` },
    }),
    '✗ proxy http://u:*****@127.0.0.1:PORT: it wants other credentials (status 407) → write its user and password into the URL of HTTPS_PROXY (or http.proxy)',
  ],
  [
    'a proxy that does not let this server pass',
    async (at) => {
      const port = await socketServer((socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'));
      return { args: (await served(at, { tls: true })).args, env: { https_proxy: `http://127.0.0.1:${port}` } };
    },
    '✗ proxy http://127.0.0.1:PORT: it does not let us through to 127.0.0.1:PORT: the proxy answers with status 403 → correct HTTPS_PROXY or HTTP_PROXY (or http.proxy), or leave the server out with NO_PROXY',
  ],
  [
    'a wrong password',
    async (at) => {
      const password = at.file('password', 'S3cretWrong');
      const { args } = await served(
        at,
        { users: { alice: 'right' } },
        '--username=alice',
        `--password-file=${password}`,
      );
      return { args };
    },
    '✗ credentials http://127.0.0.1:PORT/repo.git: refused: alice with the password in DIR/password (the server answered with status 401) → The server knows no such user with this password or token: has it expired, been rotated or been revoked? Check what `--username` and `--password-file` (or the source of the password) hold.',
  ],
  [
    'no credentials for a server that wants some',
    async (at) => ({ args: (await served(at, { users: { alice: 'right' } })).args }),
    "✗ credentials http://127.0.0.1:PORT/repo.git: the server wants credentials, and none are set (fatal: could not read Username for 'http://127.0.0.1:PORT': terminal prompts disabled) → Set `--username` with `--password-file`, `--credential`, `--ssh-key-file` or `--askpass-url`.",
  ],
  [
    'credentials for another server',
    async (at) => {
      const credential = '{"url":"https://other.test","username":"alice","password":"S3cretOther"}';
      return { args: (await served(at, { users: { alice: 'right' } }, `--credential=${credential}`)).args };
    },
    "✗ credentials http://127.0.0.1:PORT/repo.git: the server wants credentials, and those that are set are for https://other.test (fatal: could not read Username for 'http://127.0.0.1:PORT': terminal prompts disabled) → Set `--username` with `--password-file`, `--credential`, `--ssh-key-file` or `--askpass-url`.",
  ],
  [
    'a password file that is not mounted',
    async (at) => {
      const { args } = await served(at, {}, '--username=alice', `--password-file=${at.dir}/secret/password`);
      return { args };
    },
    '✗ credential source alice with DIR/secret/password: there is no such file, nor the directory DIR/secret (ENOENT) → Check that this user may read the file (in a Pod `securityContext.fsGroup`), and that the URL answers within a second with username= and password= lines.',
  ],
  [
    'a directory in place of the password file',
    async (at) => {
      mkdirSync(join(at.dir, 'password'));
      return { args: (await served(at, {}, '--username=alice', `--password-file=${at.dir}/password`)).args };
    },
    '✗ credential source alice with DIR/password: it is a directory (EISDIR) → Check that this user may read the file (in a Pod `securityContext.fsGroup`), and that the URL answers within a second with username= and password= lines.',
  ],
  [
    'an empty password file',
    async (at) => {
      const { args } = await served(at, {}, '--username=alice', `--password-file=${at.file('password', '\n')}`);
      return { args };
    },
    '✗ credential source alice with DIR/password: the password of alice is empty → put it into the file, variable or service that is named',
  ],
  [
    'a service for passwords that fails',
    async (at) => {
      const stub = await httpStub((_request, response) => void response.writeHead(500).end());
      return { args: (await served(at, {}, `--askpass-url=${stub.url}/S3cretPathOfTheService`)).args };
    },
    '✗ credential source the service at http://127.0.0.1:PORT: the answer has status 500, wanted 200 → Check that this user may read the file (in a Pod `securityContext.fsGroup`), and that the URL answers within a second with username= and password= lines.',
  ],
  [
    'a GitHub App that may not read repositories',
    async (at) => await gitHub(at, 201, { metadata: 'read' }),
    '✗ github app App 7, installation 8 at 127.0.0.1:PORT: the token may not read repositories (permissions: metadata:read) → give the App the repository permission Contents: Read-only, and accept it in the installation',
  ],
  [
    'a GitHub App that GitHub does not know',
    async (at) => await gitHub(at, 401, {}),
    '✗ github app App 7, installation 8 at 127.0.0.1:PORT: the answer has status 401, wanted 201 → Check the application, installation and private key of the GitHub App, and --github-base-url.',
  ],
  [
    'a repository that is not there',
    async (at) => {
      const { server } = await served(at, {});
      return { args: [`--repo=${server.url}/nope.git`, `--root=${at.root}`] };
    },
    '✗ repository http://127.0.0.1:PORT/nope.git: the server answered with status 404 → Check `--repo`; many servers answer “not found” when the credentials lack access.',
  ],
  [
    'a server that knows the user and does not let it in',
    async (at) => ({ args: (await served(at, { cookie: 'id=1' })).args }),
    '✗ credentials http://127.0.0.1:PORT/repo.git: refused, and no credentials were offered (the server answered with status 403) → The server knows this user but does not allow access: give the user or token read access to the repository (scope, role, SSO, IP rules).',
  ],
  [
    'a server that fails',
    async (at) => {
      const stub = await httpStub((_request, response) => void response.writeHead(502).end());
      return { args: [`--repo=${stub.url}/repo.git`, `--root=${at.root}`] };
    },
    '✗ http http://127.0.0.1:PORT/repo.git: the server answered with status 502 → The git server answers with an error of its own: look at its log or status page. The sync is tried again.',
  ],
  [
    'a login page in place of git',
    async (at) => {
      const page = { 'content-type': 'text/html' };
      const stub = await httpStub(
        (_request, response) => void response.writeHead(200, page).end('<html>log in</html>'),
      );
      return { args: [`--repo=${stub.url}/repo.git`, `--root=${at.root}`] };
    },
    '✗ protocol http://127.0.0.1:PORT/repo.git: the server answers with a web page, perhaps a login page, instead of answering as a repository → A web page came instead of git’s answer, perhaps a login page: check the URL, give credentials that work without a browser, or except git from the single sign-on. See it with `curl -i URL/info/refs?service=git-upload-pack`.',
  ],
  [
    'a ref that is misspelled',
    async (at) => ({ args: (await served(at, {}, '--ref=mian')).args }),
    "✗ ref mian: couldn't find remote ref mian in http://127.0.0.1:PORT/repo.git → did you mean main? Else: List what it has with `git ls-remote URL`, then correct `--ref` (or `--branch` and `--rev`).",
  ],
  [
    'a clock that is wrong',
    async (at) => {
      const stub = await httpStub((_request, response) => {
        response.writeHead(404, { date: new Date(Date.now() + 7_200_000).toUTCString() }).end();
      });
      return { args: [`--repo=${stub.url}/repo.git`, `--root=${at.root}`] };
    },
    '✗ clock this machine: it is N s behind the server → correct the clock of the node (`timedatectl`, chrony), or that of the server',
  ],
];

describe.skipIf(missing(...NGINX_PROGRAMS))('doctor names what is wrong between here and an HTTP server', () => {
  test.each(ROWS)('%s', { timeout: 40_000 }, async (_name, setUp, line) => {
    const at = place();
    const { args, env = {} } = await setUp(at);
    const { status, lines, stderr } = await diagnose(args, env);
    const said = lines.map((each) => plain(each, at).replace(/it is 7\d\d\d s/, 'it is N s'));
    expect(said.filter((each) => each.startsWith('✗'))).toContainEqual(line);
    expect([status, stderr]).toEqual([1, '']);
    expect(lines.join('')).not.toContain('S3cret');
  });
});
