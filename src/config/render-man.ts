import type { CompatMode } from './option.ts';
import { OPTIONS } from './options.ts';
import { defaultFor, GROUP_TITLES, variablesFor } from './render-help.ts';

/** The text of `--man`: the help, and what a reader needs around it. */
export function renderManual(mode: CompatMode, program: string): string {
  const lines = [
    'NAME',
    `    ${program} - keep a directory equal to a git ref`,
    '',
    'SYNOPSIS',
    `    ${program} --repo=URL --root=DIR [--ref=REF] [--link=PATH] [options]`,
    '',
    'DESCRIPTION',
    '    Asks the remote for the ref once a period. When it has moved, the new commit is fetched and checked out',
    '    beside the published tree, and a symbolic link is switched to it in one rename. A consumer that follows the',
    '    link sees one complete commit at any instant, also while this program is killed.',
    '',
    '    Only what it made itself is ever removed.',
    '',
    'OPTIONS',
  ];
  for (const [group, title] of Object.entries(GROUP_TITLES)) {
    lines.push(`  ${title}`);
    for (const option of OPTIONS.filter((each) => each.group === group && !each.hidden)) {
      const head = option.envOnly ? '(variable only)' : `--${option.name}`;
      const variables = variablesFor(option, mode)
        .map((name) => `$${name}`)
        .join(', ');
      lines.push(`    ${head}${variables === '' ? '' : `, ${variables}`}`);
      const value = defaultFor(option, mode);
      lines.push(`        ${option.doc}${value === undefined ? '' : ` Default: ${value}.`}`, '');
    }
  }
  lines.push(
    'EXIT STATUS',
    '    0    --one-time succeeded',
    '    1    bad configuration, or too many failures',
    '    2    the command line cannot be parsed',
    '    129, 130, 143    ended by SIGHUP, SIGINT, SIGTERM',
    '',
  );
  return lines.join('\n');
}
