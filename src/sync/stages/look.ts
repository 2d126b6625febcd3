import { type CheckoutPlan, planCheckout } from '../../checkout/plan.ts';
import { publishedDirectory } from '../../checkout/published-directory.ts';
import { findWorktree, type Worktree } from '../../checkout/worktree.ts';
import { type LinkState, linkText, readLink } from '../../publish/link.ts';
import type { Needs } from '../context.ts';
import type { Stage } from '../cycle.ts';
import type { Found } from '../findings.ts';

/**
 * Looks at what is published: the link, the worktree behind it and that worktree's commit. A handful of small reads,
 * whatever the size of the tree (docs/adr/0003).
 */
export const look = {
  name: 'look',
  readsOnly: true,
  run: async (context: Needs<'config' | 'layout' | 'surroundings'>): Promise<Found<'plan' | 'link' | 'live'>> => {
    const { config, surroundings } = context;
    const plan = await planCheckout(config, surroundings);
    const link = await readLink(config.link);
    return { plan, link, live: await findLive(context, plan, link) };
  },
} satisfies Stage;

async function findLive(
  { config, layout }: Needs<'config' | 'layout'>,
  plan: CheckoutPlan,
  link: LinkState,
): Promise<Worktree | undefined> {
  if (link.kind !== 'link') return undefined;
  const { target, text } = link;
  const place = layout.placeOf(target);
  if (!place || target !== publishedDirectory(place, plan)) return undefined;
  const worktree = await findWorktree(layout.gitDir, place.path, place.oid);
  // The sub-directory may have gone.
  const wanted = await linkText(config.link, target).catch(() => undefined);
  return worktree && text === wanted ? worktree : undefined;
}
