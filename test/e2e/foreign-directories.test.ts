import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { Publisher } from '../kit/publisher.ts';
import { startRelay } from '../kit/relay.ts';
import { deployed } from '../kit/runner.ts';
import { fixture } from '../kit/setup.ts';
import { run, Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const MARK = '.made-by-git-sidecar';

/** Paths of all files below a directory, with what they hold. */
function contents(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((file) => [file, readFileSync(file, 'latin1')]));
}

function fill(directory: string, paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), 'precious');
  }
}

/** What an edition without marks would have left. */
function unmark(directory: string): void {
  rmSync(join(directory, MARK));
}

const startRun = (publisher: Publisher, state: string): Sidecar =>
  new Sidecar(
    ['run', `--link=${publisher.link}`, `--state=${state}`, '--ready-delay=50ms', '--', 'sleep', '100'],
    {},
    {
      command: 'git-sidecar',
    },
  );

describe('install', () => {
  test.each([
    ['libraries', ['lib/libprecious.so', 'lib/python3/x.py'], 'libprecious.so, python3'],
    ['programs', ['bin/node'], 'node'],
    ['a program of the same name', ['git-sync'], 'git-sync'],
  ])('into a directory with somebody’s %s changes none of them', async (_what, paths, named) => {
    const dir = tempDir();
    fill(dir, paths);
    const before = contents(dir);
    const { code, stderr } = await run(['install', dir], {}, 'git-sidecar');
    expect(stderr).toContain(`it holds what git-sidecar did not make: ${named}\nERR_DIRECTORY_FOREIGN: `);
    expect(code).toBe(1);
    expect(contents(dir)).toMatchObject(before);
    expect(existsSync(join(dir, 'git-sidecar'))).toBe(false);
  });

  test('over an earlier copy, marked or not, leaves one that works, and what lies beside it', async () => {
    const dir = tempDir();
    fill(dir, ['share/precious']);
    const install = async (): Promise<void> => expect((await run(['install', dir], {}, 'git-sidecar')).code).toBe(0);
    await install();
    await install();
    for (const directory of ['lib', 'bin']) unmark(join(dir, directory));
    writeFileSync(join(dir, 'lib/git-sidecar.cjs'), 'of an earlier edition');
    await install();
    expect(execFileSync(join(dir, 'git-sidecar'), ['version'], { env: {} }).toString()).toMatch(/^\d/);
    expect(readFileSync(join(dir, 'share/precious'), 'utf8')).toBe('precious');
  });
});

describe('run --state', () => {
  test('a directory of another deployment tool loses nothing', async () => {
    const dir = tempDir();
    const publisher = new Publisher(join(dir, 'git'));
    publisher.publish({ version: '1' });
    const state = join(dir, 'app');
    fill(state, ['releases/20250101120000/index.php', 'releases/20250201120000/index.php', 'shared/x']);
    const before = contents(state);
    const process = startRun(publisher, state);
    expect(await process.exited).toMatchObject({ code: 1 });
    expect(process.logs.at(-1)).toMatchObject({ code: 'ERR_DIRECTORY_FOREIGN' });
    expect(process.stderr).toContain('it holds what git-sidecar did not make: releases, shared');
    expect(contents(state)).toEqual(before);
  });

  test.each([
    ['that has deployed', []],
    ['that was killed before its first deployment was noted', ['state.json']],
  ])('takes up the state of an edition without marks %s', async (_what, missing) => {
    const dir = tempDir();
    const publisher = new Publisher(join(dir, 'git'));
    const first = publisher.publish({ version: '1' });
    const state = join(dir, 'state');
    const earlier = startRun(publisher, state);
    await deployed(earlier, first);
    await earlier.stop();
    unmark(state);
    for (const name of missing) rmSync(join(state, name));
    const process = startRun(publisher, state);
    await process.logged('starting up');
    await until(
      () => `it runs\n${process.stderr}`,
      () => existsSync(join(state, MARK)) && process.stderr.includes(first),
    );
    expect(process.child.exitCode).toBeNull();
  });
});

describe('relay --root', () => {
  test('the home of another git server loses nothing', async () => {
    const root = join(tempDir(), 'git');
    fill(root, ['answers/survey.csv', 'repositories/README', 'repositories/project.git/HEAD']);
    const before = contents(root);
    const args = ['relay', `--root=${root}`, '--http-bind=127.0.0.1:0', '--allow=https://git.example.com/*'];
    const process = new Sidecar(args, {}, { command: 'git-sidecar' });
    expect(await process.exited).toMatchObject({ code: 1 });
    expect(process.logs.at(-1)).toMatchObject({ code: 'ERR_DIRECTORY_FOREIGN' });
    expect(process.stderr).toContain('repositories/README, repositories/project.git');
    expect(contents(root)).toEqual(before);
  });

  test('takes up the mirrors of an edition without marks, beside somebody’s files', async () => {
    const it = fixture();
    const root = join(it.dir, 'relay');
    const url = `${await httpGit(it.dir)}/repo.git`;
    const args = [`--allow=${url}`, `--follow=${url}`];
    const start = async (): Promise<void> => {
      const relay = await startRelay({ dir: it.dir, args });
      await relay.process.logged('following');
      await until(
        () => `the mirror is there\n${relay.process.stderr}`,
        () => readdirSync(join(root, 'repositories')).length === 1,
      );
      expect((await relay.process.stop()).code).not.toBe(1);
    };
    await start();
    unmark(root);
    fill(root, ['access']);
    await start();
    expect(readFileSync(join(root, 'access'), 'utf8')).toBe('precious');
    expect(existsSync(join(root, MARK))).toBe(true);
  });
});
