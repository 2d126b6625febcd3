import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Disk, openMountsForDisks, startMachineAgain } from '../kit/disk.ts';
import type { PrivateMounts } from '../kit/private-mounts.ts';
import { Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const FILES = 300;
const filesOf = (round: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: FILES }, (_, index) => [`d${index % 7}/${index}`, `${round} ${index}\n`.repeat(99)]),
  );

async function untilShown(disk: Disk, wanted: string, process: Sidecar): Promise<void> {
  await until(
    () => `the link shows the whole commit\n${process.stderr.slice(-2000)}`,
    () => {
      try {
        return disk.published('root/link') === wanted;
      } catch {
        return false;
      }
    },
  );
}

/** What the files of a commit look like in a disk. */
function wantedOf(mounts: PrivateMounts, directory: string): string {
  const script = 'cd "$1" && find . -type f ! -path "./.git/*" -exec sha1sum {} + | sort -k2';
  return mounts.command('/bin/sh', '-c', script, 'sh', directory);
}

const argsAt = ({ bare }: Upstream, place: string): string[] => [
  ...[`--repo=${bare}`, `--root=${place}/root`, '--link=link'],
  ...['--period=100ms', '-v=1'],
];

describe('a power cut', () => {
  test('with --durable shows the whole revision as soon as it is published, and the next start serves it without the remote', async ({
    skip,
  }) => {
    const mounts = openMountsForDisks();
    if (!mounts) return skip();
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const disk = Disk.make(mounts, join(dir, 'disk'));
    const args = (place: string): string[] => [...argsAt(upstream, place), '--durable'];
    upstream.commit(filesOf(0));
    const sync = new Sidecar(args(disk.place), {}, { within: mounts.enter });
    const cuts: { readonly disk: Disk; readonly wanted: string }[] = [];
    for (let round = 0; round < 4; round += 1) {
      const oid = round === 0 ? upstream.head() : upstream.commit(filesOf(round));
      await until('it is published', () => sync.stderr.includes(`"published","ref":"HEAD","hash":"${oid}"`));
      const wanted = wantedOf(mounts, upstream.work);
      const cut = disk.cut(join(dir, `cut-${round}`));
      cut.mountAt(cut.place);
      cuts.push({ disk: cut, wanted });
    }
    expect((await sync.stop()).code).toBe(143);
    for (const [round, { disk: cut, wanted }] of cuts.entries())
      expect(cut.published('root/link'), `cut ${round}`).toBe(wanted);
    startMachineAgain(mounts, dir, 'the-next-boot');
    const last = cuts.at(-1);
    mounts.command('mv', upstream.bare, `${upstream.bare}-later`);
    const again = new Sidecar(args(last?.disk.place ?? ''), {}, { within: mounts.enter });
    await again.logged('sync failed');
    expect(again.stderr).toContain('are whole');
    expect(last?.disk.published('root/link')).toBe(last?.wanted);
    await again.stop();
    for (const { disk: each } of [...cuts, { disk }]) each.end();
  });

  test('without it may tear the tree that is shown: the next start of the machine finds that and puts it right', async ({
    skip,
  }) => {
    const mounts = openMountsForDisks();
    if (!mounts) return skip();
    const dir = tempDir();
    const upstream = new Upstream(dir);
    upstream.commit(filesOf(0));
    const disk = Disk.make(mounts, join(dir, 'disk'));
    const args = (place: string): string[] => argsAt(upstream, place);
    const sync = new Sidecar(args(disk.place), {}, { within: mounts.enter });
    await sync.logged('published');
    const oid = upstream.commit(filesOf(1));
    await until('it is published', () => sync.stderr.includes(`"hash":"${oid}"`));
    // The names are on the disk then, and the files are not.
    mounts.command('sh', '-c', `cd ${disk.place}/root && sync link .worktrees .git`);
    const cut = disk.cut(join(dir, 'cut'));
    cut.mountAt(cut.place);
    await sync.stop();
    startMachineAgain(mounts, dir, 'the-next-boot');
    const again = new Sidecar(args(cut.place), {}, { within: mounts.enter });
    await untilShown(cut, wantedOf(mounts, upstream.work), again);
    await again.stop();
    for (const each of [cut, disk]) each.end();
  });
});
