import { commandText } from './command.ts';
import { defaultFor, describeOption, variablesFor } from './describe-option.ts';
import type { CommandName, CompatMode, OptionDefinition } from './option.ts';
import { optionsOf } from './options.ts';
import { byGroup, wrap } from './render-help.ts';

const STATUSES: readonly (readonly [string, string])[] = [
  ['1', 'bad configuration, or too many failures'],
  ['2', 'the command line cannot be parsed'],
  ['129, 130, 143', 'ended by SIGHUP, SIGINT, SIGTERM'],
];

function entry(option: OptionDefinition, mode: CompatMode): string {
  const head = option.envOnly ? '(variable only)' : `--${option.name}`;
  const names = [head, ...variablesFor(option, mode).map((name) => `$${name}`)];
  const value = defaultFor(option, mode);
  return `    ${names.join(', ')}\n        ${describeOption(option)}${value === undefined ? '' : ` Default: ${value}.`}\n`;
}

/** The text of `--man`: the help, and what a reader needs around it. */
export function renderManual(mode: CompatMode, program: string, command: CommandName = 'sync'): string {
  const { summary, synopses, description, statuses = [] } = commandText(command);
  const listed = optionsOf(command).filter(({ hidden }) => !hidden);
  return [
    'NAME',
    `    ${program} - ${summary}`,
    '',
    'SYNOPSIS',
    ...synopses.map((synopsis) => `    ${program} ${synopsis}`.trimEnd()),
    '',
    'DESCRIPTION',
    description.map((paragraph) => wrap(paragraph, 104, '    ')).join('\n\n'),
    '',
    'OPTIONS',
    ...byGroup(listed).flatMap(([title, found]) => [`  ${title}`, ...found.map((option) => entry(option, mode))]),
    'EXIT STATUS',
    ...[...statuses, ...STATUSES].map(([status, meaning]) => `    ${status.padEnd(4)} ${meaning}`),
    '',
  ].join('\n');
}
