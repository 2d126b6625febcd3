import type { Git } from '../git/git.ts';
import type { ObjectFormat } from '../model/oid.ts';
import { type CloneOptions, cloneArguments } from './clone.ts';
import type { Layout } from './layout.ts';
import { recognizeRepository } from './recognize.ts';

export interface NewRepository {
  readonly git: Git;
  readonly layout: Pick<Layout, 'root' | 'gitDir'>;
  /** Full name of the local ref that will keep the fetched commit. */
  readonly localRef: string;
  readonly objectFormat: ObjectFormat;
  /** Where a clone is from. */
  readonly origin: string;
  /** With `git clone` where nothing stands in the way; undefined: with `git init`. */
  readonly clone: CloneOptions | undefined;
}

/** Makes a repository below the root: without history, or as a clone. @throws SidecarError of git */
export async function makeRepository(made: NewRepository, signal: AbortSignal): Promise<void> {
  const { git, layout, localRef, objectFormat, origin, clone } = made;
  const run = { op: 'make a repository in', target: layout.root, signal };
  if (clone && (await recognizeRepository(layout.gitDir)) === 'none') {
    const args = cloneArguments(clone, origin, layout.gitDir);
    await git.run(args, { ...run, op: 'clone', target: clone.shownUrl });
    await git.run(['--git-dir', layout.gitDir, 'config', 'core.bare', 'false'], run);
    return;
  }
  const branch = localRef.replace(/^refs\/heads\//, '');
  const format = [`--object-format=${objectFormat}`, `--initial-branch=${branch}`];
  await git.run(['init', '--quiet', '--template=', ...format, '--', layout.root], run);
}
