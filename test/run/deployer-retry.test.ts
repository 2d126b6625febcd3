import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunConfig } from '../../src/config/run-config.ts';
import { SidecarError } from '../../src/model/error.ts';
import type { Logger } from '../../src/platform/log.ts';
import { MachineFailure } from '../../src/run/blame.ts';
import { Deployer } from '../../src/run/deployer.ts';
import type { Published } from '../../src/run/follow-link.ts';
import { MirroredFiles } from '../../src/run/mirrored-files.ts';
import { type Release, StateFile } from '../../src/run/state.ts';
import type { DeploymentReport } from '../../src/run/status.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { noPowerCut } from '../kit/no-power-cut.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const built = (detail: string) => new SidecarError('ERR_RUN_BUILD', { op: 'build', detail });

/** A deployer whose builds and processes are pretended; `fault` says how the build of a revision fails. */
async function fixture(dir = tempDir()) {
  const clock = new HandClock();
  const state = new StateFile(dir);
  await state.load();
  const faults = new Map<string, Error>();
  const builds: string[] = [];
  const notes: DeploymentReport[] = [];
  const warnings: { message: string; fields: Record<string, unknown> }[] = [];
  let running: Release | undefined;
  const log: Logger = { ...silentLog, warn: (message, fields = {}) => void warnings.push({ message, fields }) };
  const switchover = {
    present: {
      get running() {
        return running;
      },
    },
    inUse: [],
    comeBack: async () => undefined,
    endProbation: () => undefined,
    stop: async () => undefined,
    resume: async (release: Release) => {
      const fault = faults.get(`start ${release.id}`);
      if (fault) throw fault;
      running = release;
    },
    to: async (release: Release) => {
      running = release;
      return { verdict: Promise.resolve({ kind: 'proven' }) };
    },
  } as never;
  const deployer = new Deployer({
    config: {
      link: join(dir, 'link'),
      place: { kind: 'releases', path: '.' },
      keepReleases: 3,
      readyForMs: 0,
    } as RunConfig,
    state,
    files: new MirroredFiles({ mirror: undefined, state, switchover }),
    ...noPowerCut,
    releases: {
      make: async ({ id, path }: Published): Promise<Release> => ({ id, path, digest: id, deployedAt: 0 }),
      prune: async () => undefined,
    } as never,
    launch: {
      build: async ({ id }: Release) => {
        builds.push(id);
        const fault = faults.get(id);
        if (fault) throw fault;
      },
    } as never,
    switchover,
    clock,
    random: () => 0.5,
    log,
    redact: (text) => text.replaceAll('hidden', '*****'),
    observer: { onDeployment: (report) => notes.push(report) },
  });
  onTestFinished(async () => void (await deployer.stop()));
  const publish = (name: string): void => {
    mkdirSync(join(dir, name), { recursive: true });
    symlinkSync(join(dir, name), join(dir, 'new'));
    renameSync(join(dir, 'new'), join(dir, 'link'));
    deployer.consider();
  };
  /** Waits for the n-th report. */
  const noted = async (count: number) => {
    await until(
      () => `report ${count} of ${JSON.stringify(notes)}`,
      () => notes.length >= count,
    );
    return notes[count - 1];
  };
  /** Waits until everything that was asked for is done: a rollback that is not possible comes behind it. */
  const done = async (): Promise<void> => {
    deployer.consider();
    await deployer.rollBack('no such release').catch(() => undefined);
  };
  /** Lets the pause before the next try pass, and waits for its report; gives the pause in milliseconds. */
  const again = async (): Promise<number> => {
    const [count, ms] = [
      notes.length,
      Number(warnings.findLast(({ message }) => /tried again/.test(message))?.fields.ms),
    ];
    await clock.advance(ms - 10);
    await done();
    expect(notes.length).toBe(count);
    await clock.advance(20);
    await done();
    expect(notes.length).toBe(count + 1);
    return ms;
  };
  const notAgain = async (): Promise<void> => {
    const count = builds.length;
    await clock.advance(500_000);
    await done();
    expect(builds.length).toBe(count);
  };
  return { dir, clock, state, faults, builds, notes, warnings, deployer, publish, noted, done, again, notAgain };
}

describe('a build that fails', () => {
  test('is tried again while nothing runs, with pauses that grow up to a minute', async () => {
    const it = await fixture();
    it.faults.set('one', built('the registry is away'));
    it.publish('one');
    expect((await it.noted(1))?.outcome).toBe('build-failed');
    const pauses: number[] = [];
    for (let round = 0; round < 10; round += 1) pauses.push(await it.again());
    expect(pauses[0]).toBe(5000);
    expect([...pauses].sort((a, b) => a - b)).toEqual(pauses);
    expect(pauses.at(-1)).toBe(60_000);
    it.faults.clear();
    await it.again();
    expect(it.notes.at(-1)?.outcome).toBe('deployed');
    expect(it.state.state.quarantined).toEqual({});
  });

  test('is not waited for when a newer revision comes', async () => {
    const it = await fixture();
    it.faults.set('one', built('no'));
    it.publish('one');
    await it.noted(1);
    it.publish('two');
    expect(await it.noted(2)).toMatchObject({ id: 'two', outcome: 'deployed' });
    expect(it.builds).toEqual(['one', 'two']);
  });

  test('is left out while something runs, and after a restart run says what is left out and why', async () => {
    const it = await fixture();
    it.publish('one');
    await it.noted(1);
    it.faults.set('two', built('status 7, and hidden'));
    it.publish('two');
    expect((await it.noted(2))?.reason).toBe('status 7, and *****');
    await it.notAgain();
    await it.deployer.stop();

    const next = await fixture(it.dir);
    await next.deployer.resume();
    expect(next.warnings).toEqual([
      { message: expect.stringContaining('left out'), fields: { hash: 'two', reason: 'status 7, and *****' } },
    ]);
    next.deployer.consider();
    await next.notAgain();
    expect(next.builds).toEqual([]);
  });

  test('is tried again after a restart too, where nothing runs', async () => {
    const it = await fixture();
    it.faults.set('one', built('no'));
    it.publish('one');
    await it.noted(1);
    await it.deployer.stop();
    const next = await fixture(it.dir);
    await next.deployer.resume();
    next.deployer.consider();
    expect(await next.noted(1)).toMatchObject({ id: 'one', outcome: 'deployed' });
  });

  test('for want of memory or room is tried again and not left out, also while something runs', async () => {
    const it = await fixture();
    it.publish('one');
    await it.noted(1);
    const failures = [
      new MachineFailure('ERR_RUN_BUILD', { op: 'build', detail: 'killed' }),
      new SidecarError('ERR_RUN_COMMAND', {
        op: 'start',
        detail: 'x',
        cause: Object.assign(new Error(), { code: 'EAGAIN' }),
      }),
      new SidecarError('ERR_RUN_STATE', { op: 'write', detail: 'no room' }),
      Object.assign(new Error('no room'), { code: 'ENOSPC' }),
    ];
    it.faults.set('two', failures[0] as Error);
    it.publish('two');
    await it.noted(2);
    for (const failure of failures.slice(1)) {
      it.faults.set('two', failure);
      await it.again();
      expect([it.notes.at(-1)?.outcome === 'deployed', it.state.state.quarantined]).toEqual([false, {}]);
    }
    it.faults.clear();
    await it.again();
    expect(it.notes.at(-1)).toMatchObject({ id: 'two', outcome: 'deployed' });
  });
});

test('what ran last and cannot be started now is tried again, before anything that was left out', async () => {
  const it = await fixture();
  it.publish('one');
  await it.noted(1);
  it.faults.set('two', built('no'));
  it.publish('two');
  await it.noted(2);
  await it.deployer.stop();
  const next = await fixture(it.dir);
  next.faults.set('two', built('no'));
  next.faults.set('start one', new SidecarError('ERR_RUN_COMMAND', { op: 'start', detail: 'no process is free' }));
  await next.deployer.resume();
  next.deployer.consider();
  await next.noted(1);
  next.faults.delete('start one');
  const before = next.builds.length;
  await next.clock.advance(6000);
  await next.done();
  await next.notAgain();
  expect(next.builds.length).toBe(before);
  expect(next.state.current?.id).toBe('one');
});

test('a revision that a person rolled back is not tried again because nothing runs', async () => {
  const it = await fixture();
  await it.state.save({ quarantined: { one: 'rolled back by hand' } });
  it.publish('one');
  await it.notAgain();
  expect(it.builds).toEqual([]);
});
