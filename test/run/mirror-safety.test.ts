import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pathOfText } from '../../src/platform/byte-path.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { Mirror } from '../../src/run/mirror.ts';
import { Releases } from '../../src/run/releases.ts';
import { exactTree } from '../kit/exact-tree.ts';
import { openPrivateMounts } from '../kit/private-mounts.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';

function tree(directory: string, files: Record<string, string>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** A directory with one release in it, the next release, and somewhere outside with the same names. */
function setUp() {
  const dir = tempDir();
  const [into, state] = [join(dir, 'into'), join(dir, 'state')];
  const outside = tree(join(dir, 'outside'), { gone: 'precious', changed: 'precious', 'deep/gone': 'precious' });
  const old = { 'sub/gone': 'old', 'sub/changed': 'old', 'sub/deep/gone': 'old' };
  tree(into, { ...old, theirs: 'theirs' });
  const release = tree(join(state, 'releases/next'), { 'sub/changed': 'new', 'sub/new': 'new', top: 'new' });
  const mirror = new Mirror({ directory: into, backupDir: join(state, 'backup'), durable: false, log: silentLog });
  const owned = new Set(Object.keys(old).map(pathOfText));
  return { dir, into, state, outside, release, mirror, owned, precious: exactTree(outside) };
}

/** Puts a symlink to `outside` in the place of a directory, whose files go elsewhere. */
function plant(path: string, outside: string): void {
  renameSync(path, `${path}.moved`);
  symlinkSync(outside, path);
}

const outcomeOf = async (step: Promise<unknown>): Promise<string> =>
  await step.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

describe('a symlink that somebody plants below --into or --state leads nowhere', () => {
  type Place = ReturnType<typeof setUp>;
  test.each<[string, string, (it: Place) => Promise<string>]>([
    [
      'before the comparison, where files are to be written',
      'ERR_RUN_ESCAPE',
      async ({ into, outside, mirror, release, owned }) => {
        plant(join(into, 'sub'), outside);
        return await outcomeOf(mirror.plan(release, owned));
      },
    ],
    [
      'before the comparison, where files are only to be removed',
      'done',
      async ({ into, outside, mirror, release, owned }) => {
        plant(join(into, 'sub/deep'), join(outside, 'deep'));
        const plan = await mirror.plan(release, owned);
        expect(plan.owned).toContain(pathOfText('sub/deep/gone'));
        return await outcomeOf(mirror.apply(plan));
      },
    ],
    [
      'between the comparison and the changes',
      'ERR_RUN_ESCAPE',
      async ({ into, outside, mirror, release, owned }) => {
        const plan = await mirror.plan(release, owned);
        plant(join(into, 'sub'), outside);
        return await outcomeOf(mirror.apply(plan));
      },
    ],
    [
      'between the changes and the undoing',
      'done',
      async ({ into, outside, mirror, release, owned }) => {
        await mirror.apply(await mirror.plan(release, owned));
        plant(join(into, 'sub'), outside);
        return await outcomeOf(mirror.restore());
      },
    ],
    [
      'in the place of a file, which is replaced',
      'done',
      async ({ into, outside, mirror, release, owned }) => {
        rmSync(join(into, 'sub/changed'));
        symlinkSync(join(outside, 'changed'), join(into, 'sub/changed'));
        const outcome = await outcomeOf(mirror.apply(await mirror.plan(release, owned)));
        expect(readFileSync(join(into, 'sub/changed'), 'utf8')).toBe('new');
        return outcome;
      },
    ],
    [
      'in the place of the backup',
      'done',
      async ({ state, outside, mirror, release, owned }) => {
        return await outcomeOf(
          mirror.plan(release, owned).then(async (plan) => {
            symlinkSync(outside, join(state, 'backup'));
            await mirror.apply(plan);
          }),
        );
      },
    ],
    [
      'in the place of the releases',
      'done',
      async ({ dir, state, outside }) => {
        plant(join(state, 'releases'), outside);
        const place = { kind: 'releases', path: '.' } as const;
        const options = { directory: join(state, 'releases'), link: join(dir, 'link'), place };
        return await outcomeOf(new Releases({ ...options, clock: systemClock, boot: 'this' }).prune([]));
      },
    ],
  ])('%s', async (_when, expected, step) => {
    const it = setUp();
    const outcome = await step(it);
    expect(exactTree(it.outside)).toEqual(it.precious);
    expect(outcome).toBe(expected);
    expect(readFileSync(join(it.into, 'theirs'), 'utf8')).toBe('theirs');
  });

  test('a file that the application made a link to a secret is not copied out of it by a rollback', async () => {
    const it = setUp();
    rmSync(join(it.into, 'sub/changed'));
    symlinkSync(join(it.outside, 'changed'), join(it.into, 'sub/changed'));
    await it.mirror.apply(await it.mirror.plan(it.release, it.owned));
    await it.mirror.restore();
    expect(exactTree(it.into).get('sub/changed')).toContain('link');
  });
});

describe('a mount below --into or in a release', () => {
  const program = (source: string): string => `
    import { Mirror } from './src/run/mirror.ts';
    import { Releases } from './src/run/releases.ts';
    import { pathOfText } from './src/platform/byte-path.ts';
    import { silentLogger } from './src/platform/log.ts';
    const main = async () => { ${source} };
    main().then((value) => console.log(JSON.stringify(value ?? 'done')), (error) => console.log(JSON.stringify(error.code ?? String(error))));`;
  const deploy = (it: ReturnType<typeof setUp>): string =>
    program(`
      const mirror = new Mirror({ directory: ${JSON.stringify(it.into)}, backupDir: ${JSON.stringify(join(it.state, 'backup'))}, durable: false, log: silentLogger });
      const owned = new Set(['sub/gone', 'sub/changed', 'sub/deep/gone'].map(pathOfText));
      const plan = await mirror.plan(${JSON.stringify(it.release)}, owned);
      await mirror.apply(plan);
      await mirror.settle();
      return plan.owned.length;`);

  test('in the way of new files makes the deployment fail, and nothing is written or removed in it', ({ skip }) => {
    const it = setUp();
    const mounts = openPrivateMounts() ?? skip();
    mounts.bind(it.outside, join(it.into, 'sub'));
    const before = exactTree(it.into);
    expect(JSON.parse(mounts.run(tempDir(), deploy(it)))).toBe('ERR_RUN_ESCAPE');
    expect(exactTree(it.outside)).toEqual(it.precious);
    expect(exactTree(it.into)).toEqual(before);
    mounts.unbind(join(it.into, 'sub'));
    expect(JSON.parse(mounts.run(tempDir(), deploy(it)))).toBe(3);
    expect(existsSync(join(it.into, 'sub/deep'))).toBe(false);
  });

  test('over files that are to go keeps them until it is gone, and does not stand in the way', ({ skip }) => {
    const it = setUp();
    const mounts = openPrivateMounts() ?? skip();
    mounts.bind(join(it.outside, 'deep'), join(it.into, 'sub/deep'));
    mounts.bind(join(it.outside, 'gone'), join(it.into, 'sub/gone'));
    expect(JSON.parse(mounts.run(tempDir(), deploy(it)))).toBe(5);
    expect(exactTree(it.outside)).toEqual(it.precious);
    expect(readFileSync(join(it.into, 'sub/new'), 'utf8')).toBe('new');
    for (const path of ['sub/deep', 'sub/gone']) mounts.unbind(join(it.into, path));
    expect(JSON.parse(mounts.run(tempDir(), deploy(it)))).toBe(3);
    expect(readdirSync(join(it.into, 'sub')).sort()).toEqual(['changed', 'new']);
  });

  test('of a single file is not replaced, and everything else is as before', ({ skip }) => {
    const it = setUp();
    const mounts = openPrivateMounts() ?? skip();
    mounts.bind(join(it.outside, 'changed'), join(it.into, 'sub/changed'));
    const before = exactTree(it.into);
    expect(JSON.parse(mounts.run(tempDir(), deploy(it)))).toBe('ERR_RUN_ESCAPE');
    expect(exactTree(it.outside)).toEqual(it.precious);
    expect(exactTree(it.into)).toEqual(before);
  });

  test('in an old release stays with what is in it when the others go', ({ skip }) => {
    const it = setUp();
    const mounts = openPrivateMounts() ?? skip();
    const directory = join(it.state, 'releases');
    tree(directory, { 'old/x': '', 'mounted/data/x': '' });
    mounts.bind(it.outside, join(directory, 'mounted/data'));
    const place = { kind: 'releases', path: '.' };
    const options = { directory, link: join(it.dir, 'link'), place };
    mounts.run(
      tempDir(),
      program(
        `await new Releases(${JSON.stringify(options)} as never).prune([{ path: ${JSON.stringify(it.release)} }] as never);`,
      ),
    );
    expect(exactTree(it.outside)).toEqual(it.precious);
    expect(readdirSync(directory).sort()).toEqual(['mounted', 'next']);
  });
});
