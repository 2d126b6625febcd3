import { describe, expect, test } from 'vitest';
import type { Policy } from '../../../src/config/rollout-policy.ts';
import { NO_STANDING, stepBy } from '../../../src/relay/answers/commit-status.ts';
import { describeProgress } from '../../../src/relay/answers/describe-progress.ts';
import { Fleet, MINUTE, oid } from '../rollout/kit.ts';

const STAGED: Partial<Policy> = {
  stages: [{ name: 'canary', select: { instances: ['canary-*'] }, soakMs: 10 * MINUTE }],
};

/** The statuses that a journal led to, the last one of each commit. */
function statusesOf(fleet: Fleet): Readonly<Record<string, string>> {
  let standing = NO_STANDING;
  const last: Record<string, string> = {};
  for (const entry of fleet.ref.state().journal) {
    const step = stepBy(standing, entry);
    standing = step.standing;
    for (const status of step.statuses)
      last[Number.parseInt(status.oid.slice(0, 2), 16)] = `${status.state}: ${status.text}`;
  }
  return last;
}

function progressOf(fleet: Fleet): string | undefined {
  const progress = describeProgress(fleet.ref.describe(fleet.now));
  return progress && `${progress.state}: ${progress.text}`;
}

describe('the status of a commit', () => {
  test('begins as pending, says how far the open stage is, and ends as a success', () => {
    const fleet = Fleet.of(['canary-1', 'web-1', 'web-2'], STAGED);
    expect(statusesOf(fleet)).toEqual({});
    fleet.push(2);
    expect(statusesOf(fleet)[2]).toBe('running: stage canary is open');
    expect(progressOf(fleet)).toBe('running: stage 1 of 2 (canary): 0 of 1 instance');
    fleet.publish('canary-1', 2);
    expect(progressOf(fleet)).toBe('running: stage 1 of 2 (canary): 1 of 1 instance; it soaks');
    fleet.pass(10 * MINUTE);
    expect(progressOf(fleet)).toBe('running: stage 2 of 2 (the rest): 0 of 2 instances');
    fleet.publish('web-1', 2);
    expect(progressOf(fleet)).toBe('running: stage 2 of 2 (the rest): 1 of 2 instances');
    fleet.publish('web-2', 2);
    expect(progressOf(fleet)).toBeUndefined();
    expect(statusesOf(fleet)).toEqual({ 2: 'success: Rolled out to all instances after 10 min' });
  });

  test('is a failure with the reason when the rollout halts', () => {
    const fleet = Fleet.of(['canary-1', 'web-1'], { ...STAGED, done: 'ready' });
    fleet.push(2);
    fleet.join('canary-1', { published: oid(2), running: { oid: oid(2), state: 'failed', detail: 'exit 1' } });
    expect(progressOf(fleet)).toBeUndefined();
    expect(statusesOf(fleet)[2]).toBe(
      'failure: Halted: one instance failed in stage canary: canary-1: its process failed: exit 1',
    );
  });

  test('is a failure with the name of the person who aborted it', () => {
    const fleet = Fleet.of(['canary-1', 'web-1'], STAGED);
    fleet.push(2);
    fleet.order('abort');
    expect(statusesOf(fleet)[2]).toMatch(/^failure: Aborted in stage canary by \w+: /);
  });

  test('is neither good nor bad when another commit takes its place', () => {
    const fleet = Fleet.of(['canary-1', 'web-1'], { ...STAGED, push: 'replace' });
    fleet.push(2);
    fleet.push(3);
    expect(statusesOf(fleet)).toMatchObject({
      2: `stopped: Not rolled out to the end: ${oid(3)} takes its place`,
      3: 'running: stage canary is open',
    });
  });

  test('turns from success to failure when a person goes back to another revision', () => {
    const fleet = Fleet.of(['web-1']);
    fleet.push(2);
    fleet.publish('web-1', 2);
    expect(statusesOf(fleet)[2]).toMatch(/^success/);
    fleet.order('revert');
    expect(statusesOf(fleet)[2]).toMatch(/^failure: Reverted to 01010101 by \w+: /);
    expect(statusesOf(fleet)[1]).toMatch(/^success: All instances get it: Reverted by/);
  });

  test('goes on after a halt that somebody resumed', () => {
    const fleet = Fleet.of(['canary-1', 'web-1'], { ...STAGED, done: 'ready' });
    fleet.push(2);
    fleet.join('canary-1', { published: oid(2), running: { oid: oid(2), state: 'failed', detail: 'exit 1' } });
    fleet.order('resume');
    expect(statusesOf(fleet)[2]).toBe('running: resumed');
    expect(progressOf(fleet)).toMatch(/^running: stage 1 of 2/);
  });

  test('says why nothing goes on while it is paused', () => {
    const fleet = Fleet.of(['canary-1', 'web-1'], STAGED);
    fleet.push(2);
    fleet.order('pause');
    expect(progressOf(fleet)).toMatch(/^running: stage 1 of 2 \(canary\): 0 of 1 instance; paused by \w+: /);
  });
});
