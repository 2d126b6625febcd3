import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach } from 'vitest';
import { httpGit } from './http-git.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

type Command = 'fetch' | 'ls-refs';

/** A git server that remembers what was fetched from it, and can hold questions back. */
export interface CountedGit {
  readonly url: string;
  /** Commits that each fetch asked for. */
  readonly fetches: (readonly string[])[];
  /** Times that somebody asked where refs are. */
  readonly questions: number;
  /** From now on questions of this kind wait until the returned function is called. */
  hold(command: Command): () => void;
  /** Questions that wait. */
  readonly waiting: number;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

export async function countedGit(projectRoot: string): Promise<CountedGit> {
  const behind = await httpGit(projectRoot);
  const fetches: (readonly string[])[] = [];
  const gates = new Map<string, Promise<void>>();
  let waiting = 0;
  let questions = 0;
  const server = createServer((request, response) => {
    const forward = async (): Promise<void> => {
      const body = await readAll(request);
      const text = body.toString('latin1');
      if (text.includes('command=ls-refs')) questions += 1;
      if (text.includes('command=fetch')) {
        const wants = [...text.matchAll(/want ([0-9a-f]{40,64})/g)].map((match) => match[1] ?? '');
        // One fetch of git may take several rounds of negotiation.
        if (`${fetches.at(-1)}` !== `${wants}`) fetches.push(wants);
      }
      const gate = gates.get(/command=([a-z-]+)/.exec(text)?.[1] ?? '');
      waiting += gate ? 1 : 0;
      await gate;
      waiting -= gate ? 1 : 0;
      const headers = Object.fromEntries(
        ['content-type', 'git-protocol', 'accept'].flatMap((name) => {
          const value = request.headers[name];
          return value === undefined ? [] : [[name, String(value)]];
        }),
      );
      const method = request.method ?? 'GET';
      const answer = await fetch(`${behind}${request.url}`, { method, headers, ...(method === 'POST' && { body }) });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    };
    forward().catch(() => response.destroy());
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fetches,
    get questions() {
      return questions;
    },
    get waiting() {
      return waiting;
    },
    hold: (command) => {
      let done: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        done = resolve;
      });
      gates.set(command, gate);
      return () => {
        gates.delete(command);
        done();
      };
    },
  };
}
