/**
 * What the loop does about an error of this class.
 *
 * - `retry`: try again after the backoff; it is a failure for `--max-failures`.
 * - `wait`: the remote asked for time (429, 503, Retry-After); like retry, never sooner than it asked.
 * - `veto`: a hook of the user refused, or the policy for signatures does; ask a hook again after its own backoff. It is
 *   no failure of the sync.
 * - `stop`: trying again cannot help; exit non-zero.
 */
export type ErrorClass = 'retry' | 'wait' | 'veto' | 'stop';

/** What has happened, for code that goes on in another way then. Codes of several parties can be of one kind. */
export type ErrorKind =
  | 'usage'
  | 'url'
  | 'killed'
  | 'out-of-memory'
  | 'too-slow'
  | 'locked'
  | 'no-answer'
  | 'refused'
  | 'full'
  | 'unknown-host'
  | 'no-repository'
  | 'no-git'
  | 'no-ref'
  | 'unwritable'
  | 'redirected'
  | 'build';

export interface ErrorCodeEntry {
  readonly class: ErrorClass;
  readonly kind?: ErrorKind;
  /** It says nothing about how this server answers: the moment is bad, or what it holds is not what was asked for. */
  readonly passing?: true;
  /** The server’s answer that there is nothing to follow here. Many git hosts say of a missing repository “refused”. */
  readonly absence?: true;
  /** Our own repository may be damaged, so git checks it. */
  readonly suspect?: true;
  /**
   * The revision is at fault, and trying the same one again would end in the same way. `disturbing`: before that the old
   * process had to end, or was asked to reload, and needs its release back.
   */
  readonly revision?: 'faulty' | 'disturbing';
  /** Whether it is so depends on the time of the day, so it is looked at again after a while. */
  readonly untilLater?: true;
  /** The option that says how long it may take, where it can be late. */
  readonly timeLimit?: `--${string}`;
  /** The exit status of a command that ends with it; default: 1, and 2 for a command line that cannot be parsed. */
  readonly exit?: number;
  /** `git-sidecar doctor` looks at what can cause it, so the hint names it: {@link DOCTOR_HINT}. */
  readonly examined?: true;
  readonly meaning: string;
  /** Options are named as v4 does; `HintWords` puts in the names that the user's mode has. */
  readonly hint: string;
  /** Where v3 has no option of that kind at all. */
  readonly v3Hint?: string;
}

/** What is added to the hint of an error that is {@link ErrorCodeEntry.examined}. */
export const DOCTOR_HINT = 'Run `git-sidecar doctor` with the same flags to see which step fails.';
