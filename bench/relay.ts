// A fleet at one second: what it costs the git server when each follower polls as git-sync does, when each polls as we
// do, when they follow a relay, and when a webhook tells the relay. Then: one push to very many streams, the same with a rollout
// policy, and 1,000 fetches. `BENCH_RELAY=streams,fetches` measures only these parts; BENCH_STREAMS, BENCH_PUSHES, BENCH_REPORTING,
// BENCH_FETCHES and BENCH_WINDOW_MS are their sizes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryNameOf } from '../src/relay/protocol/repository-name.ts';
import { Upstream } from '../test/kit/upstream.ts';
import { startNginx } from '../test/peers/nginx.ts';
import type { Conditions } from './conditions.ts';
import { createControlGroup } from './control-group.ts';
import { benchFetches } from './relay/fetches.ts';
import { benchFleets } from './relay/fleets.ts';
import { benchPolicy } from './relay/policy.ts';
import type { Scene } from './relay/scene.ts';
import { benchStreams } from './relay/streams.ts';

const PARTS = { fleets: benchFleets, streams: benchStreams, policy: benchPolicy, fetches: benchFetches } as const;

function chosenParts(): ((scene: Scene) => Promise<string>)[] {
  const names = process.env.BENCH_RELAY?.split(',') ?? Object.keys(PARTS);
  return names.map((name) => {
    if (!(name in PARTS)) throw new Error(`BENCH_RELAY: no part ${name}; there are ${Object.keys(PARTS).join(', ')}`);
    return PARTS[name as keyof typeof PARTS];
  });
}

export async function benchRelay({ output }: Conditions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-relay-'));
  const upstream = new Upstream(join(directory, 'srv'));
  upstream.commit({ 'README.md': 'hello\n', 'app/config.json': '{}\n', 'app/main': 'x\n' });
  const server = createControlGroup('git-server');
  const web = await startNginx(join(directory, 'nginx'), { projectRoot: join(directory, 'srv') }, server.prefix);
  const url = `${web.url}/repo.git`;
  const name = repositoryNameOf(url);
  if (!name) throw new Error('unreachable');
  const scene: Scene = { directory, output, upstream, web, server, url, name };
  try {
    const texts: string[] = [];
    for (const part of chosenParts()) texts.push(await part(scene));
    return texts.join('\n\n');
  } finally {
    await web.stop();
    server.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
