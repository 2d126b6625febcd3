import type { FreezeWindow, MaxUnavailable, Policy, Stage } from '../../../src/config/rollout-policy.ts';
import type { Dice } from '../../kit/random.ts';
import { MINUTE, MONDAY, policy } from './kit.ts';

export const REGIONS = ['eu', 'us'] as const;

function limit(dice: Dice): MaxUnavailable {
  return dice.chance(0.3) ? { percent: dice.pick([10, 25, 50, 100]) } : 1 + dice.below(3);
}

function stage(dice: Dice, index: number): Stage {
  const select = dice.pick<Stage['select']>([
    { instances: ['canary*'] },
    { labels: { region: dice.pick(REGIONS) } },
    { count: 1 + dice.below(3) },
    { percent: dice.pick([1, 10, 30, 60]) },
    { instances: ['a*', 'b*', 'c*'], percent: 50 },
  ]);
  return {
    name: `stage ${index}`,
    select,
    ...(dice.chance(0.3) ? { maxUnavailable: limit(dice) } : {}),
    ...(dice.chance(0.3) ? { soakMs: dice.below(5) * MINUTE } : {}),
    ...(dice.chance(0.3) ? { deadlineMs: (4 + dice.below(30)) * MINUTE } : {}),
    ...(dice.chance(0.2) ? { restarts: 1 + dice.below(3) } : {}),
    ...(dice.chance(0.2) ? { failures: 1 + dice.below(3) } : {}),
  };
}

function freeze(dice: Dice): FreezeWindow {
  if (dice.chance(0.3)) return { kind: 'weekly', days: ['mon', 'tue'], from: 60, to: 90, zone: 'UTC' };
  const from = MONDAY + dice.below(120) * MINUTE;
  return { kind: 'span', from, to: from + (1 + dice.below(60)) * MINUTE };
}

/** Any policy, with times that fit into the few hours of a simulation. */
export function randomPolicy(dice: Dice): Policy {
  return policy({
    stages: Array.from({ length: dice.below(4) }, (_, index) => stage(dice, index)),
    maxUnavailable: limit(dice),
    done: dice.pick(['published', 'ready']),
    soakMs: dice.chance(0.5) ? 0 : dice.below(5) * MINUTE,
    deadlineMs: (8 + dice.below(40)) * MINUTE,
    failures: dice.chance(0.6) ? 1 : 2 + dice.below(2),
    restarts: 1 + dice.below(3),
    onFailure: dice.pick(['halt', 'revert']),
    push: dice.pick(['queue', 'replace', 'finish']),
    freeze: dice.chance(0.4) ? [freeze(dice)] : [],
    skipAhead: dice.chance(0.3) ? { refs: ['hotfix/*'] } : undefined,
  });
}
