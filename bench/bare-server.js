// What Node's own HTTP server costs for a fleet of git clients, with nothing of ours: `node bare-server.js GIT-DIR PORT`.
// The first question of each kind is answered by `git upload-pack`, every further one of the same bytes from memory; no
// access is checked, nothing is counted. No server in Node can be cheaper than this.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';

const [gitDir, port] = [process.argv[2], Number(process.argv[3])];
const NO_CACHE = { 'cache-control': 'no-cache, max-age=0, must-revalidate' };
const answers = new Map();

function answer(response, question, type, make) {
  const bytes = answers.get(question) ?? make();
  answers.set(question, bytes);
  response.writeHead(200, {
    'content-type': `application/x-git-upload-pack-${type}`,
    'content-length': bytes.length,
    ...NO_CACHE,
  });
  response.end(bytes, 'latin1');
}

function uploadPack(words, input) {
  const env = { PATH: process.env.PATH, GIT_PROTOCOL: 'version=2' };
  const settings = ['-c', 'uploadpack.allowAnySHA1InWant=true', '-c', 'safe.directory=*'];
  return execFileSync('git', [...settings, 'upload-pack', '--stateless-rpc', ...words, gitDir], {
    env,
    input,
  }).toString('latin1');
}

const server = createServer((request, response) => {
  if (request.method === 'GET')
    answer(
      response,
      '',
      'advertisement',
      () => `001e# service=git-upload-pack\n0000${uploadPack(['--http-backend-info-refs'])}`,
    );
  else {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      answer(response, body.toString('latin1'), 'result', () => uploadPack([], body));
    });
  }
});
server.listen(port, '127.0.0.1');
