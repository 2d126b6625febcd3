import { describe, expect, test } from 'vitest';
import { SCENARIOS } from '../kit/crash-points/scenarios.ts';
import { sweep } from '../kit/crash-points/sweep.ts';
import { tempDir } from '../kit/temp.ts';

/** `npm run test:crash-points`: every point of every kind of update. */
const isExhaustive = process.env.CRASH_POINTS === 'all';

/** Of how many points one is tried here, by kind of update. */
const STEPS: Readonly<Record<string, number>> = { 'first sync': 2, 'update from the spare': 8 };
const USUAL_STEP = 30;

/** Whoever waits for an hour wants to see that it goes on, and what it has found so far. */
function show(point: string, result: string): void {
  if (isExhaustive)
    process.stdout.write(`${result === 'killed' || result === 'missed' ? `${result}: ${point}` : result}\n`);
}

describe('killed behind any operation, a sync shows a whole commit, and the next start puts everything in order', () => {
  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (name, scenario) => {
      const step = isExhaustive ? 1 : (STEPS[name] ?? USUAL_STEP);
      const { points, tried, killed, missed, faults } = await sweep(tempDir(), scenario, { step, onResult: show });
      const late = missed.length > 0 ? `; these did not come again: ${missed.join(', ')}` : '';
      process.stdout.write(`${name}: ${points} points, ${tried} tried, killed at ${killed}${late}\n`);
      expect(faults).toEqual([]);
      expect(killed + missed.length).toBe(tried);
      expect(killed).toBeGreaterThanOrEqual(tried / 2);
    },
    isExhaustive ? 3_600_000 : 240_000,
  );
});
