import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Prefix, stopAll } from './children.ts';
import { freePort, listening } from './ports.ts';
import { findProgram } from './programs.ts';

export interface NginxOptions {
  readonly projectRoot: string;
  readonly tls?: boolean;
  /** Basic auth for these users. */
  readonly users?: Record<string, string>;
  /** Keep the Git-Protocol header from the server, so that everything is protocol v0. */
  readonly withoutProtocol?: boolean;
  /** Let in only clients that show the server's own certificate. */
  readonly clientCertificate?: boolean;
  /** Cookie `name=value` without which the answer is 403. */
  readonly cookie?: string;
  /** Where paths are redirected to; see `Redirect`. */
  readonly redirects?: readonly Redirect[];
  /** Ask for a client certificate, and let everybody in. */
  readonly askForCertificate?: boolean;
}

/** `/PREFIX/REST` is answered with a redirect to `to` and REST; with `users` only after authentication. */
export interface Redirect {
  readonly prefix: string;
  readonly status: number;
  readonly to: string;
}

export interface Nginx {
  readonly url: string;
  readonly port: number;
  readonly caFile: string;
  /** The certificate's private key. */
  readonly keyFile: string;
  setUsers(users: Record<string, string>): void;
  readonly accessLog: string;
  /** A line a request: method, path and whatever it shows of the client's secrets. */
  readonly secretsLog: string;
  stop(): Promise<void>;
}

export const NGINX_PROGRAMS = ['nginx', 'fcgiwrap', 'openssl'];

function htpasswd(users: Record<string, string>): string {
  return Object.entries(users)
    .map(([user, password]) => `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}`)
    .join('\n');
}

function makeCertificate(directory: string): void {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      join(directory, 'key.pem'),
      '-out',
      join(directory, 'ca.pem'),
    ],
    { stdio: 'ignore' },
  );
}

const SECRETS_FORMAT =
  '$request_method $request_uri token=$http_x_token scoped=$http_x_scoped authorization=$http_authorization cookie=$http_cookie certificate=$ssl_client_s_dn';

/** After the access phase, which `return` alone would come before. */
function redirectText({ prefix, status, to }: Redirect, index: number, auth: string): string {
  return `
    location ~ ^/${prefix}/(?<rest${index}>.*)$ { ${auth} try_files /nothing-is-there @redirect${index}; }
    location @redirect${index} { return ${status} ${to}$rest${index}$is_args$args; }`;
}

function configText(directory: string, port: number, options: NginxOptions): string {
  const tls = options.tls ? `ssl_certificate ${directory}/ca.pem; ssl_certificate_key ${directory}/key.pem;` : '';
  const mutual = options.clientCertificate ? `ssl_client_certificate ${directory}/ca.pem; ssl_verify_client on;` : '';
  const asks = options.askForCertificate ? 'ssl_verify_client optional_no_ca;' : '';
  const auth = options.users ? `auth_basic git; auth_basic_user_file ${directory}/htpasswd;` : '';
  const cookie = options.cookie ? `if ($http_cookie !~ "${options.cookie}") { return 403; }` : '';
  return `
daemon off; user root; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  log_format secrets '${SECRETS_FORMAT}';
  access_log ${directory}/access.log; access_log ${directory}/secrets.log secrets; absolute_redirect off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port}${options.tls ? ' ssl' : ''}; ${tls} ${mutual} ${asks}
    ${(options.redirects ?? []).map((redirect, index) => redirectText(redirect, index, auth)).join('')}
    location /moved/ { rewrite ^/moved/(.*)$ /$1 redirect; }
    location / {
      ${auth} ${cookie}
      fastcgi_pass unix:${directory}/fcgi.sock;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT ${options.projectRoot};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      ${options.withoutProtocol ? 'fastcgi_pass_request_headers off;' : 'fastcgi_param GIT_PROTOCOL $http_git_protocol;'}
      fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_USER $remote_user; fastcgi_param REMOTE_ADDR $remote_addr;
    }
  }
}
`;
}

/** nginx + fcgiwrap + git-http-backend: what many people serve git with. */
export async function startNginx(directory: string, options: NginxOptions, prefix: Prefix = []): Promise<Nginx> {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  const port = await freePort();
  if (options.tls) makeCertificate(directory);
  const setUsers = (users: Record<string, string>): void => writeFileSync(join(directory, 'htpasswd'), htpasswd(users));
  if (options.users) setUsers(options.users);
  writeFileSync(join(directory, 'nginx.conf'), configText(directory, port, options));
  const env = {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
  };
  const start = (program: string, args: string[]): ChildProcess => {
    const [file = '', ...rest] = [...prefix, findProgram(program) ?? program, ...args];
    return spawn(file, rest, { env, stdio: 'ignore', detached: true });
  };
  const children = [
    start('fcgiwrap', ['-c', '4', '-s', `unix:${directory}/fcgi.sock`]),
    start('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')]),
  ];
  await listening(port);
  return {
    port,
    setUsers,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    caFile: join(directory, 'ca.pem'),
    keyFile: join(directory, 'key.pem'),
    accessLog: join(directory, 'access.log'),
    secretsLog: join(directory, 'secrets.log'),
    stop: () => stopAll(children),
  };
}
