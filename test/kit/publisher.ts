import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Files } from './upstream.ts';

/** Publishes trees under a link as sync does: a directory named after a commit, one rename, the old tree goes at once. */
export class Publisher {
  readonly link: string;
  readonly #directory: string;
  #last: string | undefined;
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.link = join(directory, 'current');
    mkdirSync(directory, { recursive: true });
  }

  /**
   * @param fill adds what `files` cannot say, before anybody sees the tree
   * @returns the commit it is named after
   */
  publish(files: Files, fill: (tree: string) => void = () => undefined): string {
    this.#count += 1;
    const oid = `${this.#count}`.padStart(40, '0');
    const tree = join(this.#directory, oid);
    for (const [path, content] of Object.entries(files)) {
      const full = join(tree, path);
      mkdirSync(dirname(full), { recursive: true });
      if (typeof content === 'string') writeFileSync(full, content);
      else if (content !== null && 'link' in content) symlinkSync(content.link, full);
      else if (content !== null) {
        writeFileSync(full, content.exec);
        chmodSync(full, 0o755);
      }
    }
    fill(tree);
    this.show(oid);
    if (this.#last !== undefined) rmSync(join(this.#directory, this.#last), { recursive: true });
    this.#last = oid;
    return oid;
  }

  /** Points the link at a name beside it. */
  show(name: string): void {
    const temporary = join(this.#directory, 'tmp-link');
    symlinkSync(name, temporary);
    renameSync(temporary, this.link);
  }
}
