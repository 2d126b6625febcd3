import { chmodSync, closeSync, constants, fstatSync, lstatSync, openSync, readSync, statSync } from 'node:fs';
import { systemCode } from '../model/error.ts';
import { mountFromTable } from './mount-table.ts';

/** A name or a path; bytes where it is not UTF-8. */
export type Name = string | Buffer;

const DESCRIPTORS = '/proc/self/fd';
/** open(2): a descriptor that only names the directory, so no permission to read it is needed. Linux only. */
const O_PATH = 0o10000000;
const FOLLOW = constants.O_DIRECTORY;
const STAY = constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** What makes a directory the same one when it is opened again. */
export interface DirectoryIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  /** The mount through which it was reached (proc(5), "mnt_id"); another word for the same place is never equal. */
  readonly mount: string;
}

/** Text stays text, which Node hands to the system in half the time that bytes take. */
function joinNames(base: Name, name: Name): Name {
  if (typeof base === 'string' && typeof name === 'string') return `${base}/${name}`;
  return Buffer.concat([bytesOfName(base), Buffer.from('/'), bytesOfName(name)]);
}

export function bytesOfName(name: Name): Buffer {
  return typeof name === 'string' ? Buffer.from(name) : name;
}

function isEqual(name: Name, text: string): boolean {
  return typeof name === 'string' ? name === text : name.equals(Buffer.from(text));
}

/**
 * A directory that is held by a descriptor. A path names whatever lies there at the moment; a descriptor stays with one
 * directory, even when another process renames it or puts a symlink into its place. Node has no openat(2), but on Linux
 * `/proc/self/fd/N/name` has the same effect (proc(5)). Where there is no /proc (macOS), paths are used, and each
 * directory is checked when it is opened: that is not safe against a process that changes it at the same moment.
 */
export class HeldDirectory {
  /** For messages. */
  readonly path: string;
  readonly #fd: number;
  readonly #base: Name;
  readonly #hasDescriptors: boolean;

  private constructor(path: string, fd: number, base: Name, hasDescriptors: boolean) {
    this.path = path;
    this.#fd = fd;
    this.#base = base;
    this.#hasDescriptors = hasDescriptors;
  }

  /** Opens a directory that the caller trusts: symlinks on the way to it are followed. `descriptors` is for tests. */
  static open(path: string, descriptors = DESCRIPTORS): HeldDirectory {
    const hasDescriptors = statSync(descriptors, { throwIfNoEntry: false })?.isDirectory() === true;
    const fd = openSync(path, hasDescriptors ? FOLLOW | O_PATH : FOLLOW);
    return new HeldDirectory(path, fd, hasDescriptors ? `${DESCRIPTORS}/${fd}` : path, hasDescriptors);
  }

  /**
   * Opens a directory in this one. A symlink is not followed.
   * @throws the system's ENOTDIR for a symlink and for everything else that is no directory; ENOENT
   */
  child(name: Name): HeldDirectory {
    if (isEqual(name, '..') || isEqual(name, '.') || isEqual(name, '')) throw new Error(`not a name: ${name}`);
    return this.#open(name);
  }

  /** Opens the directory that holds this one now. The caller compares its identity with the one it expects. */
  parent(path: string): HeldDirectory {
    return this.#open('..', path);
  }

  #open(name: Name, path = `${this.path}/${name}`): HeldDirectory {
    const target = this.at(name);
    if (this.#hasDescriptors) {
      const fd = openSync(target, STAY | O_PATH);
      return new HeldDirectory(path, fd, `${DESCRIPTORS}/${fd}`, true);
    }
    if (!lstatSync(target).isDirectory())
      throw Object.assign(new Error(`ENOTDIR: not a directory, open '${path}'`), { code: 'ENOTDIR' });
    return new HeldDirectory(path, openSync(target, STAY), target, false);
  }

  /** The path for a system call on `name` in this directory. The call itself must not follow a symlink at `name`. */
  at(name: Name): Name {
    return joinNames(this.#base, name);
  }

  /** The path for a system call on the directory itself. */
  get itself(): Name {
    return this.at('.');
  }

  get identity(): DirectoryIdentity {
    const { dev, ino } = fstatSync(this.#fd, { bigint: true });
    return { dev, ino, mount: this.mount };
  }

  /** A word for the mount that the directory is on: a mount point's differs from its parent's. */
  get mount(): string {
    return (this.#hasDescriptors ? mountOf(this.#fd) : undefined) ?? `device ${fstatSync(this.#fd).dev}`;
  }

  /** The mount of whatever is at `name`, files included, which can be mount points as well. A symlink is not followed. */
  mountAt(name: Name): string {
    const target = this.at(name);
    if (!this.#hasDescriptors) return `device ${lstatSync(target).dev}`;
    const fd = openSync(target, O_PATH | constants.O_NOFOLLOW);
    try {
      return mountOf(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Gives the owner full access, when it is us and there is less. */
  openUp(): void {
    if ((fstatSync(this.#fd).mode & 0o700) === 0o700) return;
    try {
      chmodSync(this.#hasDescriptors ? this.#base : this.itself, 0o700);
    } catch (error) {
      // Another user owns it: the next step shows whether our access is enough.
      if (systemCode(error) !== 'EPERM') throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The system's error with the path that a person knows in place of `/proc/self/fd/N`. */
  explain(error: unknown): unknown {
    if (!this.#hasDescriptors || !(error instanceof Error)) return error;
    const ours = new RegExp(`${DESCRIPTORS}/${this.#fd}(?![0-9])(?:/\\.(?![^\\s'/,]))?`, 'g');
    error.message = error.message.replace(ours, () => this.path);
    return error;
  }
}

const information = Buffer.alloc(512);

/** proc(5), "/proc/PID/fdinfo": the kernel's own number of the mount, right even for a bind mount of the same device. */
function mountOf(fd: number): string {
  const file = openSync(`/proc/self/fdinfo/${fd}`, 'r');
  let text: string;
  try {
    text = information.toString('latin1', 0, readSync(file, information, 0, information.length, 0));
  } finally {
    closeSync(file);
  }
  const id = /^mnt_id:\s*(\d+)/m.exec(text)?.[1];
  return id === undefined ? mountFromTable(`${DESCRIPTORS}/${fd}`) : `mount ${id}`;
}

/** True when both are one directory, reached through one mount. */
export function isSameDirectory(one: DirectoryIdentity, other: DirectoryIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino && one.mount === other.mount;
}
