/** Which git-sync the command line and the environment speak. `v3` is 3.3.5, `v3.1` is 3.1.1, `v4` is 4.7.1. */
export type CompatMode = 'v3.1' | 'v3' | 'v4';

export type OptionType =
  /** Any text. */
  | 'string'
  /** Go's base-0 integer: `12`, `0x2`, `07`, `1_0`. */
  | 'int'
  /** Decimal seconds. */
  | 'float'
  /** Go's words: 1 t T TRUE true True 0 f F FALSE false False. */
  | 'bool'
  /** Go's `time.ParseDuration`: `300ms`, `1.5h`, `2h45m`. */
  | 'duration'
  /** Repeatable text; in the environment separated by colons. */
  | 'list'
  /** Repeatable text that is not split. */
  | 'repeat';

/** Groups of the options that only `run` has. */
export type RunGroup = 'deploy' | 'ready' | 'supervise' | 'front';

export type SyncGroup = 'source' | 'place' | 'timing' | 'hooks' | 'auth' | 'relay' | 'git' | 'http' | 'process';

/** Groups of the options that only `relay` has. */
export type RelayGroup = 'followed' | 'served' | 'limits';

export type OptionGroup = SyncGroup | RunGroup | RelayGroup;

/** One row of the option table: everything a mode needs to read it and everything a reader needs to use it. */
export interface OptionDefinition {
  /** Long flag, without dashes. */
  readonly name: string;
  /** One-letter flag of v4. */
  readonly short?: string;
  readonly type: OptionType;
  readonly group: OptionGroup;
  /** v4's variables in ascending precedence: the new name first. */
  readonly env: readonly string[];
  /** v3's variable. */
  readonly v3Env?: string;
  /** Defaults as one would type them. A mode that does not know the option uses the v4 default. */
  readonly default: string;
  readonly v3Default?: string;
  readonly v31Default?: string;
  /** First release that has it, where that is not all of them. */
  readonly since?: '3.3.5' | '4' | '4.next' | 'git-sidecar';
  /** v4 hides it and maps it to the named option. */
  readonly replacedBy?: string;
  /** There is a variable only. */
  readonly envOnly?: boolean;
  /**
   * What of the value must never be shown: all of it; of the address of a service, which lets in whoever knows it, all
   * but the origin; of git settings the values of some. A user's name is shown, but can be a token. None of these is
   * handed on to what runs beside the sync. User and password within a URL are never shown, in any option.
   */
  readonly secret?: true | 'address' | 'git-settings' | 'name';
  /** Not listed by --help. */
  readonly hidden?: boolean;
  /** A word for the value in usage texts. */
  readonly placeholder?: string;
  /** One or more sentences. */
  readonly doc: string;
}

/** The two names that v4 gives a variable: `GITSYNC_X` and, where v3 had it, `GIT_SYNC_X`. */
export function bothNames(suffix: string): readonly string[] {
  return [`GITSYNC_${suffix}`, `GIT_SYNC_${suffix}`];
}
