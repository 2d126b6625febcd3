import { join } from 'node:path';
import type { GroupConfig } from '../sync-config.ts';
import { digestOf } from './digest.ts';
import type { Draft } from './draft-units.ts';
import type { LoadedUnit, SyncUnit } from './loaded-document.ts';
import type { Problems } from './problems.ts';

type Group = Omit<GroupConfig, 'unit'>;

/** The syncs of each group, in the order of the document. */
function membersByGroup(drafts: readonly Draft[]): ReadonlyMap<string, readonly Draft[]> {
  const groups = new Map<string, Draft[]>();
  for (const draft of drafts)
    if (draft.group) groups.set(draft.group.text, [...(groups.get(draft.group.text) ?? []), draft]);
  return groups;
}

/** A member shows its revision when all do, in one rename; what does something else cannot be a member. */
function unfit({ config }: SyncUnit): string | undefined {
  if (config.into) return 'into, which writes file by file';
  return config.oneTime ? 'one-time, because the others would wait for it for ever' : undefined;
}

/** Tells the syncs of each group who belongs to it; what cannot be a group is among the problems. */
export function joinGroups(
  units: readonly LoadedUnit[],
  drafts: readonly Draft[],
  problems: Problems,
): readonly LoadedUnit[] {
  const known = new Map(units.map((unit) => [unit.name, unit]));
  const groups = new Map<string, Group>();
  for (const [name, members] of membersByGroup(drafts)) {
    const [first] = members;
    if (members.length === 1 && first?.group)
      problems.add(first.group.at, `group ${name} has only one sync; it takes two that become visible together`);
    const keeper = first && known.get(first.name);
    if (keeper?.kind !== 'sync') continue;
    const root = keeper.config.stateDir;
    const journal = { root, path: join(root, '.git-sidecar', `group-${name}.json`) };
    groups.set(name, { name, members: members.map((each) => each.name), journal });
  }
  const groupOf = new Map(drafts.flatMap(({ name, group }) => (group ? [[name, group] as const] : [])));
  return units.map((unit) => {
    const given = groupOf.get(unit.name);
    const group = given && groups.get(given.text);
    if (unit.kind !== 'sync' || !group) return unit;
    const reason = unfit(unit);
    if (reason !== undefined) problems.add(given.at, `${unit.name} cannot be in a group together with ${reason}`);
    const config = { ...unit.config, group: { ...group, unit: unit.name } };
    return { ...unit, config, digest: digestOf([unit.digest], config) };
  });
}
