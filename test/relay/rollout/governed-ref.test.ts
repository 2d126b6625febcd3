import { describe, expect, test } from 'vitest';
import type { Policy, Stage } from '../../../src/config/rollout-policy.ts';
import { Fleet, MINUTE, oid } from './kit.ts';

const CANARY: Stage = { name: 'canary', select: { instances: ['canary*'] } };
const EU: Stage = { name: 'eu', select: { labels: { region: 'eu' } } };

describe('the first revision', () => {
  test('gets to everybody at once, since a fleet that has nothing needs something', () => {
    const fleet = new Fleet({ stages: [CANARY] });
    fleet.join('a');
    fleet.join('b');
    expect(fleet.ref.target('a')).toBeUndefined();
    expect(fleet.push(1).retargeted).toEqual(['a', 'b']);
    expect(fleet.having(1)).toEqual(['a', 'b']);
    expect(fleet.status).toBe('complete');
  });

  test('gets out during a pause and in a freeze window too', () => {
    const now = new Fleet().now;
    const fleet = new Fleet({ freeze: [{ kind: 'span', from: now - 1, to: now + MINUTE }] });
    fleet.order('pause');
    fleet.join('a');
    fleet.push(1);
    expect(fleet.having(1)).toEqual(['a']);
  });
});

describe('stages', () => {
  test('a revision gets to one stage after the other, and at the end to the rest', () => {
    const fleet = Fleet.of(['a', 'b', 'canary'], { stages: [CANARY], maxUnavailable: 9 });
    fleet.push(2);
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toEqual(['a', 'b', 'canary']);
    fleet.publish('a', 2);
    expect(fleet.status).toBe('running');
    fleet.publish('b', 2);
    expect(fleet.status).toBe('complete');
    expect(fleet.completed).toBe(2);
  });

  test('labels select only instances that send all of them', () => {
    const stage: Stage = { name: 'eu', select: { labels: { region: 'eu', tier: 'web' } } };
    const fleet = new Fleet({ stages: [stage], maxUnavailable: 9 });
    fleet.join('a', { labels: { region: 'eu', tier: 'web' } });
    fleet.join('b', { labels: { region: 'eu' } });
    fleet.push(1);
    fleet.push(2);
    expect(fleet.having(2)).toEqual(['a']);
  });

  test('an instance belongs to the first stage that selects it', () => {
    const fleet = new Fleet({ stages: [CANARY, EU] });
    fleet.join('canary', { labels: { region: 'eu' } });
    fleet.join('a', { labels: { region: 'eu' } });
    fleet.push(1);
    fleet.push(2);
    expect(fleet.having(2)).toEqual(['canary']);
  });

  test('a percentage chooses at least one of a small fleet', () => {
    const fleet = Fleet.of(['a', 'b', 'c'], { stages: [{ name: 'some', select: { percent: 0.01 } }] });
    fleet.push(2);
    expect(fleet.having(2)).toHaveLength(1);
  });

  test('a count is of those that no earlier stage has', () => {
    const stages: Stage[] = [CANARY, { name: 'two', select: { count: 2 } }];
    const fleet = Fleet.of(['a', 'b', 'c', 'canary'], { stages, maxUnavailable: 9 });
    fleet.push(2);
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toHaveLength(3);
  });

  test('a count stays what it is when others join, and a place that became free is taken', () => {
    const names = ['a', 'b', 'c', 'd'];
    const stages: Stage[] = [{ name: 'two', select: { count: 2 } }];
    const fleet = Fleet.of(names, { stages });
    fleet.push(2);
    const [first = ''] = fleet.having(2);
    for (const name of ['e', 'f', 'g', 'h', 'i', 'j']) fleet.join(name, { published: oid(1) });
    fleet.publish(first, 2);
    const two = fleet.having(2);
    expect(two).toHaveLength(2);
    const [second = ''] = two.filter((name) => name !== first);
    expect(names).toContain(second);
    fleet.leave(second);
    fleet.pass(2 * MINUTE);
    expect(fleet.having(2)).toEqual(two);
  });

  test('a stage waits for the first instance that it selects, and says so', () => {
    const fleet = Fleet.of(['a'], { stages: [EU] });
    fleet.push(2);
    fleet.pass(120 * MINUTE);
    expect(fleet.having(2)).toEqual([]);
    expect(fleet.ref.describe().why).toContain('no instance that stage eu selects');
    fleet.join('b', { labels: { region: 'eu' }, published: oid(1) });
    expect(fleet.having(2)).toEqual(['b']);
    fleet.pass(29 * MINUTE);
    expect(fleet.status).toBe('running');
    fleet.publish('b', 2);
    expect(fleet.having(2)).toEqual(['a', 'b']);
  });

  test('a stage whose instances are all in earlier stages is passed over', () => {
    const again: Stage = { name: 'again', select: { instances: ['canary'] } };
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY, again] });
    fleet.push(2);
    fleet.publish('canary', 2);
    expect(fleet.ref.describe().stage).toBe('the rest');
  });

  test('a stage soaks before the next one opens', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [{ ...CANARY, soakMs: 10 * MINUTE }] });
    fleet.push(2);
    fleet.publish('canary', 2);
    expect(fleet.status).toBe('soaking');
    fleet.pass(10 * MINUTE - 1);
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.pass(1);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('trouble of a process during the soak begins the soak again', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [{ ...CANARY, soakMs: 10 * MINUTE }], done: 'ready' });
    fleet.push(2);
    fleet.run('canary', 2, 'ready');
    fleet.pass(9 * MINUTE);
    fleet.run('canary', 2, 'restarting');
    expect(fleet.status).toBe('running');
    fleet.run('canary', 2, 'ready');
    fleet.pass(9 * MINUTE);
    expect(fleet.status).toBe('soaking');
    fleet.pass(MINUTE);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });
});

describe('waves', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

  test('no more than max-unavailable have the revision and are not done', () => {
    const fleet = Fleet.of(NAMES, { maxUnavailable: 2 });
    fleet.push(2);
    const most: number[] = [];
    for (let done = 0; done < NAMES.length; done += 1) {
      const waiting = fleet.having(2).filter((name) => fleet.instance(name).published !== oid(2));
      most.push(waiting.length);
      fleet.publish(waiting[0] ?? '', 2);
    }
    expect(most).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
    expect(fleet.completed).toBe(2);
  });

  test('a percentage is of those that are connected, and at least one', () => {
    const fleet = Fleet.of(NAMES, { maxUnavailable: { percent: 25 } });
    fleet.push(2);
    expect(fleet.having(2)).toHaveLength(2);
    const small = Fleet.of(['a', 'b'], { maxUnavailable: { percent: 25 } });
    small.push(2);
    expect(small.having(2)).toHaveLength(1);
  });

  test('one that disconnects after it was done takes a place until it comes back', () => {
    const fleet = Fleet.of(['a', 'b', 'c'], { maxUnavailable: 1 });
    fleet.push(2);
    const [first = ''] = fleet.having(2);
    fleet.leave(first);
    fleet.join(first);
    fleet.publish(first, 2);
    fleet.leave(first);
    const two = fleet.having(2);
    fleet.publish(two.find((name) => name !== first) ?? '', 2);
    expect(fleet.having(2)).toEqual(two);
    fleet.join(first);
    expect(fleet.having(2)).toHaveLength(3);
  });

  test('instances that never report get it with the last stage and hold nothing up', () => {
    const fleet = Fleet.of(['a'], { maxUnavailable: 1 });
    fleet.join('stream-1', { silent: true });
    fleet.join('stream-2', { silent: true });
    expect(fleet.push(2).retargeted.toSorted()).toEqual(['a', 'stream-1', 'stream-2']);
    fleet.publish('a', 2);
    expect(fleet.completed).toBe(2);
  });
});

describe('what is done', () => {
  test('ready: an instance with a process is done when the process is ready', () => {
    const fleet = Fleet.of(['a'], { done: 'ready' });
    fleet.run('a', 1, 'ready');
    fleet.push(2);
    fleet.publish('a', 2);
    fleet.run('a', 2, 'starting');
    expect(fleet.completed).toBe(1);
    fleet.run('a', 2, 'ready');
    expect(fleet.completed).toBe(2);
  });

  test('ready: an instance that never reported a process is done when it publishes', () => {
    const fleet = Fleet.of(['a'], { done: 'ready' });
    fleet.push(2);
    fleet.publish('a', 2);
    expect(fleet.completed).toBe(2);
  });

  test('a revision that was not given to an instance is no progress when it reports it', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.publish('a', 2);
    fleet.publish('canary', 3);
    expect(fleet.ref.describe().stage).toBe('canary');
    expect(fleet.having(2)).toEqual(['canary']);
  });
});

describe('failures', () => {
  test('a process that fails halts the rollout, and nobody new gets the revision', () => {
    const fleet = Fleet.of(['a', 'b', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    expect(fleet.status).toBe('halted');
    fleet.join('new');
    fleet.pass(60 * MINUTE);
    expect(fleet.having(2)).toEqual(['canary']);
    expect(fleet.ref.describe()).toMatchObject({
      why: 'one instance failed in stage canary: canary: its process failed',
      refused: [oid(2)],
    });
  });

  test('with on-failure: revert those who had it go back at once', () => {
    const fleet = Fleet.of(['a', 'b', 'c'], { maxUnavailable: 3, onFailure: 'revert' });
    fleet.push(2);
    for (const name of ['a', 'b']) fleet.publish(name, 2);
    const { retargeted } = fleet.run('c', 2, 'rolled-back');
    expect(retargeted.toSorted()).toEqual(['a', 'b', 'c']);
    expect(fleet.having(1)).toEqual(['a', 'b', 'c']);
    expect(fleet.status).toBe('reverting');
    for (const name of ['a', 'b', 'c']) fleet.publish(name, 1);
    expect(fleet.status).toBe('halted');
  });

  test('fewer failures than the policy names are passed over at the end of the stage', () => {
    const fleet = Fleet.of(['a', 'b', 'c'], { maxUnavailable: 2, failures: 2 });
    fleet.push(2);
    const [first = ''] = fleet.having(2);
    fleet.run(first, 2, 'failed');
    for (let turn = 0; turn < 2; turn += 1)
      for (const name of fleet.having(2).filter((each) => each !== first)) fleet.publish(name, 2);
    expect(fleet.completed).toBe(2);
  });

  test('a stage in which all failed halts the rollout, also when these are few', () => {
    const fleet = Fleet.of(['a', 'b', 'canary'], { stages: [CANARY], failures: 2 });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    expect(fleet.ref.describe()).toMatchObject({ status: 'halted', why: 'no instance of stage canary is done' });
  });

  test('a stage whose only instance left passes with nobody but one who is done', () => {
    const fleet = Fleet.of(['a', 'b', 'c'], { stages: [{ name: 'one', select: { count: 1 } }] });
    fleet.order('pause');
    fleet.push(2);
    fleet.order('resume');
    const [first = ''] = fleet.having(2);
    fleet.leave(first);
    fleet.pass(30 * MINUTE);
    expect(fleet.status).toBe('halted');
  });

  test('each instance that is done gives its stage time for the next one', () => {
    const fleet = Fleet.of(['a', 'b', 'c', 'd'], {});
    fleet.push(2);
    for (let turn = 0; turn < 4; turn += 1) {
      fleet.pass(29 * MINUTE);
      for (const name of fleet.having(2)) if (fleet.instance(name).published !== oid(2)) fleet.publish(name, 2);
    }
    expect(fleet.completed).toBe(2);
  });

  test('one that is done again and again gives no time', () => {
    const fleet = Fleet.of(['a', 'b'], { maxUnavailable: 2, done: 'ready' });
    fleet.push(2);
    for (let turn = 0; turn < 10; turn += 1) {
      fleet.run('a', 2, 'ready');
      fleet.pass(5 * MINUTE);
      fleet.run('a', 2, 'restarting');
    }
    expect(fleet.status).toBe('halted');
  });

  test('who is not done when the time of the stage is up has failed', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.pass(30 * MINUTE - 1);
    expect(fleet.status).toBe('running');
    fleet.pass(1);
    expect(fleet.status).toBe('halted');
    expect(fleet.ref.describe().failures).toMatchObject([{ instance: 'canary', reason: 'it was not done in time' }]);
  });

  test('who disconnects before it is done is waited for until the time of the stage is up', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.leave('canary');
    fleet.pass(29 * MINUTE);
    fleet.join('canary');
    expect(fleet.ref.target('canary')).toBe(oid(2));
    expect(fleet.status).toBe('running');
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('a stage goes on without one that disconnected before it had the revision', () => {
    const fleet = Fleet.of(['a', 'b'], {});
    fleet.push(2);
    const [first = ''] = fleet.having(2);
    const other = first === 'a' ? 'b' : 'a';
    fleet.leave(other);
    fleet.publish(first, 2);
    expect(fleet.completed).toBe(1);
    fleet.pass(MINUTE);
    expect(fleet.completed).toBe(2);
    fleet.join(other);
    expect(fleet.ref.target(other)).toBe(oid(2));
  });

  test('a failure that was reported before a resumed rollout is none of it, and is not passed over', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    fleet.order('resume');
    expect(fleet.status).toBe('running');
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.run('canary', 2, 'starting');
    fleet.run('canary', 2, 'failed');
    expect(fleet.status).toBe('halted');
  });
});

describe('instances that come late', () => {
  test('get the completed revision while their stage is not open', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.join('b');
    expect(fleet.ref.target('b')).toBe(oid(1));
  });

  test('get the new one when their stage is over, as far as there is room', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY], maxUnavailable: 2 });
    fleet.push(2);
    fleet.publish('canary', 2);
    fleet.join('canary-2');
    expect(fleet.ref.target('canary-2')).toBe(oid(2));
    fleet.join('canary-3');
    expect(fleet.ref.target('canary-3')).toBe(oid(1));
    fleet.publish('canary-2', 2);
    expect(fleet.ref.target('canary-3')).toBe(oid(2));
  });

  test('are no failure when the time of the stage is up', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY], maxUnavailable: 2, failures: 1 });
    fleet.push(2);
    fleet.publish('canary', 2);
    fleet.pass(29 * MINUTE);
    fleet.join('late');
    fleet.publish('a', 2);
    fleet.pass(30 * MINUTE - 1);
    expect(fleet.completed).toBe(1);
    fleet.pass(1);
    expect(fleet.completed).toBe(2);
    expect(fleet.ref.target('late')).toBe(oid(2));
  });
});

describe('pushes during a rollout', () => {
  const stages = [CANARY];

  test('the same commit again changes nothing', () => {
    const fleet = Fleet.of(['a'], { stages });
    expect(fleet.push(1)).toEqual({ retargeted: [], changed: false, notes: [] });
  });

  test('replace: the newest one takes the place of the one under way', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages, push: 'replace' });
    fleet.push(2);
    fleet.push(3);
    expect(fleet.having(3)).toEqual(['canary']);
  });

  test('replace: instances that are still on their way to the former revision take their places', () => {
    const fleet = Fleet.of(['a', 'b', 'c', 'd'], { push: 'replace', maxUnavailable: 2 });
    fleet.push(2);
    const inFlight = fleet.having(2);
    fleet.push(3);
    expect(fleet.having(3)).toEqual(inFlight);
    expect(fleet.having(2)).toEqual([]);
  });

  test('replace: a lost leftover delays the next rollout and does not halt it', () => {
    const stage: Stage = { name: 'b first', select: { instances: ['b'] } };
    const fleet = Fleet.of(['a', 'b'], { push: 'replace', stages: [{ ...stage, deadlineMs: MINUTE }] });
    fleet.push(2);
    fleet.publish('b', 2);
    expect(fleet.having(2)).toEqual(['a', 'b']);
    fleet.push(3);
    expect(fleet.having(3)).toEqual([]);
    fleet.pass(MINUTE);
    expect(fleet.having(3)).toEqual(['b']);
    expect(fleet.status).toBe('running');
  });

  test('finish: the one under way ends, and then only the newest follows', () => {
    const fleet = Fleet.of(['canary'], { stages, push: 'finish' });
    fleet.push(2);
    fleet.push(3);
    fleet.push(4);
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.publish('canary', 2);
    expect(fleet.having(4)).toEqual(['canary']);
  });

  test('queue: each of them follows in its turn', () => {
    const fleet = Fleet.of(['canary'], { stages, push: 'queue' });
    for (const digit of [2, 3, 4]) fleet.push(digit);
    for (const digit of [2, 3, 4]) {
      expect(fleet.having(digit)).toEqual(['canary']);
      fleet.publish('canary', digit);
    }
    expect(fleet.completed).toBe(4);
  });

  test('the completed revision again is an order to go back', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages, push: 'queue' });
    fleet.push(2);
    fleet.push(1);
    expect(fleet.having(1)).toEqual(['a', 'canary']);
    fleet.publish('canary', 1);
    expect(fleet.status).toBe('complete');
  });

  test('after a halt another commit starts from the completed one', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    fleet.push(3);
    expect(fleet.having(3)).toEqual(['canary']);
    expect(fleet.ref.describe().from).toBe(oid(1));
    fleet.push(2);
    expect(fleet.ref.describe()).toMatchObject({ oid: oid(3), tip: oid(2), status: 'running' });
  });

  test('a commit that halted is not rolled out again when the ref comes back to it', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages, onFailure: 'revert' });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    fleet.push(1);
    fleet.publish('canary', 1);
    fleet.push(2);
    expect(fleet.having(2)).toEqual([]);
    expect(fleet.ref.describe().why).toContain('was refused');
    fleet.order('resume');
    expect(fleet.having(2)).toEqual(['canary']);
  });

  test('a push that waited begins when the one before it halts', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages });
    fleet.push(2);
    fleet.push(3);
    fleet.run('canary', 2, 'failed');
    expect(fleet.ref.describe()).toMatchObject({ oid: oid(3), status: 'running' });
    expect(fleet.having(3)).toEqual(['canary']);
  });

  test('a hotfix skips the stages only if the policy says so', () => {
    const own = { stages, skipAhead: { refs: ['hotfix/*'], trailer: 'Rollout: now' } };
    const names = ['a', 'b', 'canary'];
    const allowed = Fleet.of(names, own);
    allowed.push(2, { trailers: { rollout: 'NOW' } });
    expect(allowed.having(2)).toHaveLength(1);
    expect(allowed.ref.describe().stage).toBe('the rest');
    const refused = Fleet.of(names, { stages });
    refused.push(2, { trailers: { Rollout: 'now' }, skipRef: true });
    expect(refused.ref.describe().stage).toBe('canary');
  });

  test('a hotfix takes the place of the rollout under way, keeps max-unavailable and still halts', () => {
    const fleet = Fleet.of(['a', 'b', 'canary'], { stages, skipAhead: { refs: ['hotfix/*'] }, push: 'queue' });
    fleet.push(2);
    fleet.push(3, { skipRef: true });
    const [first = ''] = fleet.having(3);
    expect(fleet.having(3)).toHaveLength(1);
    fleet.run(first, 3, 'failed');
    expect(fleet.status).toBe('halted');
    expect(fleet.having(3)).toHaveLength(1);
  });
});

describe('a process that ends while its stage is open', () => {
  const SOAKING = { stages: [CANARY], done: 'ready', soakMs: 10 * MINUTE, maxUnavailable: 9 } as const;

  /** A canary that is ready with revision 2, in the soak of its stage. */
  function soaking(own: Partial<Policy> = {}): Fleet {
    const fleet = Fleet.of(['a', 'canary'], { ...SOAKING, ...own });
    fleet.run('canary', 1, 'ready', 0);
    fleet.push(2);
    fleet.run('canary', 2, 'starting', 0);
    fleet.run('canary', 2, 'ready', 0);
    expect(fleet.status).toBe('soaking');
    return fleet;
  }

  test('interrupts the soak, which begins again from nothing when it is ready again', () => {
    const fleet = soaking();
    fleet.pass(9 * MINUTE);
    fleet.report('canary', { running: { oid: oid(2), state: 'restarting', ended: 1, detail: 'exit 7' } });
    expect(fleet.status).toBe('running');
    expect(fleet.ref.describe(fleet.now).why).toContain('the process of canary is started again: exit 7');
    fleet.run('canary', 2, 'ready', 1);
    fleet.pass(9 * MINUTE);
    expect([fleet.status, fleet.having(2)]).toEqual(['soaking', ['canary']]);
    fleet.pass(MINUTE);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('interrupts the soak also when the relay hears of it only after it is ready again', () => {
    const fleet = soaking();
    fleet.pass(9 * MINUTE);
    fleet.run('canary', 2, 'ready', 1);
    fleet.pass(9 * MINUTE);
    expect(fleet.status).toBe('soaking');
  });

  test('is a failure of its instance the second time, with the reason', () => {
    const fleet = soaking();
    fleet.run('canary', 2, 'restarting', 1);
    fleet.run('canary', 2, 'ready', 1);
    fleet.report('canary', { running: { oid: oid(2), state: 'restarting', ended: 2, detail: 'exit 7' } });
    expect(fleet.status).toBe('halted');
    expect(fleet.ref.describe(fleet.now).why).toContain('canary: its process ended 2 times: exit 7');
  });

  test('is counted anew for each stage, and as the policy says', () => {
    const fleet = soaking({ restarts: 3, stages: [CANARY, { name: 'a', select: { instances: ['a'] } }] });
    fleet.run('canary', 2, 'ready', 2);
    fleet.pass(10 * MINUTE);
    fleet.run('canary', 2, 'ready', 4);
    expect(fleet.status).toBe('running');
    fleet.run('canary', 2, 'ready', 5);
    expect(fleet.status).toBe('halted');
  });

  test('is counted on after a restart of the relay, and ends from before are not counted twice', () => {
    const fleet = soaking();
    fleet.run('canary', 2, 'ready', 1);
    fleet.restart();
    fleet.join('canary', { running: { oid: oid(2), state: 'ready', ended: 1 } });
    expect(fleet.status).not.toBe('halted');
    fleet.run('canary', 2, 'ready', 2);
    expect(fleet.status).toBe('halted');
  });

  test('does not hold a stage up for ever, where a failure does not halt it', () => {
    const fleet = Fleet.of(['a', 'canary'], { ...SOAKING, stages: [], failures: 2 });
    for (const name of ['a', 'canary']) fleet.run(name, 1, 'ready', 0);
    fleet.push(2);
    for (const name of ['a', 'canary']) fleet.run(name, 2, 'ready', 0);
    expect(fleet.status).toBe('soaking');
    for (let ended = 1; ended < 20; ended += 1) {
      fleet.run('canary', 2, 'restarting', ended);
      fleet.run('canary', 2, 'ready', ended);
      fleet.pass(MINUTE);
    }
    expect(fleet.completed).toBe(2);
  });

  test('is no failure where only what is published counts', () => {
    const fleet = Fleet.of(['a', 'canary'], { ...SOAKING, done: 'published' });
    fleet.push(2);
    fleet.publish('canary', 2);
    fleet.run('canary', 2, 'ready', 0);
    fleet.run('canary', 2, 'ready', 9);
    expect(fleet.status).toBe('soaking');
  });
});

test('an instance that keeps a process is not done before it is ready, also when it never said that it runs something', () => {
  const fleet = Fleet.of(['a'], { done: 'ready' });
  fleet.push(2);
  fleet.report('a', { published: oid(2), runs: true });
  expect(fleet.status).toBe('running');
  fleet.run('a', 2, 'ready', 0);
  expect(fleet.completed).toBe(2);
});
