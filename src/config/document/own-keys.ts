import type { UnitKind } from './rows.ts';

/** Keys of a unit that are no options. */
export const OWN_KEYS: Readonly<Record<UnitKind, readonly string[]>> = {
  sync: ['name', 'group'],
  run: ['name', 'from', 'command'],
  relay: ['name', 'decider', 'answers', 'notifications'],
};
