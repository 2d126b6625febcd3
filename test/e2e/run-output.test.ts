import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FleetDocument } from '../../src/relay/server/fleet/fleet-document.ts';
import { httpGit } from '../kit/http-git.ts';
import { startRelay } from '../kit/relay.ts';
import { deployed } from '../kit/runner.ts';
import { Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

/** A relay, and `run` that follows it. */
async function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const server = await httpGit(dir);
  const relay = await startRelay({ dir, args: [`--allow=${server}/*`] });
  const start = (...more: readonly string[]): Sidecar => {
    const words = [
      ...['run', `--repo=${server}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--ref=main'],
      ...[`--relay=${relay.url}`, '--instance=web-1', `--state=${join(dir, 'state')}`, '--period=200ms'],
      ...[
        '--ready-for=200ms',
        '--ready-delay=100ms',
        '--drain-delay=0s',
        '--username=me',
        ...more,
        '--',
        'sh',
        'app.sh',
      ],
    ];
    return new Sidecar(
      words,
      { APP_PASSWORD: 'hunter2hunter2', GITSYNC_PASSWORD: 'hunter2hunter2' },
      { command: 'git-sidecar' },
    );
  };
  const fleet = async () => {
    const { repositories } = (await (await relay.get('/fleet')).json()) as FleetDocument;
    return repositories.flatMap(({ instances }) => instances).find(({ connected }) => connected);
  };
  return { dir, upstream, start, fleet };
}

const GOOD = { 'app.sh': 'echo started >&2\nexec sleep 1000\n' };

describe('what a process writes last', () => {
  test('is in the overview of the relay when it does not come to life, without secrets and escapes, and in our output as it was', async () => {
    const it = await setUp();
    const good = it.upstream.commit(GOOD);
    const process = it.start();
    await deployed(process, good);
    const bad = it.upstream.commit({
      'app.sh': String.raw`printf 'no table users\nuse hunter2hunter2\n\033[2Jbye' >&2; exit 7`,
    });
    const failed = await until('it is reported', async () => {
      const { failed } = (await it.fleet()) ?? {};
      return failed?.output ? failed : undefined;
    });
    expect(failed).toMatchObject({ oid: bad, output: ['no table users', 'use *****', '\\u001b[2Jbye'] });
    expect(failed.reason).toContain('its last words: \\u001b[2Jbye');
    expect(process.stderr).toContain('\u001b[2Jbye');
    expect(process.stderr).toContain('started');
    await process.stop();
  });

  test('is not followed with --report-output=0, and is in our output all the same', async () => {
    const it = await setUp();
    const good = it.upstream.commit(GOOD);
    const process = it.start('--report-output=0');
    await deployed(process, good);
    it.upstream.commit({ 'app.sh': 'echo nothing >&2; exit 7' });
    const failed = await until('it is reported', async () => (await it.fleet())?.failed ?? undefined);
    expect(failed).not.toHaveProperty('output');
    await until('it is passed on', () => process.stderr.includes('nothing'));
    await process.stop();
  });

  test('goes where it went before when run is killed: the process writes on, and the next run ends it', async () => {
    const it = await setUp();
    const flag = join(it.dir, 'go');
    const script = `echo started >&2; while [ ! -e ${flag} ]; do sleep 0.1; done; head -c 300000 /dev/zero >&2; echo after >&2`;
    const good = it.upstream.commit({ 'app.sh': `${script}; exec sleep 1000\n` });
    const killed = it.start();
    await deployed(killed, good);
    killed.kill('SIGKILL');
    await until('it is dead', () => killed.child.signalCode === 'SIGKILL');
    writeFileSync(flag, '');
    await until('what it wrote afterwards came', () => killed.stderr.endsWith('after\n'));
    expect(killed.stderr.length).toBeGreaterThan(300_000);
    const next = it.start();
    await next.logged('ended processes of a killed predecessor');
    // Nothing holds its output any more.
    await killed.exited;
    await next.stop();
  });
});
