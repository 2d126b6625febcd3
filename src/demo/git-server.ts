import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';

export interface GitServer {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  close(): Promise<void>;
}

export interface GitServerOptions {
  readonly runner: ProcessRunner;
  readonly env: Environment;
  /** Directory whose bare repositories are served, for reading and for pushing. */
  readonly projectRoot: string;
  /** Called after each push that the server accepted. */
  readonly onPush?: () => void;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** CGI meta-variables (RFC 3875, 4.1) that git-http-backend reads. */
function cgiVariables(request: IncomingMessage, url: URL, projectRoot: string, length: number): Record<string, string> {
  const header = (name: string): string => String(request.headers[name] ?? '');
  return {
    GIT_PROJECT_ROOT: projectRoot,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: header('git-protocol'),
    REQUEST_METHOD: request.method ?? 'GET',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: String(length),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    REMOTE_USER: 'demo',
    REMOTE_ADDR: '127.0.0.1',
  };
}

/** Splits a CGI answer (RFC 3875, 6) into status, headers and body. */
function sendCgiAnswer(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf('\r\n\r\n');
  if (end < 0) {
    response.writeHead(502).end('git http-backend gave no answer\n');
    return;
  }
  let status = 200;
  const headers: Record<string, string> = {};
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    if (name === 'status') status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  response.writeHead(status, headers).end(output.subarray(end + 4));
}

/** A git server over smart HTTP on loopback, around `git http-backend`: for the demo, and for tests that need one fast. */
export async function startGitServer({ runner, env, projectRoot, onPush }: GitServerOptions): Promise<GitServer> {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const body = await readAll(request);
    const result = await runner.run({
      file: 'git',
      args: ['http-backend'],
      stdin: body,
      maxOutputBytes: 256 * 1024 * 1024,
      env: { ...env, ...cgiVariables(request, url, projectRoot, body.length) },
    });
    if (request.method === 'POST' && url.pathname.endsWith('/git-receive-pack')) onPush?.();
    sendCgiAnswer(result.stdout, response);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
