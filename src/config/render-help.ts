import { type CommandText, commandText } from './command.ts';
import { defaultFor, describeOption, variablesFor } from './describe-option.ts';
import {
  type CommandName,
  type CompatMode,
  GROUP_TITLES,
  type OptionDefinition,
  type OptionGroup,
  SERVICES,
} from './option.ts';
import { optionsOf } from './options.ts';

/** Rows by their group, with the title of each group that has some. */
export function byGroup(
  options: readonly OptionDefinition[],
): readonly (readonly [string, readonly OptionDefinition[]])[] {
  return Object.entries(GROUP_TITLES)
    .map(([group, title]) => [title, options.filter((option) => option.group === (group as OptionGroup))] as const)
    .filter(([, found]) => found.length > 0);
}

/** Options that `run` and `relay` have from `sync`: their own texts only name them. */
export function sharedWithSync(command: CommandName): readonly OptionDefinition[] {
  if (command === 'sync' || !SERVICES.some((each) => each === command)) return [];
  return optionsOf(command).filter(({ commands }) => commands.includes('sync'));
}

function isListed(option: OptionDefinition, mode: CompatMode): boolean {
  return !option.hidden && !option.envOnly && !(mode === 'v4' && option.replacedBy !== undefined);
}

export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${indent}${each}`).join('\n');
}

function optionHelp(option: OptionDefinition, mode: CompatMode): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const value = option.type === 'bool' ? '' : ` ${option.placeholder ?? 'VALUE'}`;
  const variables = variablesFor(option, mode);
  const fallback = option.type === 'bool' && option.default === 'false' ? undefined : defaultFor(option, mode);
  const facts = [
    variables.length > 0 ? `$${variables.join(', $')}` : '',
    fallback === undefined ? '' : `default ${fallback}`,
  ];
  const tail = facts.filter(Boolean).join('; ');
  return `  ${short}--${option.name}${value}${tail === '' ? '' : `  (${tail})`}\n${wrap(describeOption(option), 88, '        ')}`;
}

/** The ways to use a command, a line each. */
export function usageLines({ synopses }: CommandText, program: string): string {
  return synopses
    .map((synopsis, at) => `${at === 0 ? 'usage:' : '      '} ${program} ${synopsis}`.trimEnd())
    .join('\n');
}

/** The text of `--help`. @param program as the user calls the command, such as `git-sidecar run` */
export function renderHelp(mode: CompatMode, program: string, command: CommandName = 'sync'): string {
  const text = commandText(command);
  const shared = sharedWithSync(command).filter((option) => isListed(option, mode));
  const own = optionsOf(command).filter((option) => isListed(option, mode) && !shared.includes(option));
  const names = shared.map(({ name }) => `--${name}`).join(', ');
  return [
    usageLines(text, program),
    wrap(text.description[0] ?? '', 96, ''),
    ...(command === 'sync' ? [`Compatibility mode of this text: ${mode} (see --compat).`] : []),
    ...byGroup(own).map(([title, found]) => `${title}:\n${found.map((each) => optionHelp(each, mode)).join('\n')}`),
    ...(names === '' ? [] : [wrap(`From sync (git-sidecar sync --help): ${names}`, 96, '')]),
    '',
  ].join('\n\n');
}
