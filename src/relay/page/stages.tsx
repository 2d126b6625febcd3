import type { JSX } from 'preact';
import type { SteeredEntry } from '../browser/documents.ts';
import type { StageView } from '../rollout/governed-view.ts';
import { Badge } from './badge.tsx';
import { duration } from './format.ts';
import { StageBar } from './stage-bar.tsx';

interface StagesProps {
  readonly entry: SteeredEntry;
  readonly now: number;
}

/** What keeps an open stage from going on is said at the stage too. */
function wordFor(stage: StageView, { status }: SteeredEntry): string {
  const isOpen = stage.state === 'open' || stage.state === 'soaking';
  return isOpen && status !== 'running' ? status : stage.state;
}

const MOST_NAMED = 6;

function namesOf({ open, released, done }: StageView): string {
  const more = released - done - Math.min(open.length, MOST_NAMED);
  return `${open.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function Stages({ entry, now }: StagesProps): JSX.Element | null {
  const { stages, deadline, soakedAt } = entry;
  if (stages.length === 0) return null;
  const left = (at: string): string => duration(Math.max(0, Date.parse(at) - now));
  return (
    <section aria-labelledby="stages">
      <h2 id="stages">Stages</h2>
      <ol class="stages">
        {stages.map((stage) => (
          <li key={stage.name} class={stage.state} aria-current={stage.name === entry.stage ? 'step' : undefined}>
            <span class="line">
              <strong>{stage.name}</strong>
              <Badge word={wordFor(stage, entry)} />
            </span>
            <StageBar stage={stage} />
            <span class="facts">
              {stage.state !== 'waiting' && (
                <span>
                  {stage.done} of {stage.instances} done
                </span>
              )}
              {stage.failed > 0 && <span class="bad">{stage.failed} failed</span>}
              {stage.lost > 0 && <span class="warn">{stage.lost} lost</span>}
              {stage.state === 'soaking' && soakedAt && <span>soaks for {left(soakedAt)} more</span>}
              {stage.state === 'open' && deadline && <span>deadline in {left(deadline)}</span>}
            </span>
            {stage.open.length > 0 && stage.state !== 'waiting' && (
              <span class="quiet waits">not done: {namesOf(stage)}</span>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
