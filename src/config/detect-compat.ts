import { isOfTheImage } from './environment.ts';
import type { CompatMode } from './option.ts';
import { bothNames } from './option.ts';
import { findOption, OPTIONS } from './options.ts';

export interface CompatChoice {
  readonly mode: CompatMode;
  /** Why, in words for the log. */
  readonly reason: string;
}

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

/** Words of the command line that look like flags; values of flags are left out where that can be seen. */
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
 * design.md D1: v3 where only v3's own spellings are used and none of v4's; v4 otherwise.
 * A variable such as GIT_SSH_KEY_FILE or GIT_KNOWN_HOSTS, common to both, decides nothing.
 */
export function detectCompat(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): CompatChoice {
  const flags = flagWords(argv);
  const single = flags.find((flag) => flag.dashes === 1 && flag.name.length > 1 && findOption(flag.name));
  const v3Flag = flags.find((flag) => V3_ONLY_FLAGS.has(flag.name));
  const v4Flag = flags.find((flag) => flag.dashes === 2 && V4_ONLY_FLAGS.has(flag.name));
  const names = Object.keys(env);
  const v3Variable = names.find((name) => name.startsWith('GIT_SYNC_') && env[name] !== '');
  const v4Variable = names.find(
    (name) => name.startsWith('GITSYNC_') && !OWN_VARIABLES.has(name) && !isOfTheImage(name, env[name]),
  );
  const v4Sign = v4Flag ? `--${v4Flag.name}` : v4Variable;
  const v3Sign = single ? `-${single.name}` : v3Flag ? `--${v3Flag.name}` : v3Variable;
  if (v4Sign !== undefined) return { mode: 'v4', reason: `${v4Sign} is a v4 spelling` };
  if (v3Sign !== undefined) return { mode: 'v3', reason: `${v3Sign} is a v3 spelling and nothing is v4’s` };
  return { mode: 'v4', reason: 'nothing is spelled as only v3 did' };
}

/** Every variable name that any mode reads. */
export function knownVariables(): string[] {
  return OPTIONS.flatMap((option) => [...option.env, ...(option.v3Env ? [option.v3Env] : [])]).concat(
    bothNames('COMPAT')[0] ?? [],
  );
}
