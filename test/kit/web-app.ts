/** A web application of one file: answers with the text of `version`. */
const SERVER = `
const http = require('node:http');
const { readFileSync } = require('node:fs');
const version = readFileSync('version', 'utf8').trim();
const server = http.createServer((request, response) => {
  if (request.url === '/slow') return void setTimeout(() => response.end(version), 300);
  response.end(version);
});
server.listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

/** Files of a good revision. */
export function goodApp(version: string): Record<string, string> {
  return { 'server.js': SERVER, version };
}

/** What a bad revision may do. */
export const BAD_SERVERS: Readonly<Record<string, string>> = {
  'exits at once': 'process.exit(3)',
  'does not parse': 'this is no JavaScript',
  'never listens': 'setInterval(() => {}, 1000)',
  'answers with 500':
    "require('node:http').createServer((q, s) => { s.statusCode = 500; s.end(); }).listen(process.env.PORT)",
};
