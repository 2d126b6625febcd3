import type { Shown } from '../verify/no-way-back.ts';
import type { Needs } from './context.ts';
import type { Cycle } from './findings.ts';

export type ShownContext = Needs<'into' | 'layout' | 'repository'>;

/** What consumers see, as the look at the link found it. */
export function shownNow(
  { into, layout, repository }: ShownContext,
  { live, link }: Pick<Cycle, 'live' | 'link'>,
): Shown {
  return {
    published: live?.oid ?? repository.state.oid,
    link: link?.kind === 'link' ? layout.placeOf(link.target)?.oid : undefined,
    directory: into && (into.oid ?? 'unknown'),
  };
}
