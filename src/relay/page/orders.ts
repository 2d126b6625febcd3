import type { SteeredEntry } from '../browser/documents.ts';

export type OrderName = 'pause' | 'resume' | 'promote' | 'abort' | 'revert' | 'pin' | 'unpin';

export interface OrderOffer {
  readonly order: OrderName;
  /** On the button. */
  readonly text: string;
  /** What it does, in a sentence. */
  readonly effect: string;
  /** It takes a revision. */
  readonly takesRevision: boolean;
  /** It changes what instances run at once. */
  readonly isGrave: boolean;
  /** Why it cannot be given now; undefined: it can. */
  readonly obstacle: string | undefined;
}

/** All orders about a ref, in the order of the buttons; the relay decides again when one comes. */
export function offersFor({ status, stages, paused, pinned, tip, refused }: SteeredEntry): OrderOffer[] {
  const isUnderWay = stages.length > 0;
  const isHalted = status === 'halted' || (status === 'reverting' && isUnderWay);
  const isTipRefused = !isUnderWay && tip !== null && refused.includes(tip);
  const offer = (
    order: OrderName,
    text: string,
    effect: string,
    obstacle: string | undefined,
    more: Partial<Pick<OrderOffer, 'takesRevision' | 'isGrave'>> = {},
  ): OrderOffer => ({ order, text, effect, obstacle, takesRevision: false, isGrave: false, ...more });
  const noRollout = isUnderWay ? undefined : 'no rollout is under way';
  const resumable = paused || isHalted || (isTipRefused && !pinned);
  const revision = { takesRevision: true, isGrave: true };
  return [
    offer(
      'pause',
      'Pause',
      'Nobody new gets a revision until it is resumed.',
      paused ? 'it is paused already' : undefined,
    ),
    offer('resume', 'Resume', 'It goes on where it stopped.', resumable ? undefined : 'nothing is paused or halted'),
    offer('promote', 'Promote', 'The open stage is over, whatever is missing, and the next one opens.', noRollout),
    offer('abort', 'Abort', 'All instances go back to the completed revision, and the commit is refused.', noRollout, {
      isGrave: true,
    }),
    offer(
      'revert',
      'Revert…',
      'All instances get the older revision at once, without stages.',
      pinned ? 'it is pinned; unpin it first' : undefined,
      revision,
    ),
    offer(
      'pin',
      'Pin…',
      'All instances get this revision at once and stay on it, whatever is pushed.',
      undefined,
      revision,
    ),
    offer(
      'unpin',
      'Unpin',
      'What was pushed meanwhile is rolled out in stages.',
      pinned ? undefined : 'it is not pinned',
    ),
  ];
}
