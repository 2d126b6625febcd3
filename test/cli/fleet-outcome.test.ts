import { describe, expect, test } from 'vitest';
import { outcomeFor, type RolloutOutcome } from '../../src/cli/fleet-outcome.ts';
import type { RolloutEntry } from '../../src/cli/fleet-text.ts';
import type { Policy } from '../../src/config/rollout-policy.ts';
import { Fleet, HOUR, oid } from '../relay/rollout/kit.ts';

const STAGES: Partial<Policy> = {
  stages: [{ name: 'canary', select: { instances: ['canary'] } }],
  soakMs: HOUR,
};

/** What `wait` makes of the answer of a relay: as JSON, as it comes over HTTP. */
function seen(fleet: Fleet, digit: number): RolloutOutcome | undefined {
  const view = fleet.ref.describe(fleet.now);
  const entry = JSON.parse(JSON.stringify({ repository: 'h/r.git', ref: 'refs/heads/main', ...view })) as RolloutEntry;
  return outcomeFor(entry, oid(digit).slice(0, 7));
}

function fleetWith(own: Partial<Policy> = {}): Fleet {
  return Fleet.of(['canary', 'web'], { ...STAGES, ...own });
}

function rollOut(fleet: Fleet, digit: number): void {
  for (const name of ['canary', 'web']) {
    fleet.publish(name, digit);
    fleet.pass(HOUR);
  }
}

const ENDED = (why: string | RegExp): unknown => ({ isComplete: false, why: expect.stringMatching(why) });

describe('a commit that somebody waits for', () => {
  test('goes on while nothing is known of it, while it waits and while it is rolled out, and then is complete', () => {
    const fleet = fleetWith();
    expect(seen(fleet, 2)).toBeUndefined();
    fleet.push(2);
    expect(seen(fleet, 2)).toBeUndefined();
    fleet.push(3);
    expect(seen(fleet, 3)).toBeUndefined();
    rollOut(fleet, 2);
    expect(seen(fleet, 2)?.isComplete).toBe(true);
    expect(seen(fleet, 3)).toBeUndefined();
    rollOut(fleet, 3);
    expect([seen(fleet, 2)?.isComplete, seen(fleet, 3)?.isComplete]).toEqual([true, true]);
  });

  test('is complete at once where it is what the fleet began with', () => {
    expect(seen(fleetWith(), 1)).toEqual({ isComplete: true, why: 'complete' });
  });

  test('has ended when a newer push took its place while it waited', () => {
    const fleet = fleetWith({ push: 'finish' });
    for (const digit of [2, 3, 4]) fleet.push(digit);
    expect(seen(fleet, 3)).toEqual(ENDED(`^left out: the ref went on to ${oid(4).slice(0, 12)}$`));
    expect(seen(fleet, 4)).toBeUndefined();
  });

  test('has ended when it is the oldest of too many that wait', () => {
    const fleet = fleetWith({ push: 'queue' });
    for (let digit = 2; digit < 30; digit++) fleet.push(digit);
    expect(seen(fleet, 3)).toEqual(ENDED(/^left out/));
    expect(seen(fleet, 29)).toBeUndefined();
  });

  test('has ended when another one replaced it', () => {
    const fleet = fleetWith({ push: 'replace' });
    fleet.push(2);
    fleet.push(3);
    expect(seen(fleet, 2)).toEqual(ENDED(/^replaced: .* takes its place$/));
  });

  test('has ended when a commit that skips ahead took its place, and that of one that waited', () => {
    const fleet = fleetWith({ skipAhead: { trailer: 'Rollout: now' } });
    fleet.push(2);
    fleet.push(3);
    fleet.push(4, { trailers: { Rollout: 'now' } });
    expect(seen(fleet, 4)).toBeUndefined();
    expect(seen(fleet, 2)).toEqual(ENDED(/^replaced/));
    expect(seen(fleet, 3)).toEqual(ENDED(/^left out/));
  });

  test('has ended when the ref went back to what was complete', () => {
    const fleet = fleetWith();
    fleet.push(2);
    fleet.push(3);
    fleet.push(1);
    expect(seen(fleet, 2)).toEqual(ENDED(/^replaced: the ref is at the completed revision again$/));
    expect(seen(fleet, 3)).toEqual(ENDED(/^left out/));
  });

  test('has ended when its rollout halted, goes on when that is resumed, and ends when it is aborted', () => {
    const fleet = fleetWith({ deadlineMs: HOUR });
    fleet.push(2);
    fleet.pass(2 * HOUR);
    expect(fleet.status).toBe('halted');
    expect(seen(fleet, 2)).toEqual(ENDED(/^halted: /));
    fleet.order('resume');
    expect(seen(fleet, 2)).toBeUndefined();
    fleet.order('abort');
    expect(seen(fleet, 2)).toEqual(ENDED(/^aborted by ada: because$/));
  });

  test('has ended, though it was complete, when it was taken back; what the fleet went back to is complete when all are there', () => {
    const fleet = fleetWith();
    fleet.push(2);
    rollOut(fleet, 2);
    fleet.order('revert');
    expect(seen(fleet, 2)).toEqual(ENDED(/^reverted by ada: because$/));
    expect(seen(fleet, 1)).toBeUndefined();
    for (const name of ['canary', 'web']) fleet.publish(name, 1);
    expect(seen(fleet, 1)?.isComplete).toBe(true);
  });

  test('has ended when it is pushed to a ref that is pinned, or when a pin came while it was on its way', () => {
    const fleet = fleetWith();
    fleet.push(2);
    fleet.push(3);
    fleet.order('pin');
    expect(seen(fleet, 2)).toEqual(ENDED(/^left out/));
    expect(seen(fleet, 3)).toEqual(ENDED(/^the ref is pinned by ada: because$/));
    fleet.push(4);
    expect(seen(fleet, 4)).toEqual(ENDED(/^the ref is pinned by ada: because$/));
    fleet.push(5);
    expect(seen(fleet, 4)).toEqual(ENDED(/^refused: the ref is pinned$/));
    fleet.order('unpin');
    expect(seen(fleet, 5)).toBeUndefined();
  });

  test('has ended when it is pushed again after a halt', () => {
    const fleet = fleetWith();
    fleet.push(2);
    fleet.order('abort');
    fleet.push(1);
    fleet.push(2);
    expect(seen(fleet, 2)).toEqual(ENDED(/^aborted by ada/));
  });

  test('goes on while rollouts are paused', () => {
    const fleet = fleetWith();
    fleet.order('pause');
    fleet.push(2);
    expect(seen(fleet, 2)).toBeUndefined();
  });
});
