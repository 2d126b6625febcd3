import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../../src/model/error.ts';
import { parseRepositoryName, type RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { AllowPattern } from '../../../../src/relay/server/access/allow.ts';
import type { Follower } from '../../../../src/relay/server/mirror/follower.ts';
import { Repositories } from '../../../../src/relay/server/mirror/repositories.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';

const named = (path: string): RepositoryName => parseRepositoryName(`h.example/${path}`) as RepositoryName;

function setUp({ most, always = [] }: { most: number; always?: string[] }) {
  const clock = new HandClock();
  const watched = new Set<string>();
  const ended: { name: string; code: string }[] = [];
  const stopped: string[] = [];
  const repositories = new Repositories({
    directory: join(tempDir(), 'repositories'),
    allow: [new AllowPattern('https://h.example/**')],
    always: always.map(named),
    most,
    idleMs: 3_600_000,
    mostBytes: 1e9,
    firstPauseMs: 5000,
    clock,
    log: silentLog,
    createFollower: async (upstream, gitDir, payer) => {
      const follower = { upstream, payer, isKnown: true, mirror: { gitDir }, start: async () => undefined };
      return Object.assign(follower, { stop: async () => void stopped.push(upstream.name) }) as unknown as Follower;
    },
    isWatched: ({ upstream }) => watched.has(upstream.name),
    endStreams: ({ upstream }, { code }) => {
      watched.delete(upstream.name);
      ended.push({ name: upstream.name, code });
    },
  });
  /** Somebody opens a stream. @returns whether there was room */
  const watch = async (path: string, who: string): Promise<boolean> => {
    try {
      await repositories.follow(named(path), who);
      watched.add(named(path));
      return true;
    } catch (error) {
      if (error instanceof SidecarError && error.code === 'ERR_RELAY_FULL') return false;
      throw error;
    }
  };
  const followed = (): string[] => repositories.followers.map(({ upstream }) => upstream.name.slice(10)).sort();
  return { clock, repositories, watched, ended, stopped, watch, followed };
}

describe('places for repositories', () => {
  test('one token may have all of them until somebody else comes, who then gets up to as many', async () => {
    const { watch, followed, ended } = setUp({ most: 4 });
    for (const path of ['g1', 'g2', 'g3', 'g4']) expect(await watch(path, 'greedy')).toBe(true);
    expect(await watch('g5', 'greedy')).toBe(false);
    for (const path of ['m1', 'm2']) expect(await watch(path, 'modest')).toBe(true);
    expect(await watch('m3', 'modest')).toBe(false);
    expect(await watch('g4', 'greedy')).toBe(false);
    expect(followed()).toEqual(['g1', 'g2', 'm1', 'm2']);
    expect(ended.map(({ code }) => code)).toEqual(['ERR_RELAY_FULL', 'ERR_RELAY_FULL']);
  });

  test('what somebody cloned a moment ago is not taken by one who has more', async () => {
    const { repositories, watch, followed, clock } = setUp({ most: 3 });
    for (const path of ['g1', 'g2']) await watch(path, 'greedy');
    await repositories.follow(named('m1'), 'modest');
    expect(await watch('g3', 'greedy')).toBe(false);
    await clock.advance(61_000);
    expect(await watch('g3', 'greedy')).toBe(true);
    expect(followed()).toEqual(['g1', 'g2', 'g3']);
  });

  test('of those who share a repository the one with fewest others pays, so it stays when another has too many', async () => {
    const { watch, followed } = setUp({ most: 3 });
    for (const path of ['shared', 'g1', 'g2']) await watch(path, 'greedy');
    await watch('shared', 'modest');
    expect(await watch('t1', 'third')).toBe(true);
    expect(followed()).toContain('shared');
  });

  test('what is always followed never gives way', async () => {
    const { repositories, watch, followed } = setUp({ most: 2, always: ['a1', 'a2'] });
    await repositories.open();
    expect(await watch('m1', 'modest')).toBe(false);
    expect(followed()).toEqual(['a1', 'a2']);
  });

  test('one that the git server does not have takes no place, and is not asked for again at once', async () => {
    const { repositories, watch, followed, ended, clock } = setUp({ most: 1 });
    const missing = new SidecarError('ERR_REMOTE_NOT_FOUND', { op: 'follow', detail: 'there is none' });
    for (const path of ['x1', 'x2', 'x3']) {
      const follower = (await repositories.follow(named(path), 'greedy')) as Follower;
      repositories.giveUp(follower, missing);
    }
    expect(followed()).toEqual([]);
    expect(ended).toHaveLength(3);
    await expect(repositories.follow(named('x1'), 'modest')).rejects.toMatchObject({
      code: 'ERR_REMOTE_NOT_FOUND',
      retryAfterMs: 5000,
    });
    expect(await watch('m1', 'modest')).toBe(true);
    await clock.advance(5000);
    expect(await watch('x1', 'greedy')).toBe(false);
  });

  test('one that is asked for again while it is let go of is opened when the old one has ended', async () => {
    const { repositories, clock } = setUp({ most: 1 });
    const old = (await repositories.follow(named('a'), 'one')) as Follower;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((done) => {
      end = done;
    });
    Object.assign(old, { stop: async () => await ended });
    repositories.giveUp(old, new SidecarError('ERR_REMOTE_NOT_FOUND', { op: 'follow', detail: 'there is none' }));
    await clock.advance(5000);
    let again: Follower | undefined;
    const asked = repositories.follow(named('a'), 'one').then((follower) => {
      again = follower;
    });
    for (let turns = 0; turns < 5; turns += 1) await new Promise((done) => setImmediate(done));
    expect(again).toBeUndefined();
    end();
    await asked;
    expect(again).not.toBe(old);
  });
});
