// Runs a program once from its start to its end, on a repository of its own: the code cache that it leaves then holds
// what a first sync over HTTP uses.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const LIMIT_MS = 30_000;

async function run(program, args, env) {
  const child = spawn(program, args, { stdio: 'ignore', timeout: LIMIT_MS, env });
  await Promise.race([once(child, 'exit'), once(child, 'error')]);
}

/** Answers as `git http-backend` does (RFC 3875). */
function serve(projectRoot, env) {
  return createServer((request, response) => {
    const { pathname, search } = new URL(request.url, 'http://localhost');
    const cgi = {
      GIT_PROJECT_ROOT: projectRoot,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
    };
    const child = spawn('git', ['http-backend'], { env: { ...env, ...cgi }, stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => response.destroy());
    child.stdin.on('error', () => undefined);
    request.pipe(child.stdin);
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.on('close', () => {
      const answer = Buffer.concat(chunks);
      const end = answer.indexOf('\r\n\r\n');
      const lines = answer.toString('latin1', 0, Math.max(0, end)).split('\r\n');
      const headers = lines.map((line) => line.split(': ')).filter(([name]) => name !== '' && name !== 'Status');
      response.writeHead(200, Object.fromEntries(headers)).end(answer.subarray(end + 4));
    });
  });
}

/** Without git, or where it fails, the program gets as far as it can; a smaller cache is good as well. */
export async function warmUp(program) {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-warm-up-'));
  const env = { PATH: process.env.PATH ?? '', HOME: directory };
  const source = join(directory, 'source');
  const author = ['-c', 'user.name=git-sidecar', '-c', 'user.email=git-sidecar@localhost'];
  await run('git', ['init', '--quiet', source], env);
  writeFileSync(join(source, 'file'), 'warm-up\n');
  await run('git', ['-C', source, 'add', 'file'], env);
  await run('git', ['-C', source, ...author, 'commit', '--quiet', '--message=warm-up'], env);
  const server = serve(directory, env);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/source/.git`;
  await run(resolve(program), [`--repo=${url}`, `--root=${join(directory, 'root')}`, '--link=link', '--one-time'], env);
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
}
