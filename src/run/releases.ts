import { createHash } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CopyRule, Place } from '../config/run-config.ts';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { inDirectory } from '../platform/below.ts';
import type { Clock } from '../platform/clock.ts';
import { isInside } from '../platform/paths.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { copyTree } from './copy-tree.ts';
import { type Published, readPublished } from './follow-link.ts';
import type { Release } from './state.ts';
import { digestTree } from './tree-digest.ts';

export interface ReleasesOptions {
  /** Holds one directory a release. */
  readonly directory: string;
  readonly link: string;
  readonly place: Place;
  readonly clock: Clock;
  /** Identity of this boot of the machine. */
  readonly boot: string;
}

/** What of the digest of a release is about one rule. */
function lineOf({ source, target }: CopyRule, isDirectory: boolean, files: string): string {
  return `${source}:${target}:${isDirectory ? '' : 'file'}${files}\n`;
}

/** The revision itself cannot be deployed, whatever the surroundings: it names a path that it does not have. */
export class UnfitRevision extends SidecarError {}

/** Copies of revisions, each whole. */
export class Releases {
  readonly #options: ReleasesOptions;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  /**
   * Copies what is published. The published tree may be removed at any moment after the link moved on, so the copy is
   * used only if the link still shows the same directory afterwards.
   *
   * @returns the release; undefined when the link moved on meanwhile
   * @throws SidecarError ERR_RUN_COPY
   */
  async make(published: Published, signal: AbortSignal): Promise<Release | undefined> {
    const { directory, link, clock, boot } = this.#options;
    const path = join(directory, `${clock.now().toString(36)}-${published.id.slice(0, 40)}`);
    const hash = createHash('sha256');
    try {
      await inDirectory({ root: dirname(directory), path }, () => undefined, { make: 0o777 });
      for (const rule of this.#rules()) hash.update(await this.#copy(published, rule, path, signal));
    } catch (error) {
      await removeTree({ root: dirname(directory), path });
      if ((await readPublished(link))?.path !== published.path) return undefined;
      if (error instanceof SidecarError) throw error;
      throw new SidecarError('ERR_RUN_COPY', {
        op: 'copy',
        target: published.path,
        detail: messageOf(error),
        cause: error,
      });
    }
    if ((await readPublished(link))?.path !== published.path) {
      await removeTree({ root: dirname(directory), path });
      return undefined;
    }
    return { id: published.id, path, digest: hash.digest('hex'), deployedAt: clock.now(), boot };
  }

  /** All that was copied is there as it was. What a build has added, or a process has written, makes it another tree. */
  async isWhole({ path, digest }: Release, signal: AbortSignal): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      for (const { source, target } of this.#rules()) {
        const copied = join(path, target);
        const files = await digestTree(dirname(this.#options.directory), copied, signal);
        hash.update(lineOf({ source, target }, lstatSync(copied).isDirectory(), files));
      }
      return hash.digest('hex') === digest;
    } catch (error) {
      if (signal.aborted) throw error;
      return false;
    }
  }

  /** Removes every release directory that is not one of `kept`. */
  async prune(kept: readonly Release[]): Promise<void> {
    const { directory } = this.#options;
    const paths = new Set(kept.map(({ path }) => path));
    const names = await inDirectory({ root: dirname(directory), path: directory }, (held) =>
      readdirSync(held.itself, 'latin1'),
    ).catch(() => [] as string[]);
    for (const name of names) {
      const path = join(directory, name);
      if (!paths.has(path)) await removeTree({ root: dirname(directory), path });
    }
  }

  #rules(): readonly CopyRule[] {
    const { place } = this.#options;
    return place.kind === 'into' ? place.copies : [{ source: place.path, target: '.' }];
  }

  async #copy(
    { path, id }: Published,
    { source, target }: CopyRule,
    release: string,
    signal: AbortSignal,
  ): Promise<string> {
    const [from, to] = [join(path, source), join(release, target)];
    const unfit = (detail: string): UnfitRevision =>
      new UnfitRevision('ERR_RUN_COPY', { op: 'copy', target: source, detail });
    const stat = await lstat(from).catch((error: unknown) => {
      if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) throw error;
      throw unfit(`revision ${id} does not have it`);
    });
    if (from !== path && !isInside(await realpath(dirname(from)), path))
      throw unfit('a symbolic link leads out of the revision');
    if (target === '.' && !stat.isDirectory()) throw unfit('it is no directory');
    const files = await copyTree({ from, root: dirname(this.#options.directory), to, signal });
    return lineOf({ source, target }, stat.isDirectory(), files);
  }
}
