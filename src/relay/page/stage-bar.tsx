import type { JSX } from 'preact';
import type { StageView } from '../rollout/governed-view.ts';

interface Part {
  readonly tone: string;
  readonly share: number;
}

/** How far the instances of a stage are, as widths: done, failed, on their way. */
function partsOf({ instances, released, done, failed }: StageView): Part[] {
  if (instances === 0) return [];
  const way = Math.max(0, released - done - failed);
  const all: (readonly [string, number])[] = [
    ['good', done],
    ['bad', failed],
    ['busy', way],
  ];
  return all.filter(([, number]) => number > 0).map(([tone, number]) => ({ tone, share: number / instances }));
}

/** The figures beside it say the same in words. */
export function StageBar({ stage }: { readonly stage: StageView }): JSX.Element {
  return (
    <span class="bar" aria-hidden="true">
      {partsOf(stage).map(({ tone, share }) => (
        <span key={tone} class={tone} style={{ width: `${share * 100}%` }} />
      ))}
    </span>
  );
}
