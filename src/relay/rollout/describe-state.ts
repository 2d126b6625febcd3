import type { Policy } from '../../config/rollout-policy.ts';
import { describeGoverned } from './describe.ts';
import { Governed } from './governed.ts';
import type { GovernedState } from './governed-state.ts';
import type { GovernedView } from './governed-view.ts';

/** What is shown of a governed ref about which another process decides. @param state what that process wrote last */
export function describeState(policy: Policy, state: GovernedState, now: number): GovernedView {
  const governed = new Governed(policy, state);
  for (const member of governed.members.values()) member.connected = member.lostAt === undefined;
  return describeGoverned(governed, now);
}
