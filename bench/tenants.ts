// One relay, two tenants: what the honest one notices of the hostile one, and what the hostile one costs the relay.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { RepositoryName } from '../src/relay/protocol/repository-name.ts';
import { startNginx } from '../test/peers/nginx.ts';
import { createCoreShare } from './core-shares.ts';
import { size } from './size.ts';
import { HonestTenant, newMeasurements, STREAMS } from './tenants/honest.ts';
import { runHostileTenant } from './tenants/hostile-process.ts';
import { onOtherMachine } from './tenants/other-machine.ts';
import { describeRefusals, readRefusals } from './tenants/refusals.ts';
import { HOSTILE_TOKEN, startTenantsRelay, type TenantsRelay } from './tenants/relay-process.ts';
import { describeSoak, type Phase } from './tenants/report.ts';
import { makeRepositories } from './tenants/repositories.ts';
import { usageUntil, type Watched } from './tenants/usage-process.ts';

const SOAK_S = size('BENCH_SOAK_S', { full: 600, smoke: 12 });
const ALONE_S = size('BENCH_ALONE_S', { full: SOAK_S / 2, smoke: 6 });
const AFTERWARDS_MS = size('BENCH_AFTERWARDS_MS', { full: 10_000, smoke: 500 });

interface Scene {
  readonly relay: TenantsRelay;
  readonly honest: HonestTenant;
  readonly watched: Watched;
}

/** Measures while `work` lasts. */
async function phaseOf<T>({ relay, honest, watched }: Scene, work: () => Promise<T>): Promise<[Phase, T]> {
  const end = new AbortController();
  const measurements = newMeasurements();
  const before = await readRefusals(relay.url);
  const pauses = monitorEventLoopDelay();
  pauses.enable();
  const start = performance.now();
  const watching = usageUntil(watched, end.signal);
  const measuring = honest.measure(measurements, end.signal);
  try {
    const result = await Promise.race([work(), measuring.then(() => Promise.reject(new Error('it ended too early')))]);
    const seconds = (performance.now() - start) / 1000;
    end.abort();
    const usage = await watching;
    await measuring;
    const refusals = describeRefusals(before, await readRefusals(relay.url));
    const load = loadavg()[0] ?? 0;
    return [{ seconds, measurements, usage, refusals, load, ownPauseMs: pauses.max / 1e6 }, result];
  } finally {
    end.abort();
    pauses.disable();
  }
}

export async function benchTenants(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-tenants-'));
  const other = onOtherMachine('git-sidecar-bench-tenants-');
  const projectRoot = join(other.directory, 'srv');
  mkdirSync(projectRoot);
  const repositories = makeRepositories(projectRoot, Math.ceil(ALONE_S + SOAK_S) + 60);
  const shares = {
    server: createCoreShare('server', 'first'),
    relay: createCoreShare('relay', 'ordinary'),
    honest: createCoreShare('honest', 'first'),
    hostile: createCoreShare('hostile', 'least'),
    watcher: createCoreShare('watcher', 'ordinary'),
  };
  const leave = shares.honest.enter();
  const web = await startNginx(join(other.directory, 'nginx'), { projectRoot }, shares.server.prefix);
  const host = new URL(web.url).host;
  const name = `${host}/honest/${basename(repositories.app)}` as RepositoryName;
  const relay = await startTenantsRelay(directory, host, shares.relay.prefix);
  const { app, commits, bigTip, commitsFile, refsDirectory } = repositories;
  let honest: HonestTenant | undefined;
  try {
    await relay.whenReady();
    honest = new HonestTenant({
      relay,
      directory: other.directory,
      app,
      commits,
      name,
      url: `${web.url}/honest/app.git`,
    });
    await honest.open();
    const tenant = honest;
    const watched = { pid: relay.pid, root: relay.root, prefix: shares.watcher.prefix };
    const scene = { relay, honest, watched };
    const [alone] = await phaseOf(scene, () => delay(ALONE_S * 1000));
    const target = {
      port: relay.port,
      token: HOSTILE_TOKEN,
      own: `${host}/hostile`,
      foreign: name,
      foreignStreams: STREAMS,
      bigTip,
      commitsFile,
      refsDirectory,
      seconds: SOAK_S,
    };
    const [together, hostile] = await phaseOf(scene, () => runHostileTenant(target, shares.hostile.prefix));
    if (relay.ended() !== undefined) throw new Error(`the relay ended: ${relay.ended()}`);
    await delay(AFTERWARDS_MS);
    const afterwards = await usageUntil(watched, AbortSignal.timeout(AFTERWARDS_MS));
    return describeSoak({
      alone,
      together,
      hostile,
      afterwards,
      membersShown: await tenant.membersShown(),
      isInMemory: other.isInMemory,
    });
  } finally {
    honest?.close();
    await relay.stop();
    await web.stop();
    leave();
    await Promise.all(Object.values(shares).map(async (share) => await share.remove()));
    for (const each of [directory, other.directory]) rmSync(each, { recursive: true, force: true });
  }
}
