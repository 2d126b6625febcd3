import { isOfTheImage } from './environment.ts';
import type { CompatMode } from './option.ts';
import { findOption, optionsOf } from './options.ts';

export interface CompatChoice {
  readonly mode: CompatMode;
  /** The reason, for the log. */
  readonly reason: string;
  /** Spellings of both stand side by side, and v4's alone do not say where the tree is. */
  readonly mixture?: Mixture;
}

/** One spelling of each kind, to be named to the user. */
export interface Mixture {
  readonly v3: string;
  readonly v4: string;
}

const OPTIONS = optionsOf('sync');
const V3_ONLY_FLAGS = new Set(
  OPTIONS.filter((option) => option.replacedBy !== undefined || option.name === 'ssh' || option.name.includes('_'))
    .map((option) => option.name)
    .concat('logtostderr', 'alsologtostderr', 'stderrthreshold', 'vmodule'),
);
const V4_ONLY_FLAGS = new Set(
  OPTIONS.filter((option) => (option.since === '4' || option.since === '4.next') && !option.envOnly).map((o) => o.name),
);
/** Ours alone: says nothing about which git-sync the rest was written for. */
const OWN_VARIABLES = new Set(
  OPTIONS.filter((option) => option.since === 'git-sidecar').flatMap((option) => option.env),
);

interface FlagWord {
  readonly dashes: 1 | 2;
  readonly name: string;
}

/** Arguments of the command line that look like flags; values of flags are left out where that can be seen. */
function flagWords(argv: readonly string[]): FlagWord[] {
  const found: FlagWord[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') break;
    const match = /^(--?)([A-Za-z_][\w-]*)(=?)/.exec(word);
    if (!match?.[2]) continue;
    found.push({ dashes: match[1] === '--' ? 2 : 1, name: match[2] });
    const option = findOption(match[2]);
    if (option && option.type !== 'bool' && match[3] === '') at += 1;
  }
  return found;
}

/** The explicit choice: the last `--compat` on the command line, else GITSYNC_COMPAT. */
export function explicitCompat(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  let choice = env.GITSYNC_COMPAT || undefined;
  argv.forEach((word, at) => {
    const match = /^--?compat(?:=(.*))?$/.exec(word);
    if (match) choice = match[1] ?? argv[at + 1];
  });
  return choice;
}

/**
 * Options that say what is followed, where it is published and when. Both versions read the old names of other options,
 * such as the password, in the same way.
 */
const TELLING_GROUPS: readonly string[] = ['source', 'place', 'timing'];

/** v4's own spelling of what `name` says in v3's is given as well, as Airflow's chart does with all of them. */
function isSaidInV4(
  name: string,
  flags: readonly FlagWord[],
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const option = OPTIONS.find((row) => row.name === name || row.v3Env === name || row.env.includes(name));
  if (!option || !TELLING_GROUPS.includes(option.group)) return true;
  const current = option.replacedBy === undefined ? option : (findOption(option.replacedBy) ?? option);
  const inEnvironment = current.env.some((each) => each.startsWith('GITSYNC_') && env[each] !== undefined);
  // A flag that both versions have says it in both.
  return inEnvironment || flags.some((flag) => flag.name === current.name && flag.dashes === 2);
}

/**
 * docs/adr/0001: v3 where only v3's own spellings are used and none of v4's; v4 otherwise.
 * A variable such as GIT_SSH_KEY_FILE or GIT_KNOWN_HOSTS, common to both, decides nothing.
 */
export function detectCompat(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): CompatChoice {
  const flags = flagWords(argv);
  const single = flags.find((flag) => flag.dashes === 1 && flag.name.length > 1 && findOption(flag.name));
  const v3Flags = flags.filter((flag) => V3_ONLY_FLAGS.has(flag.name)).map((flag) => flag.name);
  const v4Flag = flags.find((flag) => flag.dashes === 2 && V4_ONLY_FLAGS.has(flag.name));
  const names = Object.keys(env);
  const v3Variables = names.filter((name) => name.startsWith('GIT_SYNC_') && env[name] !== '');
  const v4Variable = names.find(
    (name) => name.startsWith('GITSYNC_') && !OWN_VARIABLES.has(name) && !isOfTheImage(name, env[name]),
  );
  const v4 = v4Flag ? `--${v4Flag.name}` : v4Variable;
  const v3 = single ? `-${single.name}` : v3Flags[0] !== undefined ? `--${v3Flags[0]}` : v3Variables[0];
  if (v4 === undefined) {
    if (v3 !== undefined) return { mode: 'v3', reason: `${v3} is a v3 spelling, and no v4 spelling is used` };
    return { mode: 'v4', reason: 'no v3 spelling is used' };
  }
  // No v4 can read a long flag behind one dash.
  if (single) return { mode: 'v3', reason: `only v3 can read -${single.name}`, mixture: { v3: `-${single.name}`, v4 } };
  const onlyV3 = [...v3Flags, ...v3Variables].find((name) => !isSaidInV4(name, flags, env));
  const reason = `${v4} is a v4 spelling`;
  if (onlyV3 === undefined) return { mode: 'v4', reason };
  return { mode: 'v4', reason, mixture: { v3: v3Variables.includes(onlyV3) ? onlyV3 : `--${onlyV3}`, v4 } };
}
