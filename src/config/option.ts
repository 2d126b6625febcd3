/** Which git-sync the command line and the environment speak. `v3` is 3.3.5, `v3.1` is 3.1.1, `v4` is 4.7.1. */
export type CompatMode = 'v3.1' | 'v3' | 'v4';

/** Commands that work until they are stopped. */
export const SERVICES = ['sync', 'run', 'relay'] as const;
export const EVERY_COMMAND = [...SERVICES, 'up', 'status', 'fleet', 'doctor', 'rollback', 'install', 'demo'] as const;
export type CommandName = (typeof EVERY_COMMAND)[number];

export type OptionType =
  /** Any text. */
  | 'string'
  /** Go's base-0 integer: `12`, `0x2`, `07`, `1_0`. */
  | 'int'
  /** Decimal seconds. */
  | 'float'
  /** The values that Go accepts: 1 t T TRUE true True 0 f F FALSE false False. */
  | 'bool'
  /** Go's `time.ParseDuration`: `300ms`, `1.5h`, `2h45m`. */
  | 'duration'
  /** Bytes as Kubernetes writes them: `500Mi`, `10Gi`. */
  | 'size'
  /** Repeatable text; in the environment separated by colons. */
  | 'list'
  /** Repeatable text that is not split. */
  | 'repeat';

/** Titles of the groups of options, in the order in which texts show them. */
export const GROUP_TITLES = {
  source: 'What to follow',
  place: 'Where it goes',
  timing: 'When',
  hooks: 'Hooks and notifications',
  verify: 'What may be published',
  auth: 'Credentials',
  relay: 'Through a relay',
  git: 'git',
  http: 'HTTP endpoint',
  traces: 'Traces and events',
  process: 'This process',
  deploy: 'What is deployed, and where',
  ready: 'When it is ready',
  supervise: 'The process',
  front: 'No dropped request',
  followed: 'What is followed',
  served: 'Which clients are served, and how',
  limits: 'Limits',
} as const;

export type OptionGroup = keyof typeof GROUP_TITLES;

/** Bounds as one would type them; both are allowed values. */
export interface Range {
  readonly least: string;
  readonly most?: string;
  /** 0 is allowed as well: it turns something off. */
  readonly orZero?: true;
}

/** One row of the option table: everything a command needs to read and check it, and everything a reader needs to use it. */
export interface OptionDefinition {
  /** Long flag, without dashes. */
  readonly name: string;
  /** Which commands have it. */
  readonly commands: readonly CommandName[];
  /** One-letter flag of v4. */
  readonly short?: string;
  /** Another long flag for it; an option of other commands may have this name. */
  readonly alias?: string;
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
  /** The allowed values, each with its meaning where that is not obvious. */
  readonly choices?: Readonly<Record<string, string>>;
  /** Of numbers, durations and sizes. */
  readonly range?: Range;
  /** What the text has to be. */
  readonly form?: 'signal';
  /** Where it is set, one of these has to be set as well. In v3 modes it is checked for options of ours only. */
  readonly needs?: readonly string[];
  /** Where it is set, none of these may be. */
  readonly excludes?: readonly string[];
  /** It says more about one of these. Without them it has no effect and, as in git-sync, its range is not checked. */
  readonly detailOf?: readonly string[];
  /** `run` uses it also without `--repo`, when another process publishes the link. */
  readonly runAlone?: boolean;
  /**
   * What of the value must never be shown: all of it; of credentials as JSON all but URL and user; of the address of a
   * service that accepts everyone who knows it, all but the origin; of git settings the values of some; of a program
   * everything where it is more than a name. A user's name
   * is shown, but can be a token. None of these is handed on to what runs beside the sync. User and password within a
   * URL are never shown, in any option.
   */
  readonly secret?: true | 'credentials' | 'address' | 'git-settings' | 'shell' | 'name';
  /** Not listed by --help. */
  readonly hidden?: boolean;
  /** A name for the value in usage texts. */
  readonly placeholder?: string;
  /** One or more sentences. What the other columns say is added to it (`describeOption`). */
  readonly doc: string;
}

type Shared = Pick<OptionDefinition, 'group' | 'commands' | 'since' | 'runAlone'>;
type Row = Omit<OptionDefinition, 'group' | 'commands' | 'env' | 'default'> & Partial<OptionDefinition>;

/**
 * Rows that have some columns in common; a row's own columns win. Without `env` the variable is called as the option is,
 * behind `prefix`; without `default` there is none.
 */
export function rows(
  { prefix = 'GITSYNC', ...shared }: Shared & { readonly prefix?: string },
  list: readonly Row[],
): readonly OptionDefinition[] {
  return list.map((row) => {
    const variable = `${prefix}_${row.name.toUpperCase().replaceAll('-', '_')}`;
    return { ...shared, env: [variable], default: '', ...row };
  });
}

/** The two names that v4 gives a variable: `GITSYNC_X` and, where v3 had it, `GIT_SYNC_X`. */
export function bothNames(suffix: string): readonly string[] {
  return [`GITSYNC_${suffix}`, `GIT_SYNC_${suffix}`];
}
