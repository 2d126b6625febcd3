/** What `git clone` is asked for. */
export interface CloneOptions {
  /** Branch or tag; undefined: the remote's default branch. */
  readonly branch: string | undefined;
  /** 0: all of history. */
  readonly depth: number;
  readonly shownUrl: string;
}

/**
 * v3 begins with a `git clone`, and programs given as `--git` look for that argument (compat.md 13). A bare clone has
 * the one branch and no remote-tracking refs, which would keep dropped history alive for ever, and it needs no empty
 * root.
 */
export function cloneArguments({ branch, depth }: CloneOptions, url: string, gitDir: string): string[] {
  const args = ['clone', '--quiet', '--bare', '--single-branch', '--no-tags', '--template='];
  if (branch !== undefined) args.push('--branch', branch);
  if (depth > 0) args.push('--depth', String(depth));
  return [...args, '--', url, gitDir];
}
