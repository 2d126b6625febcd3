import type { JSX } from 'preact';
import type { SteeredEntry } from '../browser/documents.ts';
import { Badge } from './badge.tsx';
import { Commit } from './commit.tsx';
import { usePage } from './context.ts';
import { ago, shortRef } from './format.ts';
import { StageBar } from './stage-bar.tsx';
import { rolloutKey } from './state.ts';
import { writeView } from './view.ts';

/** What needs a person comes first. */
const RANK: Readonly<Record<SteeredEntry['status'], number>> = {
  halted: 0,
  reverting: 1,
  paused: 2,
  frozen: 3,
  running: 4,
  soaking: 4,
  complete: 5,
};

function Card({ entry, now }: { readonly entry: SteeredEntry; readonly now: number }): JSX.Element {
  const { repository, ref, status, why, since, oid, stages } = entry;
  return (
    <li class="card">
      <div class="line">
        <Badge word={status} />
        <a class="name" href={writeView({ kind: 'rollout', repository, ref })}>
          {repository} <span class="ref">{shortRef(ref)}</span>
        </a>
        <span class="quiet end">{ago(since, now)}</span>
      </div>
      <div class="line">
        <Commit repository={repository} oid={oid} now={now} />
      </div>
      {stages.length > 0 && (
        <ol class="stages small" aria-label="Stages">
          {stages.map((stage) => (
            <li key={stage.name} class={stage.state}>
              <StageBar stage={stage} />
              <span>
                {stage.name}{' '}
                <span class="quiet">
                  {stage.done}/{stage.instances}
                </span>
              </span>
            </li>
          ))}
        </ol>
      )}
      {status !== 'complete' && <p class="why">{why}</p>}
    </li>
  );
}

export function RolloutList({ now }: { readonly now: number }): JSX.Element | null {
  const { state } = usePage();
  const entries = [...state.rollouts.values()].sort(
    (a, b) => RANK[a.status] - RANK[b.status] || rolloutKey(a).localeCompare(rolloutKey(b)),
  );
  if (entries.length === 0) return null;
  return (
    <section aria-labelledby="rollouts">
      <h2 id="rollouts">Rollouts</h2>
      <ul class="cards">
        {entries.map((entry) => (
          <Card key={rolloutKey(entry)} entry={entry} now={now} />
        ))}
      </ul>
    </section>
  );
}
