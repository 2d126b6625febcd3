import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from './namespace.ts';

export type FileSystem = 'ext4' | 'XFS';

const HOLDER_GIB = 24;
/** XFS makes none below 300. */
const IMAGE_MIB = 320;
const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  XFS: ['mkfs.xfs', '-q', '-f'],
};

/**
 * Images of disks, and copies of them that are taken in one instant: they lie on an XFS that clones. What a copy holds is
 * what the file system had written to its device until then, as after a power cut; what the kernel kept is not in it.
 */
export class Disks {
  readonly #namespace: Namespace;
  readonly #home: string;
  readonly #place: string;
  #copies = 0;

  /** @param home on a real disk, so that to flush takes its time */
  constructor(namespace: Namespace, home: string) {
    this.#namespace = namespace;
    this.#home = home;
    this.#place = join(home, 'disks');
    mkdirSync(this.#place);
    const image = join(home, 'holder');
    namespace.run('truncate', '-s', `${HOLDER_GIB}G`, image);
    namespace.run('mkfs.xfs', '-q', '-m', 'reflink=1', image);
    namespace.run('mount', '-o', 'loop', image, this.#place);
  }

  make(name: string, kind: FileSystem): string {
    const image = join(this.#place, name);
    this.#namespace.run('truncate', '-s', `${IMAGE_MIB}M`, image);
    const [file = '', ...args] = MAKE[kind];
    this.#namespace.run(file, ...args, image);
    return image;
  }

  /** The disk as it is in this instant. */
  cut(image: string): string {
    this.#copies += 1;
    const copy = join(this.#place, `copy-${this.#copies}`);
    this.#namespace.run('cp', '--reflink=always', image, copy);
    return copy;
  }

  remove(image: string): void {
    this.#namespace.run('rm', '-f', image);
  }

  close(): void {
    this.#namespace.run('umount', this.#place);
    rmSync(join(this.#home, 'holder'), { force: true });
  }
}

/** Mounts an image in a namespace. The loop device is set up by a path that the namespace of the images has. */
export function mountImage(namespace: Namespace, disks: Namespace, image: string, kind: FileSystem, place: string) {
  // Two copies of an XFS have the same identity.
  const options = kind === 'XFS' ? 'loop,nouuid' : 'loop';
  namespace.run('mount', '-o', options, disks.seen(image), place);
}

/** A process of the kernel may use it for a moment longer. */
export function unmount(namespace: Namespace, place: string): void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      namespace.run('umount', place);
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      execFileSync('sleep', ['0.1']);
    }
  }
}
