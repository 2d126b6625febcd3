import type { EnvironmentVariables } from '../settings.ts';
import { attempt, complain } from './complaint.ts';
import { digestOf } from './digest.ts';
import type { Draft } from './draft-units.ts';
import type { GivenSetting } from './given.ts';
import type { LoadedUnit, RelayUnit, RunUnit, ShownSetting, SyncUnit } from './loaded-document.ts';
import type { Problems } from './problems.ts';
import { buildRelay, buildRun, buildSync, completeSettings, type UnitParts, unitRows } from './rows.ts';

export interface BuildParts {
  readonly sections: ReadonlyMap<string, GivenSetting>;
  /** What children inherit. */
  readonly env: EnvironmentVariables;
  readonly problems: Problems;
}

/** `settings` with the mark of those that came from a file. */
export function markHidden(
  settings: ReturnType<typeof completeSettings>,
  given: ReadonlyMap<string, GivenSetting>,
): readonly ShownSetting[] {
  return settings.map((setting) => ({ ...setting, isHidden: given.get(setting.option.name)?.isHidden ?? false }));
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
    complain(built.error, { ...draft, title: `${draft.kind} ${draft.name}: ` }, this.#parts.problems);
    return undefined;
  }

  #build(draft: Draft): LoadedUnit | undefined {
    if (draft.kind === 'sync') return this.#sync(draft);
    return draft.kind === 'run' ? this.#run(draft) : this.#relay(draft);
  }

  #given({ given, command }: Draft): UnitParts {
    const { sections, env } = this.#parts;
    return { given: new Map([...sections, ...given]), env, command, link: undefined };
  }

  #base(draft: Draft): Pick<LoadedUnit, 'name' | 'settings' | 'place'> {
    const settings = completeSettings(unitRows(draft.kind), draft.given, this.#parts.env);
    return { name: draft.name, settings: markHidden(settings, draft.given), place: draft.at };
  }

  #sync(draft: Draft): SyncUnit {
    const config = buildSync(this.#given(draft));
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
        `run ${draft.name}: from must be the name of a sync of this document${this.#known()}`,
      );
      return undefined;
    }
    const link = from && this.#links.get(from.text);
    if ((from && link === undefined) || draft.command.length === 0) return undefined;
    if (!from && !draft.given.has('link')) return undefined;
    const config = buildRun({ ...this.#given(draft), link });
    const identity = ['run', draft.name, from?.text];
    return { ...this.#base(draft), kind: 'run', config, from: from?.text, digest: digestOf(identity, config) };
  }

  #known(): string {
    const names = [...this.#links.keys()];
    return names.length === 0 || names.length > 10 ? '' : `: ${names.join(', ')}`;
  }

  #relay(draft: Draft): RelayUnit {
    const config = buildRelay(this.#given(draft));
    const hasOwnAddress = draft.given.has('http-bind');
    const { host, port } = config.http;
    const digest = digestOf(['relay', draft.name, hasOwnAddress ? [host, port] : undefined], config);
    return { ...this.#base(draft), kind: 'relay', config, hasOwnAddress, digest };
  }
}

/** The checked units of `drafts`; syncs come first there, so a run finds the one that it follows. */
export function buildUnits(drafts: readonly Draft[], parts: BuildParts): readonly LoadedUnit[] {
  const builder = new UnitBuilder(parts);
  return drafts.flatMap((draft) => builder.build(draft) ?? []);
}
