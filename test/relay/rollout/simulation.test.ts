import { expect, test } from 'vitest';
import { SimulatedFleet } from './simulated-fleet.ts';

/** `ROLLOUT_SEED=7 ROLLOUT_SEEDS=1` repeats one fleet, more seeds look further. */
const FIRST = Number(process.env.ROLLOUT_SEED ?? 1);
const SEEDS = Number(process.env.ROLLOUT_SEEDS ?? 2000);
const SHOWN = Number(process.env.ROLLOUT_SHOWN ?? 60);

function simulate(seed: number): void {
  const fleet = new SimulatedFleet(seed);
  try {
    fleet.run();
    fleet.settle();
  } catch (error) {
    const story = [JSON.stringify(fleet.policy), ...fleet.log.slice(-SHOWN)].join('\n');
    throw new Error(`ROLLOUT_SEED=${seed} ROLLOUT_SEEDS=1\n${story}\n${error}`, { cause: error });
  }
}

test('whatever pushes, instances, relays and people do, each rollout keeps to its policy', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) simulate(seed);
  expect(SEEDS).toBeGreaterThan(0);
});
