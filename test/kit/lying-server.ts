import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

/** What the server does to requests for now. */
export type Mood =
  | 'honest'
  /** Closes the connection in the middle of the answer. */
  | 'reset'
  /** Says nothing any more. */
  | 'stall'
  /** Ends the pack early, in an answer that is whole by HTTP. */
  | 'truncated-pack'
  /** A pack of another repository. */
  | 'wrong-pack'
  /** One byte of the pack is another. */
  | 'flipped-byte'
  /** Refs that are no refs. */
  | 'garbage-refs'
  | 'redirect'
  | 'busy'
  | 'gone';

export interface LyingServer {
  readonly url: string;
  mood: Mood;
  /** `METHOD path` of every request, with `ls-refs` or `fetch` behind commands. */
  readonly requests: string[];
  /** Where `redirect` leads, and where `wrong-pack` comes from. */
  other: string;
}

const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function forward(
  target: string,
  from: IncomingMessage,
  body: Buffer,
): Promise<{ answer: IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method, headers } = from;
    const asked = request(target, { method, headers: { ...headers, host: new URL(target).host } }, (answer) => {
      bodyOf(answer).then((whole) => resolve({ answer, body: whole }), reject);
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

/** The bytes with a pack in them, bent as `mood` has it. */
function bend(body: Buffer, mood: Mood): Buffer {
  const at = body.indexOf('PACK');
  if (at < 0) return body;
  if (mood === 'flipped-byte') {
    const bent = Buffer.from(body);
    bent[at + 16] = (bent[at + 16] ?? 0) ^ 0x40;
    return bent;
  }
  // The packet that holds the pack is made shorter, so that the framing stays right.
  const start = at - 5;
  const length = Number.parseInt(body.toString('latin1', start, start + 4), 16);
  const kept = 5 + Math.floor((length - 5) / 2);
  const shorter = Buffer.concat([
    Buffer.from(kept.toString(16).padStart(4, '0')),
    body.subarray(start + 4, start + kept),
  ]);
  return Buffer.concat([body.subarray(0, start), shorter, Buffer.from('0000')]);
}

async function answer(state: LyingServer, target: string, from: IncomingMessage, to: ServerResponse): Promise<void> {
  const asked = await bodyOf(from);
  const command = /command=([a-z-]+)/.exec(asked.toString('latin1'))?.[1] ?? '';
  state.requests.push(`${from.method} ${from.url} ${command}`.trim());
  const { mood } = state;
  if (mood === 'stall') return;
  if (mood === 'gone') {
    from.socket.destroy();
    return;
  }
  if (mood === 'busy') {
    to.writeHead(429, { 'retry-after': '1' }).end();
    return;
  }
  if (mood === 'redirect') {
    to.writeHead(302, { location: `${state.other}${from.url}` }).end();
    return;
  }
  if (mood === 'garbage-refs' && command === 'ls-refs') {
    to.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }).end('0014 not a ref line \n0000');
    return;
  }
  const real = await forward(`${target}${from.url}`, from, asked);
  let { body } = real;
  const isPack = command === 'fetch';
  if (isPack && (mood === 'truncated-pack' || mood === 'flipped-byte')) body = bend(body, mood);
  if (isPack && mood === 'wrong-pack') {
    const wanted = asked.toString('latin1').replace(/want [0-9a-f]{40}/g, `want ${state.other}`);
    body = (await forward(`${target}/other.git/git-upload-pack`, from, Buffer.from(wanted, 'latin1'))).body;
  }
  if (mood === 'reset') {
    to.writeHead(200, { ...real.answer.headers, 'content-length': String(body.length) });
    to.write(body.subarray(0, Math.ceil(body.length / 2)), () => from.socket.destroy());
    return;
  }
  const { 'transfer-encoding': _, ...headers } = real.answer.headers;
  to.writeHead(real.answer.statusCode ?? 500, { ...headers, 'content-length': String(body.length) }).end(body);
}

/** A git server in front of an honest one, whose mood a test chooses. */
export async function lyingServer(target: string): Promise<LyingServer> {
  const server = createServer((from, to) => {
    answer(state, target, from, to).catch(() => to.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  open.push(server);
  const { port } = server.address() as AddressInfo;
  const state: LyingServer = { url: `http://127.0.0.1:${port}`, mood: 'honest', requests: [], other: '' };
  return state;
}
