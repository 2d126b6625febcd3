import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Git } from '../../../../src/git/git.ts';
import { createGit } from '../../../../src/git/git.ts';
import type { Oid } from '../../../../src/model/oid.ts';
import { createProcessRunner } from '../../../../src/platform/process/runner.ts';
import { readLsRemote } from '../../../../src/poll/ls-remote.ts';
import { Reach } from '../../../../src/relay/server/git/reach.ts';
import { noPace } from '../../../kit/no-pace.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../../../kit/upstream.ts';

/** A repository with a hidden branch and a hidden tag; its refs without these. */
function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  for (const text of ['one', 'two', 'three']) upstream.commit({ a: text, [`d/${text}`]: text });
  upstream.git('tag', '-a', '-m', 'x', 'v1', 'HEAD~1');
  upstream.push('v1');
  upstream.git('checkout', '-q', '-b', 'hidden');
  upstream.commit({ s: 'ecret' });
  upstream.git('tag', '-a', '-m', 'x', 'hidden-tag', 'main');
  upstream.push('hidden-tag');
  const text = git(dir, 'ls-remote', join(dir, 'repo.git'));
  const all = [...readLsRemote(text)].filter(({ name }) => name !== 'HEAD' && !name.includes('hidden'));
  const refs = new Map(all.map((ref) => [ref.name, ref]));
  const plain = createGit({
    program: 'git',
    runner: createProcessRunner(),
    log: silentLog,
    environment: () => GIT_ENV,
    cwd: dir,
  });
  const failures: string[] = [];
  const counts = { now: 0, most: 0 };
  const counted: Git = {
    get started() {
      return plain.started;
    },
    run: async (args, options) => {
      counts.now += 1;
      counts.most = Math.max(counts.most, counts.now);
      return await plain.run(args, options).finally(() => {
        counts.now -= 1;
      });
    },
  };
  const reach = new Reach({ git: counted, pace: noPace(), onFailure: (gitDir) => failures.push(gitDir) });
  const id = (name: string): Oid => upstream.head(name) as Oid;
  const within = { owner: 'one', gitDir: join(dir, 'repo.git'), refs };
  const look = async (...oids: Oid[]): Promise<string[]> => {
    const found = await reach.look(within, oids);
    return oids.map((oid) => {
      const standing = found.get(oid);
      return standing ? `${standing.kind} ${standing.isShown}` : 'missing';
    });
  };
  return { id, look, git: counted, counts, failures, reach, within };
}

const NOTHING = '9'.repeat(40) as Oid;

describe('what the refs reach that somebody may see', () => {
  test('is given out, whatever kind of object it is; what they do not reach is not, by whatever id', async () => {
    const { id, look, failures } = setUp();
    expect(await look(id('main'), id('main~2'), id('main~1:d'), id('main~2:a'), id('v1'))).toEqual([
      ...['commit true', 'commit true', 'tree true', 'blob true', 'tag true'],
    ]);
    expect(await look(id('hidden'), id('hidden^{tree}'), id('hidden:s'), id('hidden-tag'), NOTHING)).toEqual([
      ...['commit false', 'tree false', 'blob false', 'tag false', 'missing'],
    ]);
    expect(await look(id('hidden:s'), id('main:a'), id('hidden'), id('main'))).toEqual([
      ...['blob false', 'blob true', 'commit false', 'commit true'],
    ]);
    expect(failures).toEqual([]);
  });

  test('20,000 ids cost no more processes than one, and asking again costs none', async () => {
    const { id, look, git: counted } = setUp();
    const junk = Array.from({ length: 20_000 }, (_, n) => n.toString(16).padStart(40, 'a') as Oid);
    const before = counted.started;
    const found = await look(...junk, id('main~1'), id('hidden'));
    expect(found.slice(-2)).toEqual(['commit true', 'commit false']);
    expect(new Set(found.slice(0, -2))).toEqual(new Set(['missing']));
    expect(counted.started - before).toBe(2);
    await look(id('main~1'), id('hidden'));
    expect(counted.started - before).toBe(2);
  });

  test('a fleet that asks at once is one look, and different questions are three at a time', async () => {
    const { id, look, git: counted, counts } = setUp();
    const before = counted.started;
    const fleet = await Promise.all(Array.from({ length: 200 }, async () => await look(id('main~2'))));
    expect(new Set(fleet.flat())).toEqual(new Set(['commit true']));
    expect(counted.started - before).toBe(2);
    const junk = Array.from({ length: 30 }, (_, n) => n.toString(16).padStart(40, 'b') as Oid);
    await Promise.all(junk.map(async (oid) => await look(oid)));
    expect(counts.most).toBeLessThanOrEqual(3);
  });

  test('one who asks for very much leaves places to look to another', async () => {
    const { reach, within, id } = setUp();
    const junk = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(40, 'd') as Oid);
    const greedy = Promise.allSettled(junk.map(async (oid) => await reach.look(within, [oid])));
    const found = await reach.look({ ...within, owner: 'another' }, [id('main~1')]);
    expect(found.get(id('main~1'))?.isShown).toBe(true);
    expect((await greedy).some(({ status }) => status === 'rejected')).toBe(true);
  });

  test('more that wait than may are refused', async () => {
    const { look } = setUp();
    const junk = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(40, 'c') as Oid);
    const results = await Promise.allSettled(junk.map(async (oid) => await look(oid)));
    const refused = results.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
    expect(refused).toHaveLength(100 - 3 - 64);
    expect(new Set(refused)).toEqual(new Set(['ERR_RELAY_FULL']));
  });
});
