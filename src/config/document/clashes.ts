import { join } from 'node:path';
import type { Address } from '../run-config.ts';
import type { HttpConfig } from '../sync-config.ts';
import { intosThatClash, type WorkPlace } from './into-clashes.ts';
import type { LoadedUnit, RelayUnit, RunUnit, SyncUnit } from './loaded-document.ts';
import type { Problems } from './problems.ts';
import { Territory } from './territory.ts';

/** Two units that would be in each other's way. `why` is the end of a sentence that begins with their names. */
export interface Clash {
  readonly one: LoadedUnit;
  /** The later one in the document, mostly. */
  readonly other: LoadedUnit;
  readonly why: string;
}

/** What only one sync may work in. */
export function ownTrees({ config: { stateDir, link } }: SyncUnit): readonly string[] {
  return [join(stateDir, '.git'), join(stateDir, '.worktrees'), join(stateDir, '.git-sidecar'), link];
}

/** Units with the same value of what only one may have. */
function sameValue<T extends LoadedUnit>(
  units: readonly T[],
  read: (unit: T) => string | undefined,
  what: string,
): Clash[] {
  const first = new Map<string, T>();
  return units.flatMap((other) => {
    const value = read(other);
    const one = value === undefined ? undefined : first.get(value);
    if (value !== undefined && !one) first.set(value, other);
    return one ? [{ one, other, why: `have the same ${what}, ${value}` }] : [];
  });
}

/** The umask is the process's, and `group-write` decides it. */
function umasksThatClash([one, ...others]: readonly SyncUnit[]): Clash[] {
  return others.flatMap((other) =>
    one && one.config.umask !== other.config.umask
      ? [{ one, other, why: 'must agree on group-write, which is about the whole process: put it below defaults' }]
      : [],
  );
}

function treesOf(syncs: readonly SyncUnit[]): Territory<SyncUnit> {
  const territory = new Territory<SyncUnit>();
  for (const sync of syncs) for (const tree of ownTrees(sync)) territory.claim(tree, sync);
  return territory;
}

/** The directories that a sync works in, by the names of their options. */
function workplaces({ config: { root, stateDir } }: SyncUnit): readonly (readonly [string, string])[] {
  const own = [['root', root]] as const;
  return root === stateDir ? own : [...own, ['state-dir', stateDir]];
}

/**
 * Syncs that may not have their roots. There is one repository, one list of worktrees and one memory of what is
 * published in a root, or in the state directory beside it, so that serves one sync. Beside that, roots may lie in each
 * other, and several syncs with state directories may have one root.
 */
function rootsThatClash(syncs: readonly SyncUnit[]): readonly Clash[] {
  const trees = treesOf(syncs);
  const nested = syncs.flatMap((other) =>
    workplaces(other).flatMap(([what, place]) =>
      trees
        .around(place)
        .filter(({ owner }) => owner !== other)
        .map(({ path, owner: one }) => ({
          one,
          other,
          why: `cannot work: the ${what} of ${other.name} is inside ${path}, which belongs to ${one.name}`,
        })),
    ),
  );
  const isApart = ({ config }: SyncUnit): boolean => config.root !== config.stateDir;
  const plain = syncs.filter((sync) => !isApart(sync));
  return [
    ...sameValue(plain, ({ config }) => config.root, 'root'),
    ...sameValue(syncs.filter(isApart), ({ config }) => config.stateDir, 'state-dir'),
    ...sameValue(syncs, ({ config }) => config.stateDir, 'place for a repository'),
    ...nested,
  ];
}

function linksThatClash(syncs: readonly SyncUnit[]): readonly Clash[] {
  const trees = treesOf(syncs);
  const nested = syncs.flatMap((other) =>
    trees
      .around(other.config.link)
      .filter(({ path, owner }) => owner !== other && path !== other.config.link)
      .map(({ path, owner: one }) => ({
        one,
        other,
        why: `cannot work: the link of ${other.name} is inside ${path}, which belongs to ${one.name}`,
      })),
  );
  return [...sameValue(syncs, ({ config }) => config.link, 'link'), ...nested];
}

/** Directories that a run writes to beside its state. */
export function targets({ config: { place } }: RunUnit): readonly string[] {
  return place.kind === 'into' ? place.copies.map(({ target }) => join(place.directory, target)) : [];
}

function workPlaces(units: readonly LoadedUnit[]): readonly WorkPlace[] {
  return units.flatMap((unit): WorkPlace[] => {
    const at = (what: string, ...paths: readonly string[]): WorkPlace[] => paths.map((path) => ({ unit, path, what }));
    if (unit.kind === 'sync') return at('root', ...ownTrees(unit));
    if (unit.kind === 'relay') return at('root', unit.config.root);
    const { stateDir } = unit.config;
    return [...(stateDir === undefined ? [] : at('state', stateDir)), ...at('into', ...targets(unit))];
  });
}

function runsThatClash(runs: readonly RunUnit[]): readonly Clash[] {
  const territory = new Territory<RunUnit>();
  for (const run of runs) for (const target of targets(run)) territory.claim(target, run);
  const nested = runs.flatMap((other) =>
    targets(other).flatMap((target) =>
      territory
        .around(target)
        .filter(({ owner }) => owner !== other)
        .map(({ owner: one }) => ({ one, other, why: `both write to ${target}` })),
    ),
  );
  const into = ({ config: { place } }: RunUnit): string | undefined =>
    place.kind === 'into' ? place.directory : undefined;
  return [...sameValue(runs, into, 'into'), ...sameValue(runs, ({ config }) => config.stateDir, 'state'), ...nested];
}

function runsInTrees(runs: readonly RunUnit[], syncs: readonly SyncUnit[]): readonly Clash[] {
  const trees = treesOf(syncs);
  return runs.flatMap((other) =>
    targets(other).flatMap((target) =>
      trees.around(target).map(({ owner: one }) => ({
        one,
        other,
        why: `cannot work: ${other.name} would write to ${target}, which ${one.name} publishes`,
      })),
    ),
  );
}

/**
 * A relay may remove what is in its root. So no other unit works in it, and it lies in no directory of another unit.
 */
function mirrorsThatClash(relays: readonly RelayUnit[], syncs: readonly SyncUnit[]): readonly Clash[] {
  const units = [...syncs, ...relays];
  const roots = new Territory<SyncUnit | RelayUnit>();
  const placesOf = (unit: SyncUnit | RelayUnit): readonly string[] =>
    unit.kind === 'sync' ? workplaces(unit).map(([, place]) => place) : [unit.config.root];
  for (const unit of units) for (const place of placesOf(unit)) roots.claim(place, unit);
  return units.flatMap((other) =>
    placesOf(other)
      .flatMap((place) => roots.around(place))
      .filter(({ owner }) => owner !== other && [owner, other].some(({ kind }) => kind === 'relay'))
      .map(({ path, owner: one }) => ({
        one,
        other,
        why: `cannot work: the root of a relay is its own, and ${path} holds both`,
      })),
  );
}

function relaysAtOneAddress(relays: readonly RelayUnit[]): readonly Clash[] {
  const [one, ...others] = relays.filter(({ hasOwnAddress }) => !hasOwnAddress);
  if (!one) return [];
  return others.map((other) => ({
    one,
    other,
    why: 'would serve at the same address: give one of them http-bind: ADDR',
  }));
}

interface Listener {
  readonly what: string;
  readonly address: Address;
  readonly unit: LoadedUnit | undefined;
}

function listeners(units: readonly LoadedUnit[], http: HttpConfig | undefined): readonly Listener[] {
  const found: Listener[] = http ? [{ what: 'http.bind', address: http, unit: undefined }] : [];
  for (const unit of units) {
    if (unit.kind === 'run' && unit.config.listen)
      found.push({ what: `listen of run ${unit.name}`, address: unit.config.listen, unit });
    if (unit.kind === 'relay' && unit.hasOwnAddress)
      found.push({ what: `http-bind of relay ${unit.name}`, address: unit.config.http, unit });
  }
  // Port 0 is any free one.
  return found.filter(({ address }) => address.port !== 0);
}

function isAny({ host }: Address): boolean {
  return host === undefined || host === '0.0.0.0' || host === '::';
}

/** Addresses of which only one can be listened on. */
function findSharedPorts(units: readonly LoadedUnit[], http: HttpConfig | undefined, problems: Problems): void {
  const byPort = new Map<number, Listener[]>();
  for (const listener of listeners(units, http)) {
    const { address, unit, what } = listener;
    const before = byPort.get(address.port) ?? [];
    const other = before.find((each) => isAny(each.address) || isAny(address) || each.address.host === address.host);
    if (other && unit) problems.add(unit.place, `${other.what} and ${what} are the same port, ${address.port}`);
    // One is enough for each port and host: the others are among the problems.
    else byPort.set(address.port, [...before, listener]);
  }
}

/** Puts among the problems what cannot work with all units in one process. */
export function findClashes(units: readonly LoadedUnit[], http: HttpConfig | undefined, problems: Problems): void {
  const syncs = units.filter((unit) => unit.kind === 'sync');
  const runs = units.filter((unit) => unit.kind === 'run');
  const relays = units.filter((unit) => unit.kind === 'relay');
  const clashes = [
    ...rootsThatClash(syncs),
    ...linksThatClash(syncs),
    ...intosThatClash(syncs, workPlaces(units)),
    ...umasksThatClash(syncs),
    ...sameValue(syncs, ({ config }) => config.errorFile, 'error-file'),
    ...runsThatClash(runs),
    ...runsInTrees(runs, syncs),
    ...mirrorsThatClash(relays, syncs),
    ...relaysAtOneAddress(relays),
  ];
  const found = new Set<string>();
  for (const { one, other, why } of clashes) {
    const pair = [one.name, other.name].sort().join(' ');
    // One reason is enough for a person to begin with.
    if (!found.has(pair)) problems.add(other.place, `${one.kind} ${one.name} and ${other.kind} ${other.name} ${why}`);
    found.add(pair);
  }
  findSharedPorts(units, http, problems);
}
