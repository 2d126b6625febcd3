import { SHARED_WITH_RELAY } from './load-relay.ts';
import type { OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';
import { defaultFor, GROUP_TITLES } from './render-help.ts';
import { relayGroups } from './render-relay-help.ts';
import { runGroups } from './render-run-help.ts';

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
  const plain = ([title, options]: readonly [string, readonly OptionDefinition[]]): string => {
    const rows = options.map(
      (option) =>
        `| ${code(`--${option.name}`)} | ${option.type} | ${variables(option)} | ${code(defaultFor(option, 'v4'))} | ${option.doc.replaceAll('|', '\\|')} |`,
    );
    return `### ${title}\n\n| flag | type | variable | default | meaning |\n|---|---|---|---|---|\n${rows.join('\n')}`;
  };
  return `${[
    '# Options of `git-sidecar sync`, `run` and `relay`',
    '<!-- Made by `npm run docs` from src/config/options; do not edit. -->',
    'A flag beats a variable, a variable beats the default. Of several variables the last-listed one that is set wins, as in git-sync v4.4 and later. The three default columns are the compatibility modes (`--compat`).',
    ...sections,
    '## Only `git-sidecar run`',
    'All options above are allowed too, in v4’s spelling; without `--repo` only `--link`, `--http-bind`, `--http-metrics`, `--log-format` and `--verbose` have an effect.',
    ...runGroups().map(plain),
    '## Only `git-sidecar relay`',
    `Of the options above a relay also takes ${SHARED_WITH_RELAY.map((name) => code(`--${name}`)).join(', ')}.`,
    ...relayGroups().map(plain),
  ].join('\n\n')}\n`;
}
