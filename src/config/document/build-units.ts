import { suggest } from '../suggest.ts';
import { attempt, complain } from './complaint.ts';
import { digestOf } from './digest.ts';
import type { Draft } from './draft-units.ts';
import type { GivenSetting } from './given.ts';
import { joinGroups } from './groups.ts';
import type { LoadedUnit, RelayUnit, RunUnit, SyncUnit } from './loaded-document.ts';
import type { Problems } from './problems.ts';
import { type Configurations, type Given, unitRows } from './rows.ts';

export interface BuildParts {
  /** Options of `http`, `log` and `process`, which configurations of units have as well. */
  readonly sections: Given<GivenSetting>;
  /** Where syncs share their objects; undefined: each has its own. */
  readonly store: string | undefined;
  readonly configurations: Configurations;
  readonly problems: Problems;
}

/** Makes units of drafts. */
class UnitBuilder {
  readonly #parts: BuildParts;
  /** Links of syncs by name; undefined where the sync has a fault of its own. */
  readonly #links = new Map<string, string | undefined>();

  constructor(parts: BuildParts) {
    this.#parts = parts;
  }

  build(draft: Draft): LoadedUnit | undefined {
    const built = attempt(() => this.#build(draft));
    if (draft.kind === 'sync')
      this.#links.set(
        draft.name,
        'value' in built && built.value?.kind === 'sync' ? built.value.config.link : undefined,
      );
    if ('value' in built) return built.value;
    // What could not be read is missing here, and that is said already.
    if (!draft.isRead) return undefined;
    complain(built.error, { ...draft, title: `${draft.kind} ${draft.name}: ` }, this.#parts.problems);
    return undefined;
  }

  #build(draft: Draft): LoadedUnit | undefined {
    if (draft.kind === 'sync') return this.#sync(draft);
    return draft.kind === 'run' ? this.#run(draft) : this.#relay(draft);
  }

  #given({ given }: Draft): Given<GivenSetting> {
    return new Map([...this.#parts.sections, ...given]);
  }

  #base({ name, kind, given, at: place }: Draft): Pick<LoadedUnit, 'name' | 'settings' | 'place'> {
    return { name, settings: this.#parts.configurations.complete(unitRows(kind), given), place };
  }

  #sync(draft: Draft): SyncUnit {
    const { configurations, store: directory } = this.#parts;
    const store = directory === undefined ? undefined : { directory, unit: draft.name };
    const config = { ...configurations.sync(this.#given(draft)), store };
    const base = this.#base(draft);
    // It is a part of `config.http`, and that of the unit.
    const staleness = base.settings.find(({ option }) => option.name === 'max-staleness')?.value;
    return { ...base, kind: 'sync', config, digest: digestOf(['sync', draft.name, staleness], config) };
  }

  #run(draft: Draft): RunUnit | undefined {
    const { from } = draft;
    if (from && !this.#links.has(from.text)) {
      this.#parts.problems.add(
        from.at,
        `run ${draft.name}: from must be the name of a sync of this document${this.#known(from.text)}`,
      );
      return undefined;
    }
    const link = from && this.#links.get(from.text);
    const isMirror = draft.given.has('into');
    if ((from && link === undefined) || (draft.command.length === 0 && !isMirror)) return undefined;
    if (!from && !draft.given.has('link')) return undefined;
    const config = this.#parts.configurations.run(this.#given(draft), { command: draft.command, link });
    const identity = ['run', draft.name, from?.text];
    return { ...this.#base(draft), kind: 'run', config, from: from?.text, digest: digestOf(identity, config) };
  }

  #known(from: string): string {
    const names = [...this.#links.keys()];
    const nearest = suggest(from, names);
    if (nearest !== undefined) return `; did you mean ${nearest}?`;
    return names.length === 0 || names.length > 10 ? '' : `: ${names.join(', ')}`;
  }

  #relay(draft: Draft): RelayUnit {
    const config = { ...this.#parts.configurations.relay(this.#given(draft)), policies: draft.rollouts };
    const hasOwnAddress = draft.given.has('http-bind');
    const { host, port } = config.http;
    const digest = digestOf(['relay', draft.name, hasOwnAddress ? [host, port] : undefined], config);
    return { ...this.#base(draft), kind: 'relay', config, hasOwnAddress, digest };
  }
}

/** The checked units of `drafts`; syncs come first there, so a run finds the one that it follows. */
export function buildUnits(drafts: readonly Draft[], parts: BuildParts): readonly LoadedUnit[] {
  const builder = new UnitBuilder(parts);
  const units = drafts.flatMap((draft) => builder.build(draft) ?? []);
  return joinGroups(units, drafts, parts.problems);
}
