import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openPrivateMounts, type PrivateMounts } from '../kit/private-mounts.ts';
import { Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const FILES = 300;
const filesOf = (round: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: FILES }, (_, index) => [`d${index % 7}/${index}`, `${round} ${index}\n`.repeat(99)]),
  );

/** A disk of its own, whose content now is all that a power cut would leave: what is not flushed is not in it. */
class Disk {
  readonly image: string;
  readonly place: string;
  readonly #mounts: PrivateMounts;

  constructor(mounts: PrivateMounts, directory: string, from?: Disk) {
    this.#mounts = mounts;
    mkdirSync(directory);
    this.image = join(directory, 'image');
    this.place = join(directory, 'place');
    mkdirSync(this.place);
    if (from) copyFileSync(from.image, this.image);
    else {
      mounts.command('truncate', '-s', '96M', this.image);
      mounts.command('mkfs.ext4', '-q', '-F', this.image);
    }
    mounts.command('mount', '-o', 'loop', this.image, this.place);
  }

  /** The files below a published link, as `PATH SHA` lines; its target first. */
  published(link: string): string {
    const script = 'cd "$1" && find . -type f ! -name .git -exec sha1sum {} + | sort -k2';
    return this.#mounts.command('/bin/sh', '-c', script, 'sh', join(this.place, link));
  }

  end(): void {
    this.#mounts.command('umount', this.place);
  }
}

function openMounts(): PrivateMounts | undefined {
  const mounts = openPrivateMounts();
  try {
    mounts?.command('mkfs.ext4', '-V');
    return mounts;
  } catch {
    process.stdout.write('skipped: there is no mkfs.ext4 here\n');
    return undefined;
  }
}

/** From then on a process believes that the machine was started again. */
function startMachineAgain(mounts: PrivateMounts, directory: string, name: string): void {
  const file = join(directory, name);
  writeFileSync(file, `${name}\n`);
  mounts.bind(file, '/proc/sys/kernel/random/boot_id');
}

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
    const mounts = openMounts();
    if (!mounts) return skip();
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const disk = new Disk(mounts, join(dir, 'disk'));
    const args = (place: string): string[] => [...argsAt(upstream, place), '--durable'];
    upstream.commit(filesOf(0));
    const sync = new Sidecar(args(disk.place), {}, { within: mounts.enter });
    const cuts: { readonly disk: Disk; readonly wanted: string }[] = [];
    for (let round = 0; round < 4; round += 1) {
      const oid = round === 0 ? upstream.head() : upstream.commit(filesOf(round));
      await until('it is published', () => sync.stderr.includes(`"published","ref":"HEAD","hash":"${oid}"`));
      const wanted = wantedOf(mounts, upstream.work);
      cuts.push({ disk: new Disk(mounts, join(dir, `cut-${round}`), disk), wanted });
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
    const mounts = openMounts();
    if (!mounts) return skip();
    const dir = tempDir();
    const upstream = new Upstream(dir);
    upstream.commit(filesOf(0));
    const disk = new Disk(mounts, join(dir, 'disk'));
    const args = (place: string): string[] => argsAt(upstream, place);
    const sync = new Sidecar(args(disk.place), {}, { within: mounts.enter });
    await sync.logged('published');
    const oid = upstream.commit(filesOf(1));
    await until('it is published', () => sync.stderr.includes(`"hash":"${oid}"`));
    // The names are on the disk then, and the files are not.
    mounts.command('sh', '-c', `cd ${disk.place}/root && sync link .worktrees .git`);
    const cut = new Disk(mounts, join(dir, 'cut'), disk);
    await sync.stop();
    startMachineAgain(mounts, dir, 'the-next-boot');
    const again = new Sidecar(args(cut.place), {}, { within: mounts.enter });
    await untilShown(cut, wantedOf(mounts, upstream.work), again);
    await again.stop();
    for (const each of [cut, disk]) each.end();
  });
});
