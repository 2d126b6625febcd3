import { chooseNewest } from '../../../poll/newest-ref.ts';
import type { RefChoice } from '../../../poll/ref-choice.ts';
import { type RefChange, type Refs, selectRefs } from '../../protocol/refs.ts';
import type { WantedRefs } from '../../protocol/wanted-refs.ts';

/** What one channel shows of the refs of a repository. */
export interface WantedView {
  /** Equal ids show the same. */
  readonly id: string;
  /** All refs have to be looked at, one after the other. */
  readonly isSearch: boolean;
  /** Full names of the refs; undefined for all, or for those that a search finds. */
  readonly names: readonly string[] | undefined;
  select(refs: Refs): Refs;
  /** The same, where `shown` is what was selected before `changes`. */
  update(shown: Refs, refs: Refs, changes: readonly RefChange[]): Refs;
}

export function viewOf({ names, newest }: WantedRefs): WantedView {
  if (newest) {
    const choice = chooseNewest(newest);
    return newest.order === 'committed' ? allMatching(choice) : newestOf(choice);
  }
  const select = (refs: Refs): Refs => selectRefs(refs, names);
  const id = [...names].sort().join('\n');
  return {
    id,
    isSearch: false,
    names: names.length > 0 ? names : undefined,
    select,
    update: (_shown, refs) => select(refs),
  };
}

/** The newest one; where none matches, a few of those that nearly do: the subscriber says in its error what is there. */
function newestOf(choice: RefChoice): WantedView {
  const select = (refs: Refs): Refs => {
    const collector = choice.collect();
    for (const ref of refs.values()) collector.take(ref);
    const { chosen, sample } = collector;
    return new Map((chosen ? [chosen] : sample).map((ref) => [ref.name, ref]));
  };
  return {
    id: choice.id,
    isSearch: true,
    names: undefined,
    select,
    update: (shown, refs, changes) => {
      const [before] = [...shown.keys()].filter(choice.covers);
      const now = before === undefined ? undefined : refs.get(before);
      // Without the one that was the newest, any other may be it.
      if (!now) return select(refs);
      const moved = changes.map(({ ref }) => refs.get(ref)).filter((ref) => ref !== undefined);
      return select(new Map([now, ...moved].map((ref) => [ref.name, ref])));
    },
  };
}

/** The dates of commits are not known here. */
function allMatching(choice: RefChoice): WantedView {
  const select = (refs: Refs): Refs => {
    const matching = new Map([...refs].filter(([name]) => choice.covers(name)));
    return matching.size > 0 ? matching : newestOf(choice).select(refs);
  };
  return { id: `all ${choice.id}`, isSearch: true, names: undefined, select, update: (_shown, refs) => select(refs) };
}
