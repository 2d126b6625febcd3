import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { notTried } from '../peers/not-tried.ts';
import { openPrivateMounts, type PrivateMounts } from './private-mounts.ts';

/** A disk of its own, whose content now is all that a power cut would leave: what is not flushed is not in it. */
export class Disk {
  readonly image: string;
  place: string;
  readonly #mounts: PrivateMounts;

  private constructor(mounts: PrivateMounts, directory: string) {
    this.#mounts = mounts;
    mkdirSync(directory);
    this.image = join(directory, 'image');
    this.place = join(directory, 'place');
    mkdirSync(this.place);
  }

  /** A new one, mounted at a place of its own. */
  static make(mounts: PrivateMounts, directory: string): Disk {
    const disk = new Disk(mounts, directory);
    mounts.command('truncate', '-s', '96M', disk.image);
    mounts.command('mkfs.ext4', '-q', '-F', disk.image);
    disk.mountAt(disk.place);
    return disk;
  }

  /** What a power cut in this moment would leave; it is mounted by {@link mountAt}. */
  cut(directory: string): Disk {
    const disk = new Disk(this.#mounts, directory);
    copyFileSync(this.image, disk.image);
    return disk;
  }

  mountAt(place: string): void {
    this.place = place;
    this.#mounts.command('mount', '-o', 'loop', this.image, place);
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

/** Opens a mount namespace for the running test; undefined, with the reason printed, where no disk can be made. */
export function openMountsForDisks(): PrivateMounts | undefined {
  const mounts = openPrivateMounts();
  try {
    mounts?.command('mkfs.ext4', '-V');
    return mounts;
  } catch {
    notTried('there is no mkfs.ext4 here');
    return undefined;
  }
}

/** From then on a process believes that the machine was started again. */
export function startMachineAgain(mounts: PrivateMounts, directory: string, name: string): void {
  const file = join(directory, name);
  writeFileSync(file, `${name}\n`);
  mounts.bind(file, '/proc/sys/kernel/random/boot_id');
}
