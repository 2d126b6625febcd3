import { isRefPattern } from '../platform/ref-pattern.ts';
import { parseVersionRange } from '../platform/version-range.ts';
import type { Settings } from './settings.ts';
import type { NewestTarget, RefOrder } from './sync-config.ts';
import { refuseIf } from './validation.ts';

function checkPattern(pattern: string): void {
  const shown = `--ref-pattern ${JSON.stringify(pattern)}`;
  refuseIf(!/[*?]/.test(pattern), `${shown} has no wildcard; for one ref there is --ref`, false);
  refuseIf(!isRefPattern(pattern), `${shown} is no pattern of ref names: * and ** and ? are the wildcards`, false);
}

function requestedBy(pattern: string, semver: string): string {
  const range = semver === '' ? '' : `semver ${semver}`;
  return [pattern, range].filter(Boolean).join(' ');
}

/**
 * What `--ref-semver`, `--ref-pattern` and `--ref-order` say; undefined without the first two.
 * @throws InvalidOption
 */
export function newestTarget(settings: Settings): NewestTarget | undefined {
  const [pattern, semver] = [settings.text('ref-pattern').trim(), settings.text('ref-semver').trim()];
  if (pattern === '' && semver === '') return undefined;
  const name = semver === '' ? 'ref-pattern' : 'ref-semver';
  for (const other of ['ref', 'branch', 'rev'])
    refuseIf(settings.isSet(other) && settings.isOn(other), `only one of --${name} and --${other} may be set`, false);
  if (pattern !== '') checkPattern(pattern);
  const problem = `--ref-semver ${JSON.stringify(semver)} is no range of versions; write it like '>=1.2 <2' or '^1.2'`;
  refuseIf(semver !== '' && !parseVersionRange(semver), problem, false);
  return {
    kind: 'newest',
    requested: requestedBy(pattern, semver),
    pattern: pattern === '' ? undefined : pattern,
    semver: semver === '' ? undefined : semver,
    order: settings.text('ref-order') as RefOrder,
  };
}
