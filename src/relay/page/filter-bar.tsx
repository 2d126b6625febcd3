import type { JSX } from 'preact';
import { usePage } from './context.ts';
import { EVERYTHING, type InstanceFilter, labelsOf, refOf } from './filter.ts';
import { shortRef } from './format.ts';
import { writeView } from './view.ts';

/** A fleet may have a label with another value for each instance. */
const MOST_OFFERED = 200;

interface ChoiceProps {
  readonly name: string;
  readonly all: string;
  readonly value: string;
  readonly values: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}

function Choice({ name, all, value, values, onChange }: ChoiceProps): JSX.Element {
  const isKnown = value === '' || values.some(([each]) => each === value);
  return (
    <label class="choice">
      <span class="hidden">{name}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{all}</option>
        {!isKnown && <option value={value}>{value}</option>}
        {values.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const STATES = ['current', 'behind', 'starting', 'restarting', 'failed', 'gone'].map((each) => [each, each] as const);

export function FilterBar({ filter }: { readonly filter: InstanceFilter }): JSX.Element {
  const { state } = usePage();
  const [repositories, refs, labels] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const instance of state.instances.values()) {
    repositories.add(instance.repository);
    const ref = refOf(instance);
    if (ref !== '') refs.add(ref);
    if (labels.size < MOST_OFFERED) for (const label of labelsOf(instance)) labels.add(label);
  }
  // The view is in the address, so that it can be given to somebody else; it is no step to go back to.
  const show = (change: Partial<InstanceFilter>): void => {
    history.replaceState(null, '', writeView({ kind: 'instances', filter: { ...filter, ...change } }));
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  const sorted = (
    values: ReadonlySet<string>,
    text = (value: string): string => value,
  ): (readonly [string, string])[] => [...values].sort().map((value) => [value, text(value)] as const);
  const isFiltered = Object.values(filter).some((value) => value !== '');
  return (
    <search class="filters">
      <label class="choice grow">
        <span class="hidden">Search</span>
        <input
          type="search"
          placeholder="Name, label, commit…"
          value={filter.text}
          onInput={(event) => show({ text: event.currentTarget.value })}
        />
      </label>
      <Choice
        name="State"
        all="every state"
        value={filter.state}
        values={STATES}
        onChange={(to) => show({ state: to })}
      />
      <Choice
        name="Repository"
        all="every repository"
        value={filter.repository}
        values={sorted(repositories)}
        onChange={(to) => show({ repository: to })}
      />
      <Choice
        name="Ref"
        all="every ref"
        value={filter.ref}
        values={sorted(refs, shortRef)}
        onChange={(to) => show({ ref: to })}
      />
      {labels.size > 0 && (
        <Choice
          name="Label"
          all="every label"
          value={filter.label}
          values={sorted(labels)}
          onChange={(to) => show({ label: to })}
        />
      )}
      {isFiltered && (
        <button type="button" class="plain" onClick={() => show(EVERYTHING)}>
          Clear
        </button>
      )}
    </search>
  );
}
