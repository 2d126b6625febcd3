/** Mon to sun, as a freeze window names them. */
export type Day = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/** The same hours of each week, as a clock on the wall of that zone shows them. */
export interface WeeklyWindow {
  readonly kind: 'weekly';
  /** On which it begins; all seven when none were named. */
  readonly days: readonly Day[];
  /** Minutes since midnight. `to` is at most 1440. When it is not above `from`, the window ends on the next day. */
  readonly from: number;
  readonly to: number;
  /** A name of the IANA database. */
  readonly zone: string;
}

/** One span of time, in milliseconds since the epoch. */
export interface SpanWindow {
  readonly kind: 'span';
  readonly from: number;
  readonly to: number;
}

export type FreezeWindow = WeeklyWindow | SpanWindow;

/** How many instances may be unavailable at a time; a percentage is of those that are connected, and at least one. */
export type MaxUnavailable = number | { readonly percent: number };

/** What is not given selects every instance. What is given must hold all together. */
export interface Selection {
  /** One of these globs is the instance's name. */
  readonly instances?: readonly string[];
  /** The instance sends all of these. */
  readonly labels?: Readonly<Record<string, string>>;
  /** So many of them that no earlier stage has. */
  readonly count?: number;
  /** So many of a hundred, those of earlier stages included. */
  readonly percent?: number;
}

/** A step of a rollout. What it does not say, the policy says. */
export interface Stage {
  readonly name: string;
  readonly select: Selection;
  readonly maxUnavailable?: MaxUnavailable;
  readonly soakMs?: number;
  readonly deadlineMs?: number;
  readonly failures?: number;
  readonly restarts?: number;
}

/** Who may skip the stages: the commit is at one of these refs, or has this trailer (`Key`, or `Key: value`). */
export interface SkipAhead {
  readonly refs?: readonly string[];
  readonly trailer?: string;
}

/** How new revisions of some refs get to a fleet. Times are milliseconds. */
export interface Policy {
  readonly name: string;
  /** As in `--allow`, without a scheme: `git.example.com/team/*`. */
  readonly repository: string;
  /** As behind the `#` of `--allow`: `main`, `release/*`, `refs/tags/**`. */
  readonly refs: readonly string[];
  /** In their order. Instances that none of them selects come behind them, in a stage of their own. */
  readonly stages: readonly Stage[];
  readonly maxUnavailable: MaxUnavailable;
  /** What an instance has to report: that it publishes the revision, or that the process which runs it is ready. */
  readonly done: 'published' | 'ready';
  readonly soakMs: number;
  /** How long a stage may be open without another instance that is done. */
  readonly deadlineMs: number;
  /** So many failed instances of one stage halt the rollout. */
  readonly failures: number;
  /** An instance whose process ended by itself so often while one stage is open has failed. */
  readonly restarts: number;
  /** After a halt, instances keep the revision, or get the last completed one again. */
  readonly onFailure: 'halt' | 'revert';
  /**
   * A push during a rollout waits in a queue of all pushes, replaces the rollout, or lets it finish and is then the only
   * one that follows, if it is still the newest.
   */
  readonly push: 'queue' | 'replace' | 'finish';
  readonly freeze: readonly FreezeWindow[];
  /** Subscribers are shown governed refs only through the policy, whatever they could ask for otherwise. */
  readonly enforce: boolean;
  readonly skipAhead: SkipAhead | undefined;
}

/** The name of the stage behind all others. */
export type RestName = 'the rest';
