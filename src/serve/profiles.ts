import type { IncomingMessage, ServerResponse } from 'node:http';
import { Session } from 'node:inspector/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapSnapshot } from 'node:v8';

const INDEX = `<!doctype html>
<meta charset="utf-8">
<title>Profiles of git-sidecar</title>
<h1>Profiles of this process</h1>
<ul>
<li><a href="profile?seconds=10">profile?seconds=10</a>: CPU profile; open the file in the Performance panel of Chrome DevTools
<li><a href="heap">heap</a>: heap snapshot; open the file in the Memory panel of Chrome DevTools
<li><a href="allocs?seconds=10">allocs?seconds=10</a>: sampled allocations, opened like a heap snapshot
<li><a href="cmdline">cmdline</a>: name of the program, without its arguments
</ul>
`;

const LONGEST_S = 120;
/** In which nothing moves on the connection: a little more than the longest recording takes. */
const LONGEST_PAUSE_MS = (LONGEST_S + 30) * 1000;

function download(response: ServerResponse, name: string): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-disposition': `attachment; filename="${name}"`,
  });
}

async function record(start: string, stop: string, seconds: number): Promise<unknown> {
  const session = new Session();
  session.connect();
  try {
    const domain = start.split('.')[0];
    await session.post(`${domain}.enable` as 'Profiler.enable');
    await session.post(start as 'Profiler.start');
    await delay(seconds * 1000);
    const { profile } = (await session.post(stop as 'Profiler.stop')) as { profile: unknown };
    return profile;
  } finally {
    session.disconnect();
  }
}

/** `/debug/pprof/…`: an index, and profiles in the formats that Chrome DevTools opens. */
export class Profiles {
  #busy = false;

  async serve(path: string, url: URL, _request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seconds = Math.min(LONGEST_S, Math.max(1, Number(url.searchParams.get('seconds')) || 10));
    if (path === '') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(INDEX);
    } else if (path === 'cmdline') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('git-sidecar');
    } else if (path === 'heap') {
      await this.#alone(response, async () => {
        download(response, 'git-sidecar.heapsnapshot');
        // A client that closes the connection, or does not read, is no failure of ours.
        await pipeline(getHeapSnapshot(), response).catch(() => undefined);
      });
    } else if (path === 'profile' || path === 'allocs') {
      await this.#alone(response, async () => await this.#timed(path, seconds, response));
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('no such profile\n');
    }
  }

  /** One at a time: each takes memory, or slows everything down. */
  async #alone(response: ServerResponse, serve: () => Promise<void>): Promise<void> {
    if (this.#busy) {
      response.writeHead(409, { 'content-type': 'text/plain' }).end('a profile is being recorded already\n');
      return;
    }
    this.#busy = true;
    response.setTimeout(LONGEST_PAUSE_MS, () => response.destroy());
    try {
      await serve();
    } finally {
      this.#busy = false;
    }
  }

  async #timed(kind: 'profile' | 'allocs', seconds: number, response: ServerResponse): Promise<void> {
    const cpu = kind === 'profile';
    const profile = cpu
      ? await record('Profiler.start', 'Profiler.stop', seconds)
      : await record('HeapProfiler.startSampling', 'HeapProfiler.stopSampling', seconds);
    download(response, cpu ? 'git-sidecar.cpuprofile' : 'git-sidecar.heapprofile');
    response.end(JSON.stringify(profile));
  }
}
