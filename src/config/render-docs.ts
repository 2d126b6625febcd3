import type { OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';
import { defaultFor, GROUP_TITLES } from './render-help.ts';

function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text.replaceAll('|', '\\|')}\``;
}

function variables(option: OptionDefinition): string {
  const names = [...option.env, ...(option.v3Env && !option.env.includes(option.v3Env) ? [option.v3Env] : [])];
  return names.map(code).join(' ');
}

function row(option: OptionDefinition): string {
  const flag = option.envOnly ? '(variable only)' : code(`--${option.name}`);
  const defaults = [code(defaultFor(option, 'v4')), code(defaultFor(option, 'v3')), code(defaultFor(option, 'v3.1'))];
  const note = option.replacedBy === undefined ? '' : ` In v4 mode: replaced by \`--${option.replacedBy}\`.`;
  const since =
    option.since === 'git-sidecar'
      ? ' (git-sidecar only)'
      : option.since === '4.next'
        ? ' (git-sync’s next release)'
        : '';
  return `| ${flag} | ${option.type} | ${variables(option)} | ${defaults.join(' | ')} | ${option.doc.replaceAll('|', '\\|')}${note}${since} |`;
}

/** docs/options.md. */
export function renderOptionsDoc(): string {
  const sections = Object.entries(GROUP_TITLES).map(([group, title]) => {
    const rows = OPTIONS.filter((option) => option.group === group && !option.hidden).map(row);
    const head = '| flag | type | variables | v4 | v3 | v3.1 | meaning |\n|---|---|---|---|---|---|---|';
    return `## ${title}\n\n${head}\n${rows.join('\n')}`;
  });
  return `${[
    '# Options of `git-sidecar sync`',
    '<!-- Made by `npm run docs` from src/config/options; do not edit. -->',
    'A flag beats a variable, a variable beats the default. Of several variables the last-listed one that is set wins, as in git-sync v4.4 and later. The three default columns are the compatibility modes (`--compat`).',
    ...sections,
  ].join('\n\n')}\n`;
}
