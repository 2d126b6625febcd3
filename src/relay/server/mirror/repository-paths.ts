import { parseRepositoryName, type RepositoryName } from '../../protocol/repository-name.ts';

/** Paths that are remembered, and how long one of them may be. */
const MOST_PATHS = 1000;
const LONGEST_PATH = 500;

/** Reads the names of repositories out of paths. A fleet asks for the same few thousands of times. */
export class RepositoryPaths {
  readonly #names = new Map<string, RepositoryName>();

  /** @returns undefined when `path` names no repository */
  nameIn(path: string): RepositoryName | undefined {
    const known = this.#names.get(path);
    if (known !== undefined) return known;
    const name = parseRepositoryName(decodePath(path));
    if (name !== undefined && path.length <= LONGEST_PATH) {
      if (this.#names.size >= MOST_PATHS) this.#names.clear();
      this.#names.set(path, name);
    }
    return name;
  }
}

/** A slash or a dot that is spelled in another way stays spelled that way, and is then refused. */
function decodePath(path: string): string {
  return path
    .split('/')
    .map((segment) => {
      try {
        return /%2f|%5c|%00|%2e/i.test(segment) ? '..' : decodeURIComponent(segment);
      } catch {
        return '..';
      }
    })
    .join('/');
}
