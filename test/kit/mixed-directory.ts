import { exactTree } from './exact-tree.ts';

const ASIDE = /\.before-git-sidecar-\d+/g;

interface Facts {
  readonly kind: string;
  readonly mode: number;
  readonly content: string;
}

function factsOf(text: string): Facts {
  const [kind = '', mode = '', , ...content] = text.split(' ');
  return { kind, mode: Number.parseInt(mode, 8) & 0o777, content: content.join(' ') };
}

function isDirectory(text: string): boolean {
  return text.startsWith('directory ');
}

/** Same kind and content; it has all permissions that it should have, and is executable only if it should be. */
function isLike(found: string | undefined, wanted: string): boolean {
  if (found === undefined) return false;
  const [one, other] = [factsOf(found), factsOf(wanted)];
  if (one.kind !== other.kind || one.content !== other.content) return false;
  return one.kind === 'link' || ((one.mode & other.mode) === other.mode && (one.mode & 0o100) === (other.mode & 0o100));
}

/**
 * A directory that holds the files of a revision and those of others. It says what is wrong after an update: files of
 * the revision that are not as they should be, files of others that are not as they were, and files of neither.
 */
export class MixedDirectory {
  readonly #path: string;
  /** What others have put there, as it was before the update. */
  #foreign = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Remembers what is there. @param owned paths of the revision that was brought last */
  noteForeign(owned: ReadonlyMap<string, string>): void {
    this.#foreign = new Map();
    for (const [path, text] of exactTree(this.#path)) {
      const ours = owned.get(path);
      const isOurs = ours !== undefined && !isDirectory(ours);
      if (!isOurs && !isDirectory(text)) this.#foreign.set(path, text);
    }
  }

  /** @param wanted the files of the revision, as a fresh checkout has them */
  problems(wanted: ReadonlyMap<string, string>): string[] {
    const found = exactTree(this.#path);
    const problems: string[] = [];
    for (const [path, text] of wanted)
      if (!isDirectory(text) && !isLike(found.get(path), text))
        problems.push(`ours: ${path} is ${found.get(path)}, not ${text}`);
    const byPlace = new Map<string, string[]>();
    for (const [path, text] of found) {
      const place = path.replace(ASIDE, '');
      byPlace.set(place, [...(byPlace.get(place) ?? []), text]);
    }
    const places = new Set([...this.#foreign.keys()].map((path) => path.replace(ASIDE, '')));
    for (const [path, text] of this.#foreign)
      if (!byPlace.get(path.replace(ASIDE, ''))?.includes(text) && !isLike(wanted.get(path), text))
        problems.push(`foreign: ${path} was ${text}`);
    for (const [path, text] of found)
      if (!isDirectory(text) && !wanted.has(path) && !places.has(path.replace(ASIDE, '')))
        problems.push(`left over: ${path} ${text}`);
    return problems;
  }
}
