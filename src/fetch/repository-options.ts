import type { Git } from '../git/git.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { CloneOptions } from './clone.ts';
import type { Layout } from './layout.ts';
import type { Loan } from './loan.ts';

export interface RepositoryOptions {
  readonly git: Git;
  readonly log: Logger;
  readonly clock: Clock;
  readonly layout: Layout;
  /** Full name of the local ref that keeps the fetched commit. */
  readonly localRef: string;
  /** Identity of this boot of the machine. */
  readonly boot: string;
  readonly url: string;
  readonly moveAside: boolean;
  /** Make it with `git clone` where nothing stands in the way; see {@link cloneArguments}. */
  readonly clone: CloneOptions | undefined;
  /** The shared store that its objects are in; undefined: they are its own. */
  readonly loan: Loan | undefined;
}
