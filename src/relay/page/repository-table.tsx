import type { JSX } from 'preact';
import type { RepositoryOverview } from '../browser/overview.ts';
import { Badge } from './badge.tsx';
import { Commit } from './commit.tsx';
import { usePage } from './context.ts';
import { EVERYTHING } from './filter.ts';
import { ago, count, shortRef } from './format.ts';
import { MovesChart } from './moves-chart.tsx';
import { rolloutKey } from './state.ts';
import { writeView } from './view.ts';

function healthOf({ known, trouble }: RepositoryOverview): string {
  if (trouble) return 'unreachable';
  return known ? 'reachable' : 'not yet';
}

function Refs({ entry, now }: { readonly entry: RepositoryOverview; readonly now: number }): JSX.Element {
  const { state } = usePage();
  const { repository, tips, refs } = entry;
  const hidden = refs - tips.length;
  return (
    <>
      <ul class="refs">
        {tips.map(({ ref, oid }) => (
          <li key={ref}>
            {state.rollouts.has(rolloutKey({ repository, ref })) ? (
              <a href={writeView({ kind: 'rollout', repository, ref })}>{shortRef(ref)}</a>
            ) : (
              <span class="ref">{shortRef(ref)}</span>
            )}
            <Commit repository={repository} oid={oid} now={now} />
          </li>
        ))}
      </ul>
      {hidden > 0 && <p class="quiet">and {count(hidden, 'more ref')}</p>}
    </>
  );
}

function Refused({ entry }: { readonly entry: RepositoryOverview }): JSX.Element | null {
  if (entry.refused.length === 0) return null;
  return (
    <ul class="refs">
      {entry.refused.map(({ ref, code, reason }) => (
        <li key={ref} class="trouble">
          <span>{shortRef(ref)} is not passed on:</span> {reason} <code>{code}</code>
        </li>
      ))}
    </ul>
  );
}

function Row({ entry, now }: { readonly entry: RepositoryOverview; readonly now: number }): JSX.Element {
  const { repository, trouble, asOf, connected, behind, requestsSent, refs } = entry;
  const instances = writeView({ kind: 'instances', filter: { ...EVERYTHING, repository } });
  return (
    <li class="card">
      <div class="line">
        <Badge word={healthOf(entry)} />
        <strong class="name">{repository}</strong>
        <span class="quiet end">asked {ago(asOf, now)}</span>
      </div>
      {trouble && (
        <p class="trouble">
          {trouble.meaning} <code>{trouble.code}</code>
        </p>
      )}
      <Refused entry={entry} />
      <p class="facts">
        <a href={instances}>{count(connected, 'instance')}</a>
        {behind > 0 && <span class="warn">{behind} behind</span>}
        <span>{count(requestsSent, 'request')} sent</span>
        <span>{count(refs, 'ref')}</span>
      </p>
      {refs > 0 && (
        <details open={refs <= 3}>
          <summary>Refs</summary>
          <Refs entry={entry} now={now} />
        </details>
      )}
      {entry.moves.length > 0 && (
        <details>
          <summary>How long pushes took to reach the instances</summary>
          <MovesChart moves={entry.moves} />
        </details>
      )}
    </li>
  );
}

export function RepositoryTable({ now }: { readonly now: number }): JSX.Element {
  const { state } = usePage();
  const entries = [...state.repositories.values()].sort((a, b) => a.repository.localeCompare(b.repository));
  return (
    <section aria-labelledby="repositories">
      <h2 id="repositories">Repositories</h2>
      {entries.length === 0 && <p class="quiet">No repository is followed yet; the first request for one begins it.</p>}
      <ul class="cards">
        {entries.map((entry) => (
          <Row key={entry.repository} entry={entry} now={now} />
        ))}
      </ul>
    </section>
  );
}
