import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { until } from '../peers/wait.ts';

const BIND = '--http-bind=127.0.0.1:0';

async function base(process: Sidecar): Promise<string> {
  return `http://127.0.0.1:${(await process.logged('serving HTTP')).port}`;
}

const status = async (url: string, method = 'GET'): Promise<number> => (await fetch(url, { method })).status;

describe('compat 5 HTTP', () => {
  test('/ is 503 before the first sync and 200 after it, for any other path and any method; 3.1.1 says 200 at once', async () => {
    const { upstream, root, link, start } = fixture();
    const { renameSync } = await import('node:fs');
    renameSync(upstream.bare, `${upstream.bare}.hidden`);
    const process = start(BIND);
    const url = await base(process);
    expect(await status(`${url}/`)).toBe(503);
    expect(await (await fetch(url)).text()).toContain('repo is not ready');
    expect(await status(`${url}/readyz`)).toBe(503);
    expect(await status(`${url}/healthz`)).toBe(200);
    const old = sidecar([
      '--compat=v3.1',
      `--repo=${upstream.bare}`,
      `--root=${root}3`,
      '--init-max-failures=-1',
      BIND,
    ]);
    expect(await status(await base(old))).toBe(200);
    renameSync(`${upstream.bare}.hidden`, upstream.bare);
    await until('it is ready', async () => (await status(url)) === 200);
    expect(await status(`${url}/any/path`, 'DELETE')).toBe(200);
    await untilPublished(link, upstream.head(), process);
  });

  test('after a restart with nothing to do it is ready after the first loop, in v3 too', async () => {
    const { upstream, root, first } = fixture();
    for (let times = 0; times < 2; times += 1) {
      const process = sidecar([`--repo=${upstream.bare}`, `--root=${root}`, '--branch=main', '--dest=link', BIND]);
      const url = await base(process);
      await until('it is ready', async () => (await status(url)) === 200);
      await untilPublished(join(root, 'link'), first);
      await process.stop();
    }
  });

  test('compat 9.6: /readyz turns to 503 when the last success is older than --max-staleness, / stays 200', async () => {
    const { upstream, link, first, start } = fixture();
    const process = start(BIND, '--max-staleness=500ms');
    const url = await base(process);
    await untilPublished(link, first);
    await until('it is ready', async () => (await status(`${url}/readyz`)) === 200);
    rmSync(upstream.bare, { recursive: true });
    await until('it is stale', async () => (await status(`${url}/readyz`)) === 503);
    expect(await (await fetch(`${url}/readyz`)).text()).toContain('stale');
    expect(await status(url)).toBe(200);
  });

  test('/metrics: off by default in v4, on in v3; every name, label and help text of git-sync', async () => {
    const { dir, upstream, root, link, first, start } = fixture();
    const hook = script(join(dir, 'hook'), 'true');
    const off = start(BIND);
    expect(await (await fetch(`${await base(off)}/metrics`)).text()).not.toContain('git_sync');
    await off.stop();
    const process = start(BIND, '--http-metrics', `--exechook-command=${hook}`);
    const url = await base(process);
    await untilPublished(link, first);
    await untilPublished(link, upstream.commit({ a: 'two' }));
    const text = await until('the update is counted', async () => {
      const body = await (await fetch(`${url}/metrics`)).text();
      return /git_sync_count_total\{status="success"\} [12]/.test(body) &&
        /git_sync_duration_seconds_count\{status="noop"/.test(body) &&
        /name="exechook"/.test(body)
        ? body
        : undefined;
    });
    for (const expected of [
      '# HELP git_sync_duration_seconds Summary of git_sync durations',
      '# TYPE git_sync_duration_seconds summary',
      'git_sync_duration_seconds_sum{status="success"}',
      'git_sync_duration_seconds_count{status="noop"}',
      '# HELP git_sync_count_total How many git syncs completed, partitioned by state (success, error, noop)',
      '# HELP git_fetch_count_total How many git fetches were run',
      '\ngit_fetch_count_total ',
      '# HELP git_sync_askpass_calls How many git askpass calls completed, partitioned by state (success, error)',
      '# HELP git_sync_hook_run_count_total How many hook runs completed, partitioned by name and state (success, error)',
      'git_sync_hook_run_count_total{name="exechook",status="success"}',
      '# HELP git_sync_refresh_github_app_token_count How many times the GitHub app token was refreshed, partitioned by state (success, error)',
      'process_cpu_seconds_total',
      'git_sidecar_last_success_timestamp_seconds',
      `git_sidecar_published_info{ref="HEAD",oid="${upstream.head()}"} 1`,
      'git_sidecar_poll_duration_seconds_count',
      'git_sidecar_update_duration_seconds_count',
    ])
      expect(text).toContain(expected);
    expect(text).not.toContain('quantile="0.5"');
    const v3 = sidecar([`--repo=${upstream.bare}`, `--root=${root}3`, '--branch=main', '--wait=0.05', BIND]);
    const old = await base(v3);
    await until('v3 has quantiles', async () =>
      (await (await fetch(`${old}/metrics`)).text()).includes('git_sync_duration_seconds{quantile="0.99",status="'),
    );
  });

  test('v3 with both hooks at once does not panic (compat 5)', async () => {
    const { dir, upstream, root } = fixture();
    const hook = script(join(dir, 'hook'), 'true');
    const process = sidecar([
      `--repo=${upstream.bare}`,
      `--root=${root}`,
      '--branch=main',
      `--exechook-command=${hook}`,
      '--webhook-url=http://127.0.0.1:9/x',
      BIND,
    ]);
    const url = await base(process);
    await until('both are counted', async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return text.includes('name="exechook",status="success"') && text.includes('name="webhook",status="error"');
    });
  });

  test('--http-pprof: an index, a CPU profile and a heap snapshot that Chrome DevTools reads', async () => {
    const { dir, start } = fixture();
    await httpGit(dir);
    const process = start(BIND, '--http-pprof');
    const url = `${await base(process)}/debug/pprof/`;
    expect(await (await fetch(url)).text()).toContain('profile?seconds=');
    const profile = (await (await fetch(`${url}profile?seconds=1`)).json()) as { nodes: unknown[]; samples: unknown[] };
    expect(profile.nodes.length).toBeGreaterThan(1);
    expect(profile.samples.length).toBeGreaterThan(1);
    const heap = (await (await fetch(`${url}heap`)).json()) as { snapshot: { node_count: number } };
    expect(heap.snapshot.node_count).toBeGreaterThan(1000);
    const allocations = (await (await fetch(`${url}allocs?seconds=1`)).json()) as { head: unknown };
    expect(allocations.head).toBeDefined();
    expect(await status(`${url}nope`)).toBe(404);
  });

  test('profiles are not served without --http-pprof', async () => {
    const { start } = fixture();
    const process = start(BIND);
    expect(await (await fetch(`${await base(process)}/debug/pprof/cmdline`)).text()).not.toContain('git-sidecar');
  });
});
