import { expect, test } from 'vitest';
import { SimulatedGroup } from './simulated-group.ts';

/** `ROLLOUT_SEED=7 ROLLOUT_SEEDS=1` repeats one group, more seeds look further; a failure prints its seed. */
const FIRST = Number(process.env.ROLLOUT_SEED ?? 1);
const SEEDS = Number(process.env.ROLLOUT_SEEDS ?? 300);
const SHOWN = Number(process.env.ROLLOUT_SHOWN ?? 60);

async function simulate(seed: number): Promise<void> {
  const group = new SimulatedGroup(seed);
  try {
    await group.run();
    await group.settle();
  } catch (error) {
    const story = [JSON.stringify(group.policy), ...group.log.slice(-SHOWN)].join('\n');
    throw new Error(`ROLLOUT_SEED=${seed} ROLLOUT_SEEDS=1\n${story}\n${error}`, { cause: error });
  }
}

test(
  'whatever relays, NATS, instances and people do, relays of a group decide as one and lose nothing',
  async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) await simulate(seed);
    expect(SEEDS).toBeGreaterThan(0);
  },
  120_000 + SEEDS * 1000,
);
