import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Policy } from '../../../src/config/rollout-policy.ts';
import { SidecarError } from '../../../src/model/error.ts';
import { type CommitStatus, NO_STANDING, stepBy } from '../../../src/relay/answers/commit-status.ts';
import { describeProgress } from '../../../src/relay/answers/describe-progress.ts';
import { ORDERS } from '../../../src/relay/rollout/orders.ts';
import { Fleet, MINUTE } from '../rollout/kit.ts';

const INSTANCES = ['canary-1', 'web-1', 'web-2'] as const;

const policies: fc.Arbitrary<Partial<Policy>> = fc.record({
  stages: fc.constantFrom(
    [],
    [{ name: 'canary', select: { instances: ['canary-*'] }, soakMs: 5 * MINUTE }],
    [
      { name: 'canary', select: { instances: ['canary-*'] } },
      { name: 'half', select: { percent: 50 }, soakMs: MINUTE },
    ],
  ),
  push: fc.constantFrom('finish' as const, 'queue' as const, 'replace' as const),
  onFailure: fc.constantFrom('halt' as const, 'revert' as const),
  maxUnavailable: fc.constantFrom(1, 3),
});

const digits = fc.integer({ min: 1, max: 5 });
const instances = fc.constantFrom(...INSTANCES);
const steps = fc.oneof(
  fc.record({ do: fc.constant('push' as const), digit: digits, skipRef: fc.boolean() }),
  fc.record({ do: fc.constant('publish' as const), name: instances, digit: digits }),
  fc.record({ do: fc.constant('fail' as const), name: instances, digit: digits }),
  fc.record({ do: fc.constant('follow' as const), name: instances }),
  fc.record({ do: fc.constant('leave' as const), name: instances }),
  fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(1, 6, 40) }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('order' as const), order: fc.constantFrom(...ORDERS), to: fc.option(digits) }),
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

function perform(fleet: Fleet, step: Step): void {
  switch (step.do) {
    case 'push':
      return void fleet.push(step.digit, { skipRef: step.skipRef });
    case 'publish':
      return void fleet.publish(step.name, step.digit);
    case 'fail':
      return void fleet.run(step.name, step.digit, 'failed');
    case 'follow':
      return void fleet.report(step.name, { published: fleet.ref.target(step.name), connected: true });
    case 'leave':
      return void fleet.leave(step.name);
    case 'pass':
      fleet.pass(step.minutes * MINUTE);
      return;
    case 'restart':
      fleet.restart();
      return;
    case 'order': {
      const takesRevision = step.order === 'revert' || step.order === 'pin';
      return void fleet.order(step.order, takesRevision ? (step.to ?? undefined) : undefined);
    }
  }
}

/** The last status of each commit, as a forge that got all of them in their order would show it. */
class Shown {
  readonly #of = new Map<string, CommitStatus['state']>();
  #standing = NO_STANDING;
  #read = 0;

  follow(fleet: Fleet): void {
    const { journal } = fleet.ref.state();
    for (const entry of journal.slice(this.#read)) {
      const step = stepBy(this.#standing, entry);
      this.#standing = step.standing;
      for (const status of step.statuses) this.#of.set(status.oid, status.state);
    }
    this.#read = journal.length;
  }

  get underWay(): string | undefined {
    return this.#standing.underWay;
  }

  state(commit: string): CommitStatus['state'] | undefined {
    return this.#of.get(commit);
  }

  get pending(): readonly string[] {
    return [...this.#of].filter(([, state]) => state === 'pending' || state === 'running').map(([commit]) => commit);
  }
}

test('whatever happens to rollouts, a commit is pending exactly while it is rolled out, and what ended says how', () => {
  fc.assert(
    fc.property(policies, fc.array(steps, { maxLength: 40 }), (own, all) => {
      const fleet = new Fleet({ ...own, skipAhead: { refs: ['hotfix'] } });
      for (const name of INSTANCES) fleet.join(name);
      const shown = new Shown();
      for (const step of all) {
        try {
          perform(fleet, step);
        } catch (error) {
          // Orders for which there is nothing to do.
          if (!(error instanceof SidecarError)) throw error;
        }
        if (fleet.ref.state().journal.length >= 100) return;
        shown.follow(fleet);
        const { rollout, completed, refused } = fleet.ref.state();
        const underWay = rollout && !rollout.halt ? rollout.oid : undefined;
        expect(shown.underWay).toBe(underWay);
        expect(shown.pending).toEqual(underWay === undefined ? [] : [underWay]);
        if (rollout?.halt) expect(shown.state(rollout.oid)).toBe('failure');
        const isDone = completed && completed.oid !== rollout?.oid;
        if (isDone) expect([undefined, 'success']).toContain(shown.state(completed.oid));
        for (const commit of refused) expect(shown.state(commit)).not.toBe('success');
        const progress = describeProgress(fleet.ref.describe(fleet.now));
        if (progress) expect(progress.oid).toBe(underWay);
      }
    }),
    { seed: 7, numRuns: 500, examples: [[{}, [{ do: 'push', digit: 1, skipRef: false }]]] },
  );
}, 60_000);
