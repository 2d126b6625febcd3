import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PATH_TREE, pathFixture } from '../kit/path-fixture.ts';
import { read } from '../kit/sidecar.ts';
import { until } from '../peers/wait.ts';

describe('a commit that does not have --path', () => {
  test.each([
    ['error', 'ERR_CHECKOUT_PATH_MISSING'],
    ['keep', 'it does not have the path'],
  ])('--path-missing=%s: what is published stays', async (policy, said) => {
    const it = await pathFixture(PATH_TREE);
    const args = ['--path=a/b', `--path-missing=${policy}`];
    const process = it.start(args);
    await it.untilShown(it.first, process);
    const without = it.upstream.commit({ 'a/b': null });
    await until(`it says ${said}`, () => process.stderr.includes(said));
    expect(it.shown()).toEqual({ oid: it.first, path: 'a/b' });
    const polls = process.count('next sync');
    await until('it polls', () => process.count('next sync') >= polls + 2);
    await process.stop();
    expect(process.count('a commit changes nothing of what is published')).toBe(policy === 'keep' ? 1 : 0);
    if (policy === 'error') expect(process.stderr).toContain('it is not there; in a there is other');
    else {
      // An edited file is repaired from the commit that is published.
      writeFileSync(join(it.link, 'one'), 'edited');
      const { code, stderr } = await it.once(args);
      expect(code, stderr).toBe(0);
      expect(read(it.link, 'one')).toBe('1');
    }
    expect(it.shown()).toEqual({ oid: it.first, path: 'a/b' });
    expect(process.logs.filter(({ hash, msg }) => msg === 'published' && hash === without)).toEqual([]);
  });

  test('--path-missing=empty: an empty directory is published', async () => {
    const it = await pathFixture(PATH_TREE);
    const process = it.start(['--path=a/b', '--path-missing=empty', '--verify-period=50ms']);
    await it.untilShown(it.first, process);
    const without = it.upstream.commit({ 'a/b': null });
    await it.untilShown(without, process);
    expect(it.shown().path).toBe('a/b');
    expect(readdirSync(it.link)).toEqual([]);
    it.upstream.commit({ top: 'changed' });
    await process.logged('a commit changes nothing of what is published');
    expect(it.shown()).toEqual({ oid: without, path: 'a/b' });
    const again = it.upstream.commit({ 'a/b/one': 'again' });
    await it.untilShown(again, process);
    expect(readdirSync(it.link)).toEqual(['one']);
    expect(process.count('the published tree holds files that no commit put there')).toBe(0);
  });

  test('another --path-missing at a restart decides anew', async () => {
    const it = await pathFixture(PATH_TREE);
    expect((await it.once(['--path=a/b'])).code).toBe(0);
    const without = it.upstream.commit({ 'a/b': null });
    expect((await it.once(['--path=a/b', '--path-missing=keep'])).code).toBe(0);
    expect(it.shown().oid).toBe(it.first);
    expect((await it.once(['--path=a/b', '--max-failures=1'])).code).toBe(1);
    expect((await it.once(['--path=a/b', '--path-missing=empty'])).code).toBe(0);
    expect(it.shown().oid).toBe(without);
  });
});

describe('what is no directory', () => {
  test.each([
    ['a file', 'top', 'top is a file there'],
    ['a symbolic link', 'to-a', 'to-a is a symbolic link there'],
    ['something behind a symbolic link', 'to-a/b', 'to-a is a symbolic link there'],
    ['something below a file', 'top/x', 'top is a file there'],
    ['a submodule', 'module', 'module is a submodule there'],
    ['nothing', 'a/nope/x', 'in a there are b, other'],
    ['nothing at the top', 'nope', 'at its top there are a, c, module, to-a, top'],
    ['a pattern', 'a/*', 'in a there are b, other'],
  ])('%s is refused, by name', async (_what, path, said) => {
    const it = await pathFixture({ ...PATH_TREE, 'to-a': { link: 'a' } });
    it.upstream.git('update-index', '--add', '--cacheinfo', `160000,${'a'.repeat(40)},module`);
    it.upstream.git('commit', '-q', '-m', 'module');
    it.upstream.push();
    for (const policy of ['error', 'empty', 'keep']) {
      if (policy === 'empty' && said.includes('there are')) continue;
      const { code, stderr } = await it.once([`--path=${path}`, `--path-missing=${policy}`, '--max-failures=1']);
      expect(code).toBe(1);
      expect(stderr).toContain(said);
      expect(it.shown().oid).toBeUndefined();
    }
  });
});

test.each(['we ird/[x]*?', 'ü/\u{1f600}', 'back\\slash', '!bang', '#hash', '-dash', 'sp ace '])(
  'a directory named %j is published as it is',
  async (path) => {
    const it = await pathFixture({ [`${path}/in`]: 'in', [`${path}x/out`]: 'out', top: 't', 'we ird/xyz/out': 'out' });
    const { code, stderr } = await it.once([`--path=${path}`]);
    expect(code, stderr).toBe(0);
    expect(readdirSync(it.link)).toEqual(['in']);
    expect(it.blobs()).toHaveLength(1);
  },
);
