import { describe, expect, test } from 'vitest';
import type { Stage } from '../../../src/config/rollout-policy.ts';
import { Fleet } from './kit.ts';

const CANARY: Stage = { name: 'canary', select: { instances: ['canary*'] } };

function withRelayBelow(): Fleet {
  const fleet = Fleet.of(['canary'], { stages: [CANARY] });
  fleet.join('relay below', { silent: true });
  fleet.push(2);
  return fleet;
}

describe('an instance that never reports', () => {
  test('does not get a revision that halts in the moment in which the last stage opens', () => {
    const fleet = withRelayBelow();
    fleet.order('promote');
    expect(fleet.status).toBe('halted');
    expect(fleet.having(2)).toEqual(['canary']);
  });

  test('gets the revision with the last stage, and not while that is paused', () => {
    const fleet = withRelayBelow();
    fleet.join('web');
    fleet.order('pause');
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.order('resume');
    expect(fleet.having(2)).toEqual(['canary', 'relay below', 'web']);
  });
});
