import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { usePage } from './context.ts';
import { type InstanceFilter, type Order, selectInstances } from './filter.ts';
import { FilterBar } from './filter-bar.tsx';
import { count } from './format.ts';
import { InstanceTable } from './instance-table.tsx';

export function Instances({ filter }: { readonly filter: InstanceFilter }): JSX.Element {
  const { state } = usePage();
  const [order, setOrder] = useState<Order>('state');
  const { version } = state;
  // The instances change in place; the version says that they did.
  const selected = useMemo(
    () => selectInstances(state.instances.values(), filter, order),
    [version, filter.text, filter.repository, filter.ref, filter.state, filter.label, order],
  );
  return (
    <>
      <h1 class="hidden">Instances</h1>
      <FilterBar filter={filter} />
      <p class="quiet" role="status">
        {count(selected.length, 'instance')}
        {selected.length !== state.instances.size && ` of ${state.instances.size.toLocaleString('en')}`}
      </p>
      <InstanceTable instances={selected} order={order} onOrder={setOrder} />
    </>
  );
}
