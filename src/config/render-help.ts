import type { CompatMode, OptionDefinition, SyncGroup } from './option.ts';
import { OPTIONS } from './options.ts';

export const GROUP_TITLES: Readonly<Record<SyncGroup, string>> = {
  source: 'What to follow',
  place: 'Where it goes',
  timing: 'When',
  hooks: 'Whom to tell',
  auth: 'Credentials',
  relay: 'Through a relay',
  git: 'git',
  http: 'HTTP endpoint',
  process: 'This process',
};

/** The default as a mode has it; undefined where an empty text is the default. */
export function defaultFor(option: OptionDefinition, mode: CompatMode): string | undefined {
  const v3 = mode === 'v3.1' ? (option.v31Default ?? option.v3Default) : option.v3Default;
  return ((mode === 'v4' ? undefined : v3) ?? option.default) || undefined;
}

export function variablesFor(option: OptionDefinition, mode: CompatMode): readonly string[] {
  if (mode === 'v4') return option.env;
  return option.v3Env !== undefined ? [option.v3Env] : option.env.slice(0, 1);
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

export function optionHelp(option: OptionDefinition, mode: CompatMode): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const value = option.type === 'bool' ? '' : ` ${option.placeholder ?? 'VALUE'}`;
  const variables = variablesFor(option, mode);
  const fallback = option.type === 'bool' && option.default === 'false' ? undefined : defaultFor(option, mode);
  const facts = [
    variables.length > 0 ? `$${variables.join(', $')}` : '',
    fallback === undefined ? '' : `default ${fallback}`,
  ];
  const tail = facts.filter(Boolean).join('; ');
  return `  ${short}--${option.name}${value}${tail === '' ? '' : `  (${tail})`}\n${wrap(option.doc, 88, '        ')}`;
}

/** The text of `--help`. */
export function renderHelp(mode: CompatMode, program: string): string {
  const sections = Object.entries(GROUP_TITLES).map(([group, title]) => {
    const options = OPTIONS.filter((option) => option.group === group && isListed(option, mode));
    return `${title}:\n${options.map((option) => optionHelp(option, mode)).join('\n')}`;
  });
  return [
    `usage: ${program} --repo=URL --root=DIR [options]`,
    wrap(
      'Keeps a directory equal to a branch, tag or commit of a git repository. Flags and variables are those of git-sync.',
      96,
      '',
    ),
    `Compatibility mode of this text: ${mode} (see --compat).`,
    ...sections,
    '',
  ].join('\n\n');
}
