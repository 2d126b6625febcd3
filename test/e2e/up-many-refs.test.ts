import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp } from '../kit/up.ts';
import { Upstream } from '../kit/upstream.ts';
import { NGINX_PROGRAMS } from '../peers/nginx.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const REFS = Array.from({ length: 100 }, (_, at) => `ref-${at}`);
/** Cycles to look at: each of the units polls several times. */
const CYCLES = 300;

test.skipIf(missing(...NGINX_PROGRAMS))(
  '100 refs of one repository cost the server one request a period, and each still moves by itself',
  async () => {
    const dir = tempDir();
    const srv = join(dir, 'srv');
    const upstream = new Upstream(srv, 'app.git');
    upstream.commit({ a: 'one' });
    for (const ref of REFS) upstream.git('branch', ref);
    upstream.push('--all');
    const web = await nginx(join(dir, 'nginx'), { projectRoot: srv });
    const link = (ref: string): string => join(dir, 'git', ref, 'current');
    const { up } = await startUp(dir, (bind) => ({
      http: { bind, metrics: true },
      defaults: { period: '1s', 'verify-period': '0s', 'git-gc': 'off' },
      sync: REFS.map((ref) => ({
        name: ref,
        ref,
        repo: `${web.url}/app.git`,
        root: join(dir, 'git', ref),
        link: 'current',
      })),
    }));
    const idle = async (): Promise<number> => {
      const text = (await up.get('/metrics'))?.text ?? '';
      const counts = [...text.matchAll(/git_sync_count_total\{[^}]*status="noop"[^}]*\} (\d+)/g)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const requests = (): number => readFileSync(web.accessLog, 'utf8').split('\n').length - 1;
    await until(
      () => `all are published\n${up.process.stderr.slice(-3000)}`,
      async () => (await up.get('/readyz'))?.status === 200,
      120_000,
    );
    const before = { idle: await idle(), requests: requests() };
    await until('they have polled', async () => (await idle()) >= before.idle + CYCLES, 120_000);
    const [cycles, asked] = [(await idle()) - before.idle, requests() - before.requests];
    process.stdout.write(`${cycles} polls of ${REFS.length} units: ${asked} requests\n`);
    // One for all in each period. Alone they would need one each.
    expect(asked).toBeLessThan(cycles / 20);

    upstream.git('checkout', '-q', 'ref-42');
    const oid = upstream.commit({ a: 'two' });
    await untilPublished(link('ref-42'), oid, up.process);
    expect(up.lines('ref-43', 'published')).toBe(1);
    expect((await up.process.stop()).code).toBe(143);
  },
  240_000,
);
