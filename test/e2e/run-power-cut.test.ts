import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Disk, openMountsForDisks, startMachineAgain } from '../kit/disk.ts';
import { script } from '../kit/script.ts';
import { read, Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

const LINES = 5000;
const files = (text: string): Record<string, string> => ({ data: `${text}\n`.repeat(LINES), 'd/more': text });
/** The application says how often its file has each line. */
const COMMAND = ['sh', '-c', 'sort data | uniq -c | sed "s/^ *//" >> "$OUT"; echo end >> "$OUT"; exec sleep 100'];
const started = (...texts: string[]): string => texts.map((text) => `${LINES} ${text}\nend\n`).join('');

/** A `run --repo` whose files are all on one disk, at one place in each boot of the machine. */
function machine() {
  const mounts = openMountsForDisks();
  if (!mounts) return undefined;
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const out = (boot: string): string => join(dir, `started-in-${boot}`);
  const hanging = join(dir, 'bin');
  mkdirSync(hanging);
  script(join(hanging, 'sync'), 'exec sleep 100');
  const start = (boot: string, { place }: Disk, more: readonly string[] = [], flushes = true): Sidecar =>
    new Sidecar(
      [
        ...['run', `--repo=${upstream.bare}`, `--root=${place}/root`, '--link=link', '--period=100ms', '-v=1'],
        ...[`--state=${place}/state`, '--ready-delay=50ms', '--ready-for=0s', '--max-failures=-1', ...more],
        ...['--', ...COMMAND],
      ],
      { OUT: out(boot), ...(!flushes && { PATH: `${hanging}:${process.env.PATH}` }) },
      { command: 'git-sidecar', within: mounts.enter },
    );
  const deployed = async (process: Sidecar, oid: string): Promise<void> =>
    void (await until(
      () => `${oid} is deployed\n${process.stderr.slice(-3000)}`,
      () =>
        process.logs.some(({ msg, hash, outcome }) => msg === 'deployment' && hash === oid && outcome === 'deployed'),
      30_000,
    ));
  return { mounts, dir, upstream, out, start, deployed };
}

describe('run, after a power cut', () => {
  test('starts the release before one that was not on the disk yet, and makes that one again', async ({ skip }) => {
    const it = machine();
    if (!it) return skip();
    const { mounts, dir, upstream, out, start, deployed } = it;
    const disk = Disk.make(mounts, join(dir, 'disk'));
    const first = upstream.commit(files('one'));
    const before = start('the-first', disk, [], false);
    await deployed(before, first);
    mounts.command('sync', '-f', disk.place);
    const second = upstream.commit(files('two'));
    await deployed(before, second);
    // The names are on the disk then, and the files are not.
    mounts.command('sh', '-c', `cd ${disk.place} && sync root/link root/.worktrees state state/releases`);
    const cut = disk.cut(join(dir, 'cut'));
    await before.stop();
    disk.end();
    cut.mountAt(disk.place);
    startMachineAgain(mounts, dir, 'the-next');
    const again = start('the-next', cut);
    await deployed(again, second);
    await again.logged('it is made again');
    await until('the application has read its file', () => read(out('the-next')) === started('one', 'two'));
    await again.stop();
    cut.end();
  });

  test('waits for the sync before it deploys what is published, and starts nothing from a torn tree', async ({
    skip,
  }) => {
    const it = machine();
    if (!it) return skip();
    const { mounts, dir, upstream, out, deployed } = it;
    const disk = Disk.make(mounts, join(dir, 'disk'));
    upstream.commit(files('one'));
    const sync = new Sidecar(
      [`--repo=${upstream.bare}`, `--root=${disk.place}/root`, '--link=link', '--period=100ms', '-v=1'],
      {},
      { within: mounts.enter },
    );
    await sync.logged('published');
    mounts.command('sync', '-f', disk.place);
    const second = upstream.commit(files('two'));
    await until('the second is published', () => sync.stderr.includes(`"published","ref":"HEAD","hash":"${second}"`));
    mounts.command('sh', '-c', `cd ${disk.place}/root && sync link .worktrees .git`);
    const cut = disk.cut(join(dir, 'cut'));
    await sync.stop();
    disk.end();
    cut.mountAt(disk.place);
    startMachineAgain(mounts, dir, 'the-next');
    const link = [
      'run',
      `--link=${join(disk.place, 'root', 'link')}`,
      `--state=${disk.place}/state`,
      '--ready-delay=50ms',
    ];
    const app = new Sidecar(
      [...link, '--ready-for=0s', '--', ...COMMAND],
      { OUT: out('the-next') },
      { command: 'git-sidecar', within: mounts.enter },
    );
    await app.logged('waiting for that');
    await delay(1000);
    expect(read(out('the-next'))).toBeUndefined();
    const again = new Sidecar(
      [`--repo=${upstream.bare}`, `--root=${disk.place}/root`, '--link=link', '--period=100ms', '-v=1'],
      {},
      { within: mounts.enter },
    );
    await deployed(app, second);
    await until('the application has read its file', () => read(out('the-next')) === started('two'));
    await app.stop();
    await again.stop();
    cut.end();
  });

  test('with --durable starts what ran last, whole, though nothing was flushed behind its start', async ({ skip }) => {
    const it = machine();
    if (!it) return skip();
    const { mounts, dir, upstream, out, start, deployed } = it;
    const disk = Disk.make(mounts, join(dir, 'disk'));
    const into = join(disk.place, 'into');
    mounts.command('mkdir', into);
    const first = upstream.commit(files('one'));
    const before = start('the-first', disk, ['--durable', `--into=${into}`]);
    await deployed(before, first);
    const second = upstream.commit(files('two'));
    await deployed(before, second);
    const cut = disk.cut(join(dir, 'cut'));
    await before.stop();
    disk.end();
    cut.mountAt(disk.place);
    startMachineAgain(mounts, dir, 'the-next');
    mounts.command('mv', upstream.bare, `${upstream.bare}-later`);
    expect(mounts.command('sh', '-c', `uniq -c ${into}/data`).trim()).toBe(`${LINES} two`);
    const again = start('the-next', cut, ['--durable', `--into=${into}`]);
    await until('the application has read its file', () => read(out('the-next')) === started('two'));
    expect(again.stderr).not.toContain('it is made again');
    await again.stop();
    cut.end();
  });
});
