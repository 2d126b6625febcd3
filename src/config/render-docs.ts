import { defaultFor, describeOption } from './describe-option.ts';
import type { CompatMode, OptionDefinition } from './option.ts';
import { OPTIONS, optionsOf } from './options.ts';
import { byGroup, sharedWithSync } from './render-help.ts';

function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text.replaceAll('|', '\\|')}\``;
}

function variables(option: OptionDefinition): string {
  const names = [...option.env, ...(option.v3Env && !option.env.includes(option.v3Env) ? [option.v3Env] : [])];
  return names.map(code).join(' ');
}

/** A row of a table, with the defaults of `modes`. */
function row(option: OptionDefinition, modes: readonly CompatMode[]): string {
  const { commands, envOnly, name, replacedBy, since, type } = option;
  const flag = envOnly ? '(variable only)' : code(`--${name}`);
  const defaults = modes.map((mode) => code(defaultFor(option, mode)));
  const isOfSync = commands.includes('sync');
  const note = [
    describeOption(option),
    replacedBy === undefined ? '' : ` In v4 mode: replaced by \`--${replacedBy}\`.`,
    isOfSync && since === 'git-sidecar' ? ' (git-sidecar only)' : '',
    since === '4.next' ? ' (git-sync’s next release)' : '',
  ];
  return `| ${[flag, type, variables(option), ...defaults, note.join('').replaceAll('|', '\\|')].join(' | ')} |`;
}

function tables(options: readonly OptionDefinition[], level: string, modes: readonly CompatMode[]): string[] {
  const heads = modes.length === 1 ? ['default'] : modes;
  const columns = ['flag', 'type', modes.length === 1 ? 'variable' : 'variables', ...heads, 'meaning'];
  const head = `| ${columns.join(' | ')} |\n|${'---|'.repeat(columns.length)}`;
  return byGroup(options).map(
    ([title, found]) => `${level} ${title}\n\n${head}\n${found.map((option) => row(option, modes)).join('\n')}`,
  );
}

function flags(options: readonly OptionDefinition[]): string {
  return options.map(({ name }) => code(`--${name}`)).join(', ');
}

/** docs/options.md. */
export function renderOptionsDoc(): string {
  const shown = OPTIONS.filter(({ hidden }) => !hidden);
  const only = (command: 'run' | 'relay' | 'up' | 'status' | 'fleet' | 'doctor'): readonly OptionDefinition[] =>
    shown.filter(({ commands }) => commands.includes(command) && !commands.includes('sync'));
  const shared = (command: 'run' | 'relay'): readonly OptionDefinition[] =>
    sharedWithSync(command).filter(({ hidden }) => !hidden);
  const notOfRun = shown.filter(({ commands }) => commands.includes('sync') && !commands.includes('run'));
  return `${[
    '# Options of `git-sidecar sync`, `run`, `relay` and `up`',
    '<!-- Made by `npm run docs` from src/config/options; do not edit. -->',
    'A flag beats a variable, a variable beats the default. Of several variables the last-listed one that is set wins, as in git-sync v4.4 and later. The three default columns are the compatibility modes (`--compat`).',
    ...tables(
      optionsOf('sync').filter(({ hidden }) => !hidden),
      '##',
      ['v4', 'v3', 'v3.1'],
    ),
    '## Only `git-sidecar run`',
    `All options above but ${flags(notOfRun)} are allowed too, in v4’s spelling; without \`--repo\` only ${flags(shared('run').filter(({ runAlone }) => runAlone))} have an effect.`,
    ...tables(only('run'), '###', ['v4']),
    '## Only `git-sidecar relay`',
    `Of the options above a relay also takes ${flags(shared('relay'))}.`,
    ...tables(only('relay'), '###', ['v4']),
    '## `git-sidecar up`, `status`, `fleet` and `doctor`',
    'The units of a [document](document.md) have the options above, by their names. Of the commands themselves `up` has `--check`, `status` and `fleet` have `--json`, [`fleet`](rollouts.md) has `--token-file`, `--who`, `--why` and `--within`, and [`doctor`](doctor.md) has `--output`.',
    ...tables([...new Set([...only('up'), ...only('status'), ...only('fleet'), ...only('doctor')])], '###', ['v4']),
  ].join('\n\n')}\n`;
}
