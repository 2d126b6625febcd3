import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunConfig } from '../../src/config/run-config.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { Deployer } from '../../src/run/deployer.ts';
import type { Published } from '../../src/run/follow-link.ts';
import { Mirror } from '../../src/run/mirror.ts';
import { MirroredFiles } from '../../src/run/mirrored-files.ts';
import { type Release, StateFile } from '../../src/run/state.ts';
import { noPowerCut } from '../kit/no-power-cut.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';

/** A mirror that is killed at the moment when it should give up the way back. */
class InterruptedMirror extends Mirror {
  isKilled = false;

  override async settle(): Promise<void> {
    if (this.isKilled) throw new Error('killed');
    await super.settle();
  }
}

test('a kill before the way back is given up loses track of no file', async () => {
  const dir = tempDir();
  const [into, backupDir, stateDir] = ['into', 'backup', 'state'].map((name) => join(dir, name));
  if (!into || !backupDir || !stateDir) throw new Error('unreachable');
  for (const path of [into, stateDir, join(dir, 'releases')]) mkdirSync(path);
  const link = join(dir, 'link');
  let running: Release | undefined;

  /** One process: its state from the file, its mirror, and a deployer; processes and the link are pretended. */
  const start = async () => {
    const mirror = new InterruptedMirror({ directory: into, backupDir, durable: false, log: silentLog });
    const state = new StateFile(stateDir);
    await state.load();
    const switchover = {
      present: {
        get running() {
          return running;
        },
      },
      makeWay: async () => undefined,
      to: async (release: Release) => {
        running = release;
        return { verdict: Promise.resolve({ kind: 'proven' }) };
      },
      resume: async (release: Release) => {
        running = release;
      },
      inUse: [],
      endProbation: () => undefined,
      stop: async () => undefined,
    } as never;
    const deployer = new Deployer({
      config: { link, place: { kind: 'into', directory: into, copies: [] }, keepReleases: 3 } as unknown as RunConfig,
      state,
      files: new MirroredFiles({ mirror, state, switchover }),
      ...noPowerCut,
      releases: {
        make: async ({ id, path }: Published): Promise<Release> => ({ id, path, digest: id, deployedAt: 0 }),
        prune: async () => undefined,
      } as never,
      launch: { build: async () => undefined } as never,
      switchover,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
      redact: (text) => text,
      observer: { onDeployment: () => undefined },
    });
    return { mirror, deployer };
  };
  const publish = async (name: string, deployer: Deployer): Promise<void> => {
    const path = join(dir, 'releases', name);
    mkdirSync(path);
    writeFileSync(join(path, 'version'), name);
    writeFileSync(join(path, `only-${name}`), '');
    rmSync(link, { force: true });
    symlinkSync(path, link);
    deployer.consider();
    for (let tries = 0; tries < 500 && running?.id !== name; tries += 1)
      await new Promise((done) => setTimeout(done, 10));
    expect(running?.id).toBe(name);
    await deployer.stop();
  };

  const one = await start();
  await publish('one', one.deployer);
  const two = await start();
  two.mirror.isKilled = true;
  await publish('two', two.deployer);
  expect(existsSync(backupDir)).toBe(true);
  running = undefined;
  const three = await start();
  await three.deployer.resume();
  expect(readdirSync(into).sort()).toEqual(['only-two', 'version']);
  await publish('four', three.deployer);
  expect(readdirSync(into).sort()).toEqual(['only-four', 'version']);
});
