/** `none`: there is nothing to check in this set-up. `untried`: a check before it failed. */
export type Mark = 'ok' | 'wrong' | 'untried' | 'none';

/** What a check says. */
export interface Verdict {
  readonly mark: Mark;
  readonly reason: string;
  /** The command or the setting that mends it. */
  readonly mend?: string;
  /** Of one that was not tried: the check that failed. */
  readonly because?: string;
}

/** A check and its result. */
export interface Finding extends Verdict {
  /** Its name: `dns`, `tls`. */
  readonly check: string;
  /** The unit of a document that it is about. */
  readonly unit?: string;
  /** What was looked at: a host, a path, a URL without secrets. */
  readonly target: string;
}

export function ok(reason: string): Verdict {
  return { mark: 'ok', reason };
}

export function wrong(reason: string, mend: string): Verdict {
  return { mark: 'wrong', reason, mend };
}

export function none(reason: string): Verdict {
  return { mark: 'none', reason };
}
