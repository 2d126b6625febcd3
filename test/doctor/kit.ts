import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';

/** What a row of a table may use. */
export interface Place {
  readonly dir: string;
  /** A new file; returns its path. */
  file(name: string, text: string, mode?: number): string;
  /** A repository with one commit on `main`; returns its path. */
  repository(): string;
  readonly root: string;
}

export function place(): Place {
  const dir = tempDir();
  return {
    dir,
    root: join(dir, 'root'),
    file: (name, text, mode = 0o600) => {
      writeFileSync(join(dir, name), text, { mode });
      return join(dir, name);
    },
    repository: () => {
      const upstream = new Upstream(join(dir, 'srv'));
      upstream.commit({ a: 'one' });
      return upstream.bare;
    },
  };
}

export interface Diagnosis {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines as they are printed, with one space for those that make columns. */
  readonly lines: readonly string[];
}

/** Runs `git-sidecar doctor` to its end. @param within words before it, of another namespace */
export async function diagnose(
  args: readonly string[],
  env: Record<string, string> = {},
  within: readonly string[] = [],
): Promise<Diagnosis> {
  const process = new Sidecar(['doctor', ...args], env, { command: 'git-sidecar', within });
  const { code } = await process.exited;
  const lines = process.stdout.split('\n').filter(Boolean);
  return {
    status: code,
    stdout: process.stdout,
    stderr: process.stderr,
    lines: lines.map((line) => line.replace(/ {2,}/g, ' ')),
  };
}

/** `line` without what differs from run to run: the test's directory, ports of servers, dates, fingerprints. */
export function plain(line: string, { dir }: Place): string {
  return line
    .replaceAll(dir, 'DIR')
    .replace(/(127\.0\.0\.\d+|localhost)(\]?):\d+/g, '$1$2:PORT')
    .replace(/-p \d+/g, '-p PORT')
    .replace(/\d{4}-\d{2}-\d{2}/g, 'DATE')
    .replace(/SHA256:[\w+/]+/g, 'SHA256:…')
    .replace(/sha256\/\/[\w+/]+=/g, 'sha256//…');
}

/** A server that accepts connections and does with them what the test wants; default: nothing. */
export async function socketServer(onSocket: (socket: Socket) => void = () => undefined): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
    onSocket(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as { port: number }).port;
}

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate signed by itself. @param dates as OpenSSL writes them: `20200101000000Z` */
export function certificate(dir: string, names: string, dates?: readonly [string, string]): Certificate {
  const home = join(dir, 'ca');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'index'), '');
  const text = `[ca]\ndefault_ca=d\n[d]\ndatabase=${home}/index\nnew_certs_dir=${home}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[v]\nsubjectAltName=${names}\n[req]\ndistinguished_name=n\n[n]\n`;
  writeFileSync(join(home, 'conf'), text);
  const [certFile, keyFile, request] = ['cert', 'key', 'request'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  openssl('req', '-new', ...key, '-subj', '/CN=git.test', '-config', join(home, 'conf'), '-out', request);
  const [from, to] = dates ?? ['20240101000000Z', '20490101000000Z'];
  const period = ['-startdate', from, '-enddate', to, '-extensions', 'v'];
  openssl(
    'ca',
    '-batch',
    '-notext',
    '-selfsign',
    '-config',
    join(home, 'conf'),
    '-keyfile',
    keyFile,
    '-in',
    request,
    '-out',
    certFile,
    ...period,
  );
  return { certFile, keyFile };
}

/** An HTTPS server with that certificate, which has nothing. @returns its port */
export async function tlsServer({ certFile, keyFile }: Certificate, more: TlsOptions = {}): Promise<number> {
  const options = { cert: readFileSync(certFile), key: readFileSync(keyFile), ...more };
  const server = createTlsServer(options, (_request, response) => response.writeHead(404).end());
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as { port: number }).port;
}
