import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../../../src/config/rollout-policy.ts';
import type { AdvertisedRef } from '../../../../src/model/ref.ts';
import type { Refs } from '../../../../src/relay/protocol/refs.ts';
import type { Report } from '../../../../src/relay/protocol/report.ts';
import { parseRepositoryName, type RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { RolloutStore, type StoredRefs } from '../../../../src/relay/server/rollouts/rollout-store.ts';
import { instanceKey, Rollouts } from '../../../../src/relay/server/rollouts/rollouts.ts';
import { refsIn, WHOLE_VIEW } from '../../../../src/relay/server/streams/ref-view.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { at, oid, refsOf } from '../../../kit/relay-fakes.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';

const NAME = parseRepositoryName('h.example/app') as RepositoryName;
const MAIN = 'refs/heads/main';
const OWNER = 'bearer x';

const POLICY: Policy = {
  name: 'app',
  repository: 'h.example/*',
  refs: ['main'],
  stages: [{ name: 'canary', select: { instances: ['canary-*'] } }],
  maxUnavailable: 10,
  done: 'published',
  soakMs: 0,
  deadlineMs: 60_000,
  failures: 1,
  restarts: 2,
  onFailure: 'halt',
  push: 'finish',
  freeze: [],
  enforce: false,
  skipAhead: undefined,
};

class Disk extends RolloutStore {
  isFull = false;
  readonly saved: StoredRefs[] = [];

  override async save(repository: RepositoryName, refs: StoredRefs): Promise<void> {
    if (this.isFull) throw new Error('no space left');
    await super.save(repository, refs);
    this.saved.push(refs);
  }
}

async function setUp(root = tempDir(), policies: readonly Policy[] = [POLICY]) {
  const clock = new HandClock();
  const follower = { refs: new Map() as Refs, kept: new Map<string, readonly string[]>() };
  const released: string[][] = [];
  const disk = new Disk(root, 'rollouts');
  const rollouts: Rollouts = new Rollouts({
    store: disk,
    clock,
    log: silentLog,
    follower: () => ({
      get refs() {
        return follower.refs;
      },
      trailersOf: async () => ({}),
      has: async (commit) => commit !== oid('f'),
      keep: (ref, oids) => void follower.kept.set(ref, oids),
    }),
    onReleased: (_name, instances) => void released.push([...instances].filter((key) => key !== '')),
    onNote: () => undefined,
  });
  await rollouts.open(policies);
  const shown = (instance: string, ref = MAIN): string | undefined => {
    const view = rollouts.viewOf(NAME, instanceKey(OWNER, instance), WHOLE_VIEW, undefined);
    return refsIn(follower.refs, view).get(ref)?.oid;
  };
  const push = async (...refs: AdvertisedRef[]): Promise<void> => {
    follower.refs = refsOf(...refs);
    await rollouts.look(NAME);
  };
  const report = (instance: string, digit: string, stream = instance): Report => {
    const published = { ref: MAIN, oid: oid(digit), at: 0 };
    return { stream, replaces: undefined, instance, published, running: undefined };
  };
  const join = async (instance: string, digit: string, stream = instance): Promise<void> =>
    await rollouts.join(OWNER, NAME, report(instance, digit, stream), [MAIN]);
  const publish = async (instance: string, digit: string, stream = instance): Promise<void> =>
    await rollouts.report(OWNER, NAME, report(instance, digit, stream));
  return { root, clock, follower, disk, rollouts, released, shown, push, join, report, publish };
}

describe('the rollouts of a relay', () => {
  test('show a push to the instances of the first stage, and to the others when these have it', async () => {
    const { push, join, publish, shown } = await setUp();
    await push(at(MAIN, '1'));
    await join('canary-1', '1');
    await join('web-1', '1');
    await push(at(MAIN, '2'));
    expect([shown('canary-1'), shown('web-1')]).toEqual([oid('2'), oid('1')]);
    await publish('canary-1', '2');
    expect(shown('web-1')).toBe(oid('2'));
  });

  test('take HEAD along with the branch that it names, also for those who follow only HEAD', async () => {
    const { push, join, shown, rollouts, follower } = await setUp();
    const head = (digit: string): AdvertisedRef => ({ name: 'HEAD', oid: oid(digit), symref: MAIN });
    await push(head('1'), at(MAIN, '1'));
    await join('canary-1', '1');
    await join('web-1', '1');
    await push(head('2'), at(MAIN, '2'));
    expect([shown('canary-1', 'HEAD'), shown('web-1', 'HEAD')]).toEqual([oid('2'), oid('1')]);
    const view = rollouts.viewOf(NAME, instanceKey(OWNER, 'web-1'), WHOLE_VIEW, ['HEAD']);
    expect(refsIn(follower.refs, view).get('HEAD')).toMatchObject({ oid: oid('1'), symref: MAIN, isReleased: true });
  });

  test('are on disk before an instance sees what was decided', async () => {
    const { push, join, disk, released, rollouts } = await setUp();
    await push(at(MAIN, '1'));
    await join('canary-1', '1');
    released.length = 0;
    const moving = push(at(MAIN, '2'));
    expect(released).toEqual([]);
    await moving;
    expect(released).toEqual([[instanceKey(OWNER, 'canary-1')]]);
    expect(disk.saved.at(-1)?.[MAIN]?.state.rollout?.oid).toBe(oid('2'));
    expect([...rollouts.describe(() => () => true)]).toMatchObject([{ ref: MAIN, oid: oid('2'), stage: 'canary' }]);
  });

  test('go on in the next process, and keep the commits that instances are shown', async () => {
    const before = await setUp();
    await before.push(at(MAIN, '1'));
    await before.join('canary-1', '1');
    await before.join('web-1', '1');
    await before.push(at(MAIN, '2'));
    const after = await setUp(before.root);
    expect(new Map(after.rollouts.kept(NAME)).get(MAIN)).toEqual(expect.arrayContaining([oid('1'), oid('2')]));
    await after.push(at(MAIN, '2'));
    await after.join('canary-1', '1');
    await after.join('web-1', '1');
    expect([after.shown('canary-1'), after.shown('web-1')]).toEqual([oid('2'), oid('1')]);
    expect(after.shown('web-2')).toBe(oid('1'));
  });

  test('do not begin anew where a file of theirs cannot be read: a halted commit would pass for a good one', async () => {
    const before = await setUp();
    await before.push(at(MAIN, '1'));
    writeFileSync(join(before.root, 'rollouts', `${'0'.repeat(32)}.json`), '{"version":1,');
    await expect(setUp(before.root)).rejects.toMatchObject({ code: 'ERR_ROLLOUT_STATE' });
  });

  test('go on where the disk is full, and are written as soon as there is room', async () => {
    const { clock, push, join, shown, disk, rollouts } = await setUp();
    await push(at(MAIN, '1'));
    await join('canary-1', '1');
    disk.isFull = true;
    await push(at(MAIN, '2'));
    expect(shown('canary-1')).toBe(oid('2'));
    disk.isFull = false;
    const before = disk.saved.length;
    await clock.advance(11_000);
    await rollouts.tick();
    expect(disk.saved.length).toBeGreaterThan(before);
    expect(disk.saved.at(-1)?.[MAIN]?.state.tip).toBe(oid('2'));
  });

  test('take two streams of one name for one instance, which has a revision when both publish it', async () => {
    const { push, join, publish, shown } = await setUp();
    await push(at(MAIN, '1'));
    await join('canary-1', '1', 'a');
    await join('canary-1', '1', 'b');
    await join('web-1', '1');
    await push(at(MAIN, '2'));
    await publish('canary-1', '2', 'a');
    expect(shown('web-1')).toBe(oid('1'));
    await publish('canary-1', '2', 'b');
    expect(shown('web-1')).toBe(oid('2'));
  });

  test('do not mix up two streams of one name that follow different refs', async () => {
    const { push, join, publish, shown, rollouts } = await setUp();
    const dev = 'refs/heads/dev';
    await push(at(MAIN, '1'), at(dev, '5'));
    await join('canary-1', '1', 'a');
    const other = { ref: dev, oid: oid('5'), at: 0 };
    const report = { stream: 'b', replaces: undefined, instance: 'canary-1', published: other, running: undefined };
    await rollouts.join(OWNER, NAME, report, [dev]);
    await join('web-1', '1');
    await push(at(MAIN, '2'), at(dev, '5'));
    await publish('canary-1', '2', 'a');
    expect(shown('web-1')).toBe(oid('2'));
  });

  test('end with their policy: everybody sees what the git server has', async () => {
    const { push, join, shown, rollouts } = await setUp();
    await push(at(MAIN, '1'));
    await join('canary-1', '1');
    await join('web-1', '1');
    await push(at(MAIN, '2'));
    await rollouts.take([]);
    expect(shown('web-1')).toBe(oid('2'));
  });

  test('go to no commit that the relay does not have, whoever orders it', async () => {
    const { push, join, rollouts } = await setUp();
    await push(at(MAIN, '1'));
    await join('web-1', '1');
    const order = { order: 'pin', who: 'me', why: 'a test' } as const;
    await expect(rollouts.order(NAME, MAIN, { ...order, to: oid('f') })).rejects.toMatchObject({
      code: 'ERR_ROLLOUT_ORDER',
    });
    expect(await rollouts.order(NAME, MAIN, { ...order, to: oid('2') })).toMatchObject({ pinned: { who: 'me' } });
  });

  test('go on with a sync whose exechook failed once: it has no process that could be ready', async () => {
    const { push, join, report, rollouts, shown } = await setUp(tempDir(), [{ ...POLICY, done: 'ready' }]);
    await push(at(MAIN, '1'));
    for (const name of ['canary-1', 'web-1']) await join(name, '1');
    const failed = { ref: MAIN, oid: oid('2'), at: 0, reason: 'the hook ended with status 1' };
    await push(at(MAIN, '2'));
    await rollouts.report(OWNER, NAME, { ...report('canary-1', '2'), failed });
    expect(rollouts.view(NAME, MAIN)?.status).toBe('halted');
    await push(at(MAIN, '3'));
    await rollouts.report(OWNER, NAME, report('canary-1', '3'));
    expect(shown('web-1')).toBe(oid('3'));
  });

  test('leave refs alone that no policy is about', async () => {
    const { push, join, shown, disk } = await setUp();
    await push(at('refs/heads/dev', '1'));
    await join('canary-1', '1');
    await push(at('refs/heads/dev', '2'));
    expect(shown('web-1', 'refs/heads/dev')).toBe(oid('2'));
    expect(disk.saved).toEqual([]);
  });

  test('say what was decided before a restart, also of repositories that nobody has asked for since', async () => {
    const { root, push, join } = await setUp();
    await push(at(MAIN, '1'));
    await join('canary-1', '1');
    await push(at(MAIN, '2'));
    const again = await setUp(root);
    const [only, ...others] = again.rollouts.states();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ repository: NAME, ref: MAIN, policy: 'app', state: { rollout: { oid: oid('2') } } });
    expect(only?.state.journal.map(({ what }) => what)).toEqual(['first', 'started', 'opened']);
    expect(again.rollouts.view(NAME, MAIN)).toBeUndefined();
    const ungoverned = await setUp(root, []);
    expect([...ungoverned.rollouts.states()]).toEqual([]);
  });
});

describe('with `done: ready`, what an instance reports of its process', () => {
  const READY: Policy = { ...POLICY, done: 'ready' };

  /** A canary that follows a push of commit 2, and how it reports. */
  async function canary() {
    const { push, rollouts, shown } = await setUp(tempDir(), [READY]);
    const revision = (digit: string) => ({ ref: MAIN, oid: oid(digit), at: 0 });
    const process = (digit: string, state: 'starting' | 'ready' | 'restarting' | 'failed', ended = 0) => ({
      ...{ of: { ref: MAIN, oid: oid(digit) }, state, at: 0, ended },
      ...(ended > 0 && { reason: 'it exited with status 7' }),
    });
    const base = { stream: 's', replaces: undefined, instance: 'canary-1' };
    await push(at(MAIN, '1'));
    const first = { ...base, published: revision('1'), running: revision('1') };
    await rollouts.join(OWNER, NAME, first, [MAIN]);
    await rollouts.join(OWNER, NAME, { ...first, stream: 'w', instance: 'web-1' }, [MAIN]);
    await push(at(MAIN, '2'));
    const report = async (more: Partial<Report>): Promise<void> =>
      await rollouts.report(OWNER, NAME, { ...first, published: revision('2'), ...more });
    return {
      report,
      revision,
      process,
      isDone: () => shown('web-1') === oid('2'),
      view: () => rollouts.view(NAME, MAIN),
    };
  }

  test('is that it is ready, where an older release says only what runs', async () => {
    const it = await canary();
    await it.report({});
    expect(it.isDone()).toBe(false);
    await it.report({ running: it.revision('2') });
    expect(it.isDone()).toBe(true);
  });

  test.each(['starting', 'restarting'] as const)('is not that it is ready while it is %s', async (state) => {
    const it = await canary();
    await it.report({ running: undefined, process: it.process('2', state) });
    expect(it.isDone()).toBe(false);
    await it.report({ running: it.revision('2'), process: it.process('2', 'ready') });
    expect(it.isDone()).toBe(true);
  });

  test('is no more than that it starts, before there is anything to run', async () => {
    const it = await canary();
    await it.report({ running: undefined, process: { of: undefined, state: 'starting', at: 0, ended: 0 } });
    expect(it.isDone()).toBe(false);
  });

  test('is a failure when it ended and is not started again, with the reason', async () => {
    const it = await canary();
    await it.report({ running: undefined, process: it.process('2', 'failed', 1) });
    expect(it.view()?.why).toContain('canary-1: its process failed: it exited with status 7');
  });

  test('is that it went back, when the revision failed and the former one runs', async () => {
    const it = await canary();
    const failed = { ...it.revision('2'), reason: 'it exited with status 7' };
    await it.report({ failed, process: it.process('1', 'ready') });
    expect(it.view()?.why).toContain('canary-1: it went back to its former revision: it exited with status 7');
  });

  test('does not take a failure back while the former revision has trouble of its own', async () => {
    const it = await canary();
    const failed = { ...it.revision('2'), reason: 'it exited with status 7' };
    await it.report({ failed, process: it.process('1', 'ready') });
    await it.report({ running: undefined, failed, process: it.process('1', 'restarting', 1) });
    expect(it.view()?.status).toBe('halted');
  });
});
