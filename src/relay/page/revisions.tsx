import type { JSX } from 'preact';
import type { InstanceEntry, SteeredEntry } from '../browser/documents.ts';
import { Commit } from './commit.tsx';
import { usePage } from './context.ts';
import { EVERYTHING, refOf } from './filter.ts';
import { count } from './format.ts';
import { writeView } from './view.ts';

interface RevisionsProps {
  readonly entry: SteeredEntry;
  readonly now: number;
}

/** How many connected instances publish which commit of the ref, most first. */
function countByCommit(instances: Iterable<InstanceEntry>, { repository, ref }: SteeredEntry): [string, number][] {
  const counts = new Map<string, number>();
  for (const instance of instances) {
    const oid = instance.published?.oid;
    if (oid === undefined || !instance.connected || instance.repository !== repository || refOf(instance) !== ref)
      continue;
    counts.set(oid, (counts.get(oid) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

/** Which revisions are live, and in how many places. */
export function Revisions({ entry, now }: RevisionsProps): JSX.Element | null {
  const { state } = usePage();
  const { repository, ref } = entry;
  const counts = countByCommit(state.instances.values(), entry);
  const all = counts.reduce((sum, [, number]) => sum + number, 0);
  if (all === 0) return null;
  return (
    <section aria-labelledby="revisions">
      <h2 id="revisions">Published by</h2>
      <ol class="passages revisions">
        {counts.map(([oid, number]) => (
          <li key={oid}>
            <a href={writeView({ kind: 'instances', filter: { ...EVERYTHING, repository, ref, text: oid } })}>
              {count(number, 'instance')}
            </a>
            <span class="bar" aria-hidden="true">
              <span class={oid === entry.oid ? 'busy' : 'former'} style={{ width: `${(number / all) * 100}%` }} />
            </span>
            <Commit repository={repository} oid={oid} now={now} />
          </li>
        ))}
      </ol>
    </section>
  );
}
