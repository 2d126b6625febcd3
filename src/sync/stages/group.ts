import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found } from '../findings.ts';

type Context = Needs<'group' | 'repository'>;

/** Lets the syncs of the group know of news as soon as there are any: they ask their remotes while this one fetches. */
export const announceNews = {
  name: 'announce',
  unlessSettled: true,
  run: async (
    { group, repository }: Context,
    { wanted }: Found<'wanted'>,
    { startedAt }: CycleScope,
  ): Promise<Record<never, never>> => {
    if (wanted.oid !== repository.state.oid) group?.hasNews(startedAt);
    return {};
  },
} satisfies Stage;

/** What this sync found is shown, or there was nothing to show: nobody has to wait for it. */
export const announceNoNews = {
  name: 'announce',
  run: async (
    { group }: Context,
    _: Record<never, never>,
    { startedAt }: CycleScope,
  ): Promise<Record<never, never>> => {
    group?.hasNoNews(startedAt);
    return {};
  },
} satisfies Stage;
