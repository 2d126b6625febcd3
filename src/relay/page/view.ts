import type { InstanceFilter } from './filter.ts';

/** What of the page is shown, as the address says it behind `#`. */
export type View =
  | { readonly kind: 'overview' }
  | { readonly kind: 'rollout'; readonly repository: string; readonly ref: string }
  | { readonly kind: 'instances'; readonly filter: InstanceFilter };

const FILTERS = ['text', 'repository', 'ref', 'state', 'label'] as const;

export function readView(hash: string): View {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [kind, ...words] = path.split('/').map(decoded);
  const [repository, ref] = words;
  if (kind === 'rollout' && repository && ref) return { kind, repository, ref };
  if (kind !== 'instances') return { kind: 'overview' };
  const values = new URLSearchParams(query);
  const filter = Object.fromEntries(FILTERS.map((name) => [name, values.get(name) ?? '']));
  return { kind, filter: filter as unknown as InstanceFilter };
}

export function writeView(view: View): string {
  if (view.kind === 'overview') return '#/';
  if (view.kind === 'rollout')
    return `#/rollout/${encodeURIComponent(view.repository)}/${encodeURIComponent(view.ref)}`;
  const given = FILTERS.flatMap((name) =>
    view.filter[name] === '' ? [] : [[name, view.filter[name]] as [string, string]],
  );
  return given.length === 0 ? '#/instances' : `#/instances?${new URLSearchParams(given)}`;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
