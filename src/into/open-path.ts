import type { Stats } from 'node:fs';
import { systemCode } from '../model/error.ts';
import { type BytePath, HERE, nameOf, systemPath } from '../platform/byte-path.ts';
import { HeldDirectory } from '../platform/held-directory.ts';
import { type Entry, statOf } from './entry-copy.ts';

/** Where the way to an entry leads. */
export type Way =
  | { readonly kind: 'open'; readonly directory: HeldDirectory }
  /** There is nothing at `at`. */
  | { readonly kind: 'missing'; readonly at: BytePath }
  /** What is at `at` is no directory, or is one that leads elsewhere. */
  | { readonly kind: 'blocked'; readonly at: BytePath; readonly by: 'entry' | 'mount' };

interface Step {
  /** `` or `a/b/`. */
  readonly prefix: BytePath;
  readonly way: Way;
}

/**
 * The way from a directory to one entry after another. Each directory on it is opened once and held, as long as the
 * entries that follow are in it. No symlink is followed and no mount point is passed.
 */
export class OpenPath {
  readonly #root: HeldDirectory;
  #steps: Step[];

  private constructor(root: HeldDirectory) {
    this.#root = root;
    this.#steps = [{ prefix: HERE, way: { kind: 'open', directory: root } }];
  }

  /** @param path symlinks on the way to it are followed: the caller trusts it */
  static open(path: string): OpenPath {
    return new OpenPath(HeldDirectory.open(path));
  }

  /** The directory that it starts from. */
  get root(): HeldDirectory {
    return this.#root;
  }

  /** The directory that holds `path`, which is relative. */
  to(path: BytePath): Way {
    while (!path.startsWith(this.#current.prefix)) this.#leave();
    for (;;) {
      const { prefix, way } = this.#current;
      const slash = path.indexOf('/', prefix.length);
      if (slash < 0) return way;
      const next = way.kind === 'open' ? enter(way.directory, path.slice(0, slash)) : way;
      this.#steps.push({ prefix: path.slice(0, slash + 1), way: next });
    }
  }

  /** What is at `path`; undefined when there is nothing, or no way to it. */
  entry(path: BytePath): Entry | undefined {
    const entry = this.#placeOf(path);
    return entry && statOf(entry) ? entry : undefined;
  }

  /** `lstat` of what is at `path`; undefined when there is nothing, or no way to it. */
  stat(path: BytePath): Stats | undefined {
    const entry = this.#placeOf(path);
    return entry && statOf(entry);
  }

  #placeOf(path: BytePath): Entry | undefined {
    const way = this.to(path);
    return way.kind === 'open' ? { parent: way.directory, name: systemPath(nameOf(path)) } : undefined;
  }

  /** Directories were made, moved or removed: everything is opened anew. */
  forget(): void {
    while (this.#steps.length > 1) this.#leave();
  }

  /** The system's error with paths that a person knows. */
  explain(error: unknown): unknown {
    return this.#steps.reduce(
      (known: unknown, { way }) => (way.kind === 'open' ? way.directory.explain(known) : known),
      error,
    );
  }

  close(): void {
    this.forget();
    this.#root.close();
  }

  get #current(): Step {
    return this.#steps.at(-1) as Step;
  }

  #leave(): void {
    const step = this.#steps.pop();
    if (step?.way.kind === 'open') step.way.directory.close();
  }
}

function enter(directory: HeldDirectory, at: BytePath): Way {
  let child: HeldDirectory;
  try {
    child = directory.child(systemPath(nameOf(at)));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return { kind: 'missing', at };
    if (code === 'ENOTDIR' || code === 'ELOOP') return { kind: 'blocked', at, by: 'entry' };
    throw directory.explain(error);
  }
  if (child.mount === directory.mount) return { kind: 'open', directory: child };
  child.close();
  return { kind: 'blocked', at, by: 'mount' };
}
