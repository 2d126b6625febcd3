import { SHARED_WITH_RELAY } from './load-relay.ts';
import type { OptionDefinition, RelayGroup } from './option.ts';
import { RELAY_OPTIONS } from './options/relay.ts';
import { OPTIONS } from './options.ts';
import { optionHelp, wrap } from './render-help.ts';

const RELAY_GROUP_TITLES: Readonly<Record<RelayGroup, string>> = {
  followed: 'What is followed',
  served: 'Who is served, and how',
  limits: 'Limits',
};

/** Rows of the table, a group at a time, in their order. */
export function relayGroups(): readonly (readonly [string, readonly OptionDefinition[]])[] {
  return Object.entries(RELAY_GROUP_TITLES).map(([group, title]) => [
    title,
    RELAY_OPTIONS.filter((option) => option.group === group),
  ]);
}

/** The text of `git-sidecar relay --help`. */
export function renderRelayHelp(): string {
  const shared = OPTIONS.filter(({ name, hidden, envOnly }) => !hidden && !envOnly && SHARED_WITH_RELAY.includes(name));
  return [
    'usage: git-sidecar relay --root=DIR --http-bind=ADDR --allow=PATTERN [options]',
    wrap(
      'Stands between a fleet of sidecars and git servers: follows each repository once, tells subscribers within milliseconds when a ref moves, and serves the objects to them and to plain git clients from a mirror. It alone needs credentials for the git servers. Sidecars use it with --relay=URL; git with URL/git/HOST/PATH.',
      96,
      '',
    ),
    ...relayGroups().map(
      ([title, options]) => `${title}:\n${options.map((option) => optionHelp(option, 'v4')).join('\n')}`,
    ),
    wrap(`From sync (git-sidecar sync --help): ${shared.map(({ name }) => `--${name}`).join(', ')}`, 96, ''),
    '',
  ].join('\n\n');
}
