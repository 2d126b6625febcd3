import { dirname } from 'node:path';

/** Who works where. Finding whose ground a path is on takes as long as the path is deep, however many there are. */
export class Territory<T> {
  readonly #owners = new Map<string, T[]>();

  /** @param path absolute */
  claim(path: string, owner: T): void {
    const owners = this.#owners.get(path);
    if (owners) owners.push(owner);
    else this.#owners.set(path, [owner]);
  }

  /** Whoever claimed exactly `path`. */
  at(path: string): readonly T[] {
    return this.#owners.get(path) ?? [];
  }

  /** Whoever claimed `path` or a directory that it is in, the nearest first. */
  around(path: string): readonly { readonly path: string; readonly owner: T }[] {
    const found: { readonly path: string; readonly owner: T }[] = [];
    for (let each = path; ; each = dirname(each)) {
      for (const owner of this.at(each)) found.push({ path: each, owner });
      if (dirname(each) === each) return found;
    }
  }
}
