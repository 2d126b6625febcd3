import { mkdirSync } from 'node:fs';
import { openBelow } from '../platform/below.ts';
import { type BytePath, HERE, systemPath } from '../platform/byte-path.ts';
import type { HeldDirectory, Name } from '../platform/held-directory.ts';

/** A directory of the tree while its entries are being read: git's order keeps them together. */
interface Step {
  /** `` or `a/b/`. */
  readonly prefix: BytePath;
  /** The last part of it. */
  readonly name: Name;
  directory: HeldDirectory | undefined;
  /** It has gone, is no directory, or may not be entered: what the index has in it cannot be reached. */
  isUnreachable: boolean;
}

function openChild(directory: HeldDirectory, name: Name): HeldDirectory | undefined {
  try {
    return directory.child(name);
  } catch {
    return undefined;
  }
}

/**
 * The directories of one tree on the way to one entry after the other. They are held by descriptors: whatever another
 * process renames or puts into their places, these are the ones that were looked at. Nothing behind a symlink is ever
 * opened, and nothing that is not asked for.
 */
export class DirectoryTrail {
  readonly #steps: Step[];

  private constructor(top: HeldDirectory) {
    this.#steps = [{ prefix: HERE, name: '', directory: top, isUnreachable: false }];
  }

  /** @throws SidecarError ERR_PATH_REDIRECTED when a link or a mount is on the way from `root` to `path` */
  static open(root: string, path: string): DirectoryTrail {
    return new DirectoryTrail(openBelow({ root, path }));
  }

  get top(): HeldDirectory {
    return this.#steps[0]?.directory as HeldDirectory;
  }

  /** Goes to the directory that holds `path`. */
  enter(path: BytePath): void {
    while (!path.startsWith(this.#current.prefix)) this.#steps.pop()?.directory?.close();
    for (;;) {
      const { prefix } = this.#current;
      const slash = path.indexOf('/', prefix.length);
      if (slash < 0) return;
      const name = systemPath(path.slice(prefix.length, slash));
      this.#steps.push({ prefix: path.slice(0, slash + 1), name, directory: undefined, isUnreachable: false });
    }
  }

  /** The directory that was entered last; undefined where there is none. */
  held(): HeldDirectory | undefined {
    let above = this.top;
    for (const step of this.#steps) {
      if (!step.directory && !step.isUnreachable) step.directory = openChild(above, step.name);
      step.isUnreachable = !step.directory;
      if (!step.directory) return undefined;
      above = step.directory;
    }
    return above;
  }

  /** The same, made where it is not there yet. */
  made(): HeldDirectory {
    let above = this.top;
    for (const step of this.#steps) {
      if (!step.directory) {
        mkdirSync(above.at(step.name));
        step.directory = above.child(step.name);
      }
      above = step.directory;
    }
    return above;
  }

  /** The system's error with paths that a person knows. */
  explain(error: unknown): unknown {
    return this.#steps.reduce((known, { directory }) => directory?.explain(known) ?? known, error);
  }

  close(): void {
    for (const { directory } of this.#steps.splice(0)) directory?.close();
  }

  get #current(): Step {
    return this.#steps.at(-1) as Step;
  }
}
