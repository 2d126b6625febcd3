import type { OptionDefinition, RunGroup } from './option.ts';
import { RUN_OPTIONS } from './options/run.ts';
import { optionHelp, wrap } from './render-help.ts';

const RUN_GROUP_TITLES: Readonly<Record<RunGroup, string>> = {
  deploy: 'What is deployed, and where',
  ready: 'When it is ready',
  supervise: 'The process',
  front: 'No dropped request',
};

/** Rows of the table, a group at a time, in their order. */
export function runGroups(): readonly (readonly [string, readonly OptionDefinition[]])[] {
  return Object.entries(RUN_GROUP_TITLES).map(([group, title]) => [
    title,
    RUN_OPTIONS.filter((option) => option.group === group),
  ]);
}

/** The text of `git-sidecar run --help`. */
export function renderRunHelp(): string {
  return [
    'usage: git-sidecar run --link=PATH [options] -- COMMAND [ARGUMENT…]\n       git-sidecar run --repo=URL --root=DIR [options] -- COMMAND [ARGUMENT…]',
    wrap(
      'Runs a command from the revision that a link shows, and brings each new revision to life: copy, build, start, wait until it is ready, stop the old one. A revision that fails is left out, and what ran before runs on. The link is published by a sync in another container, or, with --repo, by this process; then all options of `git-sidecar sync` are allowed too.',
      96,
      '',
    ),
    ...runGroups().map(
      ([title, options]) => `${title}:\n${options.map((option) => optionHelp(option, 'v4')).join('\n')}`,
    ),
    'From sync: --link, --http-bind (/status, /readyz, /metrics), --http-metrics, --log-format, --verbose and, with --repo, all others: git-sidecar sync --help',
    '',
  ].join('\n\n');
}
