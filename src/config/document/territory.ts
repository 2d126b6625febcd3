import { dirname } from 'node:path';

/** Which unit works where. The time to find the owner of a path depends on its depth, not on the number of units. */
export class Territory<T> {
  readonly #owners = new Map<string, T[]>();

  /** @param path absolute */
  claim(path: string, owner: T): void {
    const owners = this.#owners.get(path);
    if (owners) owners.push(owner);
    else this.#owners.set(path, [owner]);
  }

  /** The unit that claimed exactly `path`. */
  at(path: string): readonly T[] {
    return this.#owners.get(path) ?? [];
  }

  /** The units that claimed `path` or a directory that it is in, the nearest first. */
  around(path: string): readonly { readonly path: string; readonly owner: T }[] {
    const found: { readonly path: string; readonly owner: T }[] = [];
    for (let each = path; ; each = dirname(each)) {
      for (const owner of this.at(each)) found.push({ path: each, owner });
      if (dirname(each) === each) return found;
    }
  }
}
